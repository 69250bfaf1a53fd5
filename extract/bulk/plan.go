package bulk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/runs/result"
)

// Filter says which pairs are predicted.
type Filter struct {
	Types    [2]string       // of the two mentions; empty: any types
	Within   int             // greatest distance of the two mentions, in sentences
	IDs      map[string]bool // a pair needs a mention with one of these concepts, in the form of pubtator.Plain; nil: any
	Species  map[string]bool // a text needs one of these identifiers of species; nil: any
	Sections []string        // names, or their beginning up to an underscore, as in abstract_title_1; nil: any
}

// Plan says what Run extracts from which files.
type Plan struct {
	Model  string   // the model's directory
	Files  []string // of texts
	Out    string   // its extension determines the format of the rows
	Filter Filter
	As     [2]string // names of the types of the two mentions in the marks that the model sees; empty: those of the files

	MinProbability float64 // of the label of a row
	Negatives      bool    // keep rows whose label means no relation
	Precision      string  // of the computation; rows of different precisions are not mixed
	Strict         bool    // end at the first broken text
	Replace        bool    // overwrite Out
	Resume         bool    // continue an earlier attempt
	Workers        int     // number of texts read at a time
	Chunk          int     // pairs lost at most if the work is stopped; 0: 4096

	Sentences func(string) []text.Span // called by several workers at once; nil: the splitter of package corpus
	Broken    func(error)              // receives what is skipped; may be nil, as the two below
	Note      func(string)             // receives other remarks for a person; called by several goroutines at once
	Progress  func(Progress)
}

// Progress is how far the work has come.
type Progress struct {
	Pairs, Rows int   // including those of earlier attempts
	Earlier     int   // pairs of earlier attempts
	Read, Size  int64 // bytes of the files, as stored on disk
}

// version changes when the same plan gives different rows.
const version = 2

// maxDocumentPairs bounds the memory that one text takes.
const maxDocumentPairs = 200_000

func (p *Plan) complete() error {
	if p.Sentences == nil {
		splitter, err := corpus.NewSplitter()
		if err != nil {
			return err
		}
		p.Sentences = splitter.Split
	}
	if p.Chunk == 0 {
		p.Chunk = 4096
	}
	p.Workers = max(1, p.Workers)
	if p.Broken == nil {
		p.Broken = func(error) {}
	}
	if p.Note == nil {
		p.Note = func(string) {}
	}
	if p.Progress == nil {
		p.Progress = func(Progress) {}
	}
	return nil
}

// key returns the key of the request: a hash of everything that the rows depend on.
func (p *Plan) key() (string, error) {
	parts := []any{version, p.Filter, p.As, p.MinProbability, p.Negatives, p.Precision, p.Chunk}
	seen := map[string]bool{}
	for _, name := range p.Files {
		state, err := stateOf(name)
		if err != nil {
			return "", err
		}
		if path := state[0].(string); seen[path] {
			return "", fmt.Errorf("%s: given twice", name)
		} else {
			seen[path] = true
		}
		parts = append(parts, state)
	}
	model, err := modelState(result.ModelPath(p.Model))
	if err != nil {
		return "", err
	}
	return staging.Key(append(parts, model)...)
}

// stateOf returns values that change when the file changes.
func stateOf(name string) ([]any, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory, want a file", name)
	}
	path, err := filepath.Abs(name)
	return []any{path, info.Size(), info.ModTime().UnixNano()}, err
}

// modelState returns stateOf for the files of a model.
func modelState(dir string) (out []any, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		state, err := stateOf(dir)
		return state, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			out = append(out, e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return out, nil
}

// wants reports whether a pair is to be predicted. Types and distance have been checked before.
func (f *Filter) wants(e *relations.Example) bool {
	if f.IDs != nil && !named(e.Place.A.ID, f.IDs) && !named(e.Place.B.ID, f.IDs) {
		return false
	}
	return f.Sections == nil || slices.ContainsFunc(f.Sections, func(s string) bool {
		rest, ok := strings.CutPrefix(e.Place.Section, s)
		return ok && (rest == "" || rest[0] == '_')
	})
}

// named reports whether id names one of wanted.
func named(id string, wanted map[string]bool) bool {
	return slices.ContainsFunc(relations.Concepts(id), func(c string) bool { return wanted[c] })
}
