package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Reference names a repository and a revision to fetch.
type Reference struct {
	Repository string // OWNER/NAME, or NAME alone
	Revision   string // branch, tag or commit
}

func (r Reference) String() string { return r.Repository + "@" + r.Revision }

const defaultRevision = "main"

// shortNames are the models of the paper. A pinned revision is the commit of the last change to the model on the
// repository's page; bluebert-pubmed follows its main branch, because that commit is unknown to us.
func shortNames() map[string]Reference {
	return map[string]Reference{
		"biobert-v1.1":    {"dmis-lab/biobert-base-cased-v1.1", "924f12e0c3db7f156a765ad53fb6b11e7afedbc8"},
		"biobert-v1.2":    {"dmis-lab/biobert-base-cased-v1.2", "67c9c25b46986521ca33df05d8540da1210b3256"},
		"scibert":         {"allenai/scibert_scivocab_uncased", "24f92d32b1bfb0bcaf9ab193ff3ad01e87732fc1"},
		"bluebert":        {"bionlp/bluebert_pubmed_mimic_uncased_L-12_H-768_A-12", "c656dbe1fc4d6c7771d93bcaff21b2e7984f64c8"},
		"bluebert-pubmed": {"bionlp/bluebert_pubmed_uncased_L-12_H-768_A-12", defaultRevision},
		"pubmedbert":      {"microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract", "d673b8835373c6fa116d6d8006b33d48734e305d"},
	}
}

// ShortNames lists the short names that Parse accepts.
func ShortNames() []string { return slices.Sorted(maps.Keys(shortNames())) }

// Names of repositories that the hub allows, and revisions that are safe as paths: no empty, "." or ".."
// element.
var (
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$`)
	revisionForm   = regexp.MustCompile(`^\w[\w.-]*(/\w[\w.-]*)*$`)
	commitForm     = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sha256Form     = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Parse parses OWNER/NAME or a short name. An empty revision means the one pinned for the short name, else
// main.
func Parse(name, revision string) (Reference, error) {
	r, short := shortNames()[name]
	if !short {
		r = Reference{Repository: name, Revision: defaultRevision}
	}
	if revision != "" {
		r.Revision = revision
	}
	if !repositoryForm.MatchString(r.Repository) || strings.Contains(r.Repository, "--") {
		return r, fmt.Errorf("%q is not a repository: want OWNER/NAME or one of %s", name, strings.Join(ShortNames(), ", "))
	}
	if !revisionForm.MatchString(r.Revision) {
		return r, fmt.Errorf("%q is not a revision: want a branch, a tag or a commit", r.Revision)
	}
	return r, nil
}

// Prefix marks the name of a model as one on the hub: hub:NAME or hub:NAME@REVISION.
const Prefix = "hub:"

// ParseModel parses the name of a model that is either a path on this machine or a name on the hub, with or without
// Prefix. Without Prefix it is a name on the hub only if it has the form OWNER/NAME and OWNER does not exist here. onHub
// is false for paths.
func ParseModel(name string) (ref Reference, onHub bool, err error) {
	name, marked := strings.CutPrefix(name, Prefix)
	if !marked && !impliesHub(name) {
		return ref, false, nil
	}
	name, revision, _ := strings.Cut(name, "@")
	if ref, err = Parse(name, revision); err != nil {
		err = fmt.Errorf("%s%s: %w", Prefix, name, err)
	}
	return ref, true, err
}

// impliesHub reports whether name has the form of a name on the hub and cannot be a path, because not even its first
// element exists.
func impliesHub(name string) bool {
	owner, model, ok := strings.Cut(name, "/")
	if !ok || strings.Contains(model, "/") || strings.ContainsAny(owner, `.:\`) {
		return false
	}
	if _, err := Parse(name, ""); err != nil {
		return false
	}
	_, err := os.Lstat(owner)
	return errors.Is(err, fs.ErrNotExist)
}
