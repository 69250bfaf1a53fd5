package bulk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/runs/result"
)

// Filter says which pairs are predicted.
type Filter struct {
	Types    [2]string       // of the two mentions; empty: any
	Within   int             // sentences that the two mentions may be apart
	IDs      map[string]bool // identifiers of which a pair names one at least; nil: any
	Species  map[string]bool // identifiers of species of which a text names one at least; nil: any
	Sections []string        // names, or their beginning up to a low line, as in abstract_title_1; nil: any
}

// Plan is what is extracted from what.
type Plan struct {
	Model  string   // its directory
	Files  []string // of texts
	Out    string   // whose end says the form of the rows
	Filter Filter
	As     [2]string // what the types of the two mentions are called in the marks that the model sees; empty: as in the files

	MinProbability float64 // of the label of a row
	Negatives      bool    // keep rows whose label means no relation
	Precision      string  // that the model computes in, for the record: rows of one are not mixed with those of another
	Strict         bool    // end at what is broken
	Replace        bool    // write over Out
	Resume         bool    // go on with what an earlier attempt has finished
	Workers        int     // texts are read by so many at a time
	Chunk          int     // pairs that are lost at most if the work is stopped; 0: 4096

	Sentences func(string) []text.Span // for several workers at once
	Broken    func(error)              // told of what is passed over; may be nil, as the two below
	Note      func(string)             // told what else a person may want to know; for several goroutines at once
	Progress  func(Progress)
}

// Progress is how far the work has come.
type Progress struct {
	Pairs, Rows int   // those of earlier attempts included
	Earlier     int   // pairs of earlier attempts
	Read, Size  int64 // bytes of the files, as they lie on the disk
}

// version changes when the same plan makes other rows.
const version = 1

// maxDocumentPairs bounds the memory that one text takes.
const maxDocumentPairs = 200_000

func (p *Plan) complete() {
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
}

// key names the request: everything that the rows depend on.
func (p *Plan) key() (string, error) {
	parts := []any{version, p.Filter, p.As, p.MinProbability, p.Negatives, p.Precision, p.Chunk}
	seen := map[string]bool{}
	for _, name := range p.Files {
		state, err := stateOf(name)
		if err != nil {
			return "", err
		}
		if path := state[0].(string); seen[path] {
			return "", fmt.Errorf("%s: named twice", name)
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

// stateOf tells the state of a file apart from others of that name.
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

// modelState returns that of the files of a model.
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

// wants reports whether a pair is predicted. Types and distance have been seen to.
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
