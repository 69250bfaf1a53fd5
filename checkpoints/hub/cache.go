package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	huggingface "github.com/gomlx/go-huggingface/hub"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/internal/ctxio"
)

// Snapshot is a repository at one commit, as far as a model needs it, on this machine.
type Snapshot struct {
	Repository string `json:"repository"`
	Revision   string `json:"revision"` // as it was asked for
	Commit     string `json:"commit"`
	Dir        string `json:"dir"`
	Offline    bool   `json:"offline,omitempty"` // nothing was asked of the server
	Files      []File `json:"files"`
}

// File is a file of a snapshot. Hash is its SHA-256, or for a small file its git blob hash.
type File struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	Hash    string `json:"hash"`
	Fetched bool   `json:"fetched"` // in this call; it was in the cache otherwise
}

// Write copies the snapshot's files to w.
func (s *Snapshot) Write(ctx context.Context, w host.FileWriter) error {
	for _, f := range s.Files {
		if err := s.copyFile(ctx, w, f.Name); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

func (s *Snapshot) copyFile(ctx context.Context, w host.FileWriter, name string) error {
	from, err := ctxio.Open(ctx, filepath.Join(s.Dir, name), nil)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := w.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// folder is where the cache keeps one repository.
type folder struct{ cache, name string }

func (c *Client) folder(repository string) folder {
	parts := append([]string{string(huggingface.RepoTypeModel)}, strings.Split(repository, "/")...)
	return folder{cache: c.Cache, name: strings.Join(parts, huggingface.RepoIdSeparator)}
}

func (f folder) ref(revision string) string {
	return filepath.Join(f.cache, f.name, "refs", filepath.FromSlash(revision))
}
func (f folder) blob(hash string) string { return filepath.Join(f.cache, f.name, "blobs", hash) }
func (f folder) snapshot(commit string) string {
	return filepath.Join(f.cache, f.name, "snapshots", commit)
}

// lock is the one that Python's library takes for the same blob.
func (f folder) lock(hash string) *flock.Flock {
	return flock.New(filepath.Join(f.cache, ".locks", f.name, hash+".lock"), flock.SetPermissions(0o666)) // others may share the cache
}

// commit looks up what a revision stood for when it was last resolved; empty if it never was.
func (f folder) commit(revision string) (string, error) {
	if commitForm.MatchString(revision) {
		return revision, nil
	}
	text, err := os.ReadFile(f.ref(revision))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	commit := strings.TrimSpace(string(text))
	if err == nil && !commitForm.MatchString(commit) {
		err = fmt.Errorf("%s: %q is no commit", f.ref(revision), commit)
	}
	return commit, err
}

// remember notes what a branch or tag stands for.
func (f folder) remember(revision, commit string) error {
	if was, err := f.commit(revision); err == nil && was == commit {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.ref(revision)), 0o777); err != nil {
		return err
	}
	return atomicfile.WriteBytes(f.ref(revision), []byte(commit))
}

// link gives a blob its name in a snapshot, by a relative link so that the cache can be moved.
func (f folder) link(commit, name, hash string) error {
	at, to := filepath.Join(f.snapshot(commit), name), filepath.Join("..", "..", "blobs", hash)
	if was, err := os.Readlink(at); err == nil && was == to {
		return nil // the cache may be somebody else's
	}
	if err := os.MkdirAll(f.snapshot(commit), 0o777); err != nil {
		return err
	}
	return atomicfile.Symlink(to, at)
}

// cached is the snapshot of ref as far as the cache has it. It must be a whole model.
func (c *Client) cached(ref Reference) (*Snapshot, error) {
	f := c.folder(ref.Repository)
	commit, err := f.commit(ref.Revision)
	if err != nil {
		return nil, err
	}
	missing := &NotCachedError{Reference: ref, Cache: c.Cache}
	if commit == "" {
		return nil, missing
	}
	s := &Snapshot{Repository: ref.Repository, Revision: ref.Revision, Commit: commit, Dir: f.snapshot(commit), Offline: true}
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sizes := make(map[string]int64)
	var names []string
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(s.Dir, e.Name())) // of the blob, if it is there
		if err == nil && info.Mode().IsRegular() {
			names, sizes[e.Name()] = append(names, e.Name()), info.Size()
		}
	}
	files, err := wanted(names)
	if err != nil || sizes["config.json"]+sizes["bert_config.json"] == 0 || sizes["vocab.txt"] == 0 {
		return nil, missing
	}
	for _, name := range files {
		file := File{Name: name, Bytes: sizes[name]}
		blob, err := filepath.EvalSymlinks(filepath.Join(s.Dir, name))
		if err != nil {
			return nil, err
		}
		if hash := filepath.Base(blob); commitForm.MatchString(hash) || sha256Form.MatchString(hash) { // a copy without links has none
			file.Hash = hash
			if err := c.check(blob, file); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", ref, name, err)
			}
		}
		s.Files = append(s.Files, file)
	}
	return s, nil
}

// NotCachedError says that the cache lacks a model and the server was not to be, or could not be, asked.
type NotCachedError struct {
	Reference Reference
	Cache     string
}

func (e *NotCachedError) Error() string {
	return fmt.Sprintf("%s is not, or not wholly, in %s", e.Reference, e.Cache)
}

// Hint says what to do.
func (e *NotCachedError) Hint() string {
	return "fetch it once with a connection (subbert model pull without --offline and HF_HUB_OFFLINE), or copy the cache from a machine that has it"
}
