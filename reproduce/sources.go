package reproduce

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/boundedtoml"
)

// Model is a published model.
type Model struct {
	Name      string `toml:"name"`
	Label     string `toml:"label"`
	Published string `toml:"published"` // the exact model
	Obtain    string `toml:"obtain"`    // where to get it, and under which licence
	Licence   string `toml:"licence"`
	SHA256    string `toml:"sha256"` // of the file of weights; empty: any file is accepted
	Uncased   bool   `toml:"uncased"`
	Preset    string `toml:"preset"` // preset of configs for its runs at the paper's scale
}

// Corpus is a relation corpus. The first of its forms that exists is used.
type Corpus struct {
	Name  string `toml:"name"`
	Label string `toml:"label"`
	About string `toml:"about"`
	Forms []Form `toml:"form"`
}

// Form is one form in which a corpus is published.
type Form struct {
	Name       string            `toml:"name"`
	Path       string            `toml:"path"`   // under the data directory
	Format     string            `toml:"format"` // as subbert data relations names it
	Splits     bool              `toml:"splits"` // a directory of train.tsv, dev.tsv and test.tsv, marked already
	Licence    string            `toml:"licence"`
	Obtain     string            `toml:"obtain"`
	Remark     string            `toml:"remark"`
	Relations  []string          `toml:"relations"` // further arguments of subbert data relations, for the splits
	Files      map[string]string `toml:"files"`     // sha256 of the known files
	Finetuning map[string]any    `toml:"finetuning"`
	Exclude    []Exclusion       `toml:"exclude"` // from texts for pre-training
	Train      int               `toml:"train"`   // training pairs, for a forecast
	Test       string            `toml:"test"`    // the file with the test sentences; empty: test.tsv
}

// Sources are the models and corpora that experiments name.
type Sources struct {
	Models  []Model  `toml:"model"`
	Corpora []Corpus `toml:"corpus"`
}

// ReadSources reads sources/*.toml of files, or the file called own if that is not empty.
func ReadSources(files fs.FS, own string) (*Sources, error) {
	if own != "" {
		text, err := boundedtoml.Read(own)
		if err != nil {
			return nil, err
		}
		return parseSources(own, text)
	}
	names, err := fs.Glob(files, "sources/*.toml")
	if err != nil {
		return nil, err
	}
	all := &Sources{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		one, err := parseSources(name, text)
		if err != nil {
			return nil, err
		}
		all.Models, all.Corpora = append(all.Models, one.Models...), append(all.Corpora, one.Corpora...)
	}
	return all, nil
}

// parseSources reads the text of the file called name.
func parseSources(name string, text []byte) (*Sources, error) {
	s := &Sources{}
	return s, decode(name, text, s)
}

func (s *Sources) model(name string) (Model, bool) {
	i := slices.IndexFunc(s.Models, func(m Model) bool { return m.Name == name })
	if i < 0 {
		return Model{}, false
	}
	return s.Models[i], true
}

func (s *Sources) modelNames() []string {
	var names []string
	for _, m := range s.Models {
		names = append(names, m.Name)
	}
	return names
}

func (s *Sources) corpus(name string) (Corpus, bool) {
	i := slices.IndexFunc(s.Corpora, func(c Corpus) bool { return c.Name == name })
	if i < 0 {
		return Corpus{}, false
	}
	return s.Corpora[i], true
}

// Data is a directory with corpora and texts, and what is known about the files in it.
type Data struct {
	Dir     string // empty: not given
	Anyhow  bool   // accept files whose content is not the known one
	Assumed bool   // assume that every file exists, for a forecast

	checked map[string]error
}

// path returns the path of name. The file need not exist.
func (d *Data) path(name string) string { return filepath.Join(d.Dir, filepath.FromSlash(name)) }

// absentError says that something was not given.
type absentError struct{ what string }

func (e *absentError) Error() string { return e.what }

// find returns the form of c that exists; its error says what is wrong with it.
func (d *Data) find(c Corpus) (Form, error) {
	if len(c.Forms) == 0 {
		return Form{}, fmt.Errorf("corpus %s: no forms", c.Name)
	}
	for _, f := range c.Forms {
		if d.Dir == "" {
			break
		}
		if _, err := os.Stat(d.path(f.Path)); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return f, err
		}
		return f, d.check(f.Files)
	}
	f := c.Forms[0]
	if d.Assumed {
		return f, nil
	}
	var forms []string
	for _, f := range c.Forms {
		forms = append(forms, fmt.Sprintf("%s: %s (%s)", f.Path, f.Obtain, f.Licence))
	}
	return f, &absentError{"no corpus given; use --data DIR with " + strings.Join(forms, "; or ")}
}

// check compares files with their checksums, each file once.
func (d *Data) check(files map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := d.checkFile(name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

func (d *Data) checkFile(name, want string) error {
	if err, ok := d.checked[name]; ok {
		return err
	}
	got, err := sumOf(d.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = &absentError{fmt.Sprintf("%s is missing from the data directory", name)}
	case err == nil && got != want && !d.Anyhow:
		err = fmt.Errorf("%s is not the known file: sha256 %.12s, want %.12s; --unchecked accepts it", name, got, want)
	}
	if d.checked == nil {
		d.checked = map[string]error{}
	}
	d.checked[name] = err
	return err
}

// sumOf returns the sha256 of a file.
func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read from
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// texts returns the files that match the patterns of t. A pattern without a match is an error.
func (d *Data) texts(t Text) ([]string, error) {
	var found []string
	for _, pattern := range t.Files {
		names, err := filepath.Glob(d.path(pattern))
		if err != nil {
			return nil, fmt.Errorf("text %s: %s: %w", t.Name, pattern, err)
		}
		if d.Dir == "" || len(names) == 0 {
			if d.Assumed {
				names = []string{d.path(pattern)}
			} else {
				return nil, &absentError{fmt.Sprintf("no text given; use --data DIR with %s%s", pattern, semicolon(t.Obtain))}
			}
		}
		found = append(found, names...)
	}
	return found, nil
}

func semicolon(s string) string {
	if s == "" {
		return ""
	}
	return "; " + s
}

// test returns the file of the test sentences among the files that subbert data relations writes.
func (f Form) test() string {
	if f.Test != "" {
		return f.Test
	}
	return "test.tsv"
}

// Exclusion is an evaluation corpus. Its documents and sentences must not occur in a text for pre-training.
type Exclusion struct {
	Format string `toml:"format"`
	Path   string `toml:"path"`
}
