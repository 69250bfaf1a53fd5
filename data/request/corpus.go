package request

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/internal/atomicfile"
)

// Corpus is what a person asks of a relation corpus: how it is read, split, marked and written.
type Corpus struct {
	In      string
	Format  string // one of relations.Formats
	Types   []string
	Within  int // how many sentences apart the mentions of a pair may be
	Marking relations.Marking
	Only    string // file of names of pairs or documents to keep; empty: all

	Folds       int  // deal the documents out into so many folds; 0: as they come
	Fold        *int // make this fold the test set and the others train
	DevFraction float64
	DevBy       relations.Unit
	Seed        uint64 // of folds and dev set

	Split string // "all", or the only split to write
	Out   string // a file, or a folder, which gets a file for each split or fold

	Read func(done, size int64) // as relations.Options has it
}

// Written is what was made of a corpus.
type Written struct {
	From        string            `json:"from"` // format
	Marking     relations.Marking `json:"marking"`
	Files       []WrittenFile     `json:"files"`
	Counts      []relations.Count `json:"counts"`              // by split
	Covered     []Covered         `json:"covered,omitempty"`   // by split of the corpus, where it states relations between identifiers
	Differences []string          `json:"differences"`         // from the published counts
	Agreement   string            `json:"agreement,omitempty"` // says that there are none, where counts are published
	Warnings    []string          `json:"warnings"`
}

// Covered says how many of the relations that a split of the corpus states between two identifiers have a pair of mentions: the most that
// can be found in the pairs.
type Covered struct {
	Split string `json:"split"` // empty where the corpus does not say
	relations.Coverage
}

// WrittenFile is a file of marked sentences.
type WrittenFile struct {
	Path     string `json:"path"`
	Pairs    int    `json:"pairs"`
	examples []relations.Example
}

// Write reads, arranges and writes the corpus, until ctx ends; each file is written whole or not at all. What a reader warns
// of, and what differs from the published counts, goes to warn too.
func (c Corpus) Write(ctx context.Context, warn func(line string)) (*Written, error) {
	out := &Written{From: c.Format, Marking: c.Marking, Differences: []string{}, Warnings: []string{}}
	examples, err := c.read(ctx, out)
	if err != nil {
		return nil, err
	}
	out.Differences = append(out.Differences, relations.Differences(c.Format, examples)...)
	for _, line := range slices.Concat(out.Warnings, out.Differences) {
		warn(line)
	}
	out.Agreement = relations.Agreement(c.Format, examples)
	if examples, err = c.arrange(ctx, examples); err != nil {
		return nil, err
	}
	if out.Files, err = c.files(ctx, examples); err != nil {
		return nil, err
	}
	var written []relations.Example
	for _, f := range out.Files {
		if err := WriteMarked(ctx, f.Path, f.examples, c.Marking); err != nil {
			return nil, err
		}
		written = append(written, f.examples...)
	}
	out.Counts = relations.CountPairs(written)
	return out, nil
}

func (c Corpus) read(ctx context.Context, out *Written) ([]relations.Example, error) {
	o := relations.Options{Read: c.Read, Warn: func(line string) { out.Warnings = append(out.Warnings, line) }}
	types, err := PairTypes(c.Types)
	if err != nil {
		return nil, err
	}
	if c.Within < 0 || c.Within > 0 && !relations.NeedsSentences(c.Format) {
		return nil, misusef("--within %d, want 0 or more, and 0 for %s, whose pairs are in one sentence each", c.Within, c.Format)
	}
	o.Types, o.Within, o.Covered = types, c.Within, out.cover
	if _, err := os.Stat(c.In); errors.Is(err, fs.ErrNotExist) {
		return nil, misusef("%s: no such file or folder", c.In)
	}
	return Examples(ctx, c.Format, c.In, o)
}

// cover adds c to what is covered of split.
func (w *Written) cover(split string, c relations.Coverage) {
	if c.Stated == 0 {
		return
	}
	i := slices.IndexFunc(w.Covered, func(o Covered) bool { return o.Split == split })
	if i < 0 {
		i = len(w.Covered)
		w.Covered = append(w.Covered, Covered{Split: split})
	}
	w.Covered[i].Coverage = w.Covered[i].Plus(c)
}

// PairTypes are the types of a pair's two mentions that names name, none if there are no names.
func PairTypes(names []string) (types [2]string, err error) {
	if len(names) != 0 && len(names) != 2 {
		return types, misusef("--types names %d types, want two, such as Chemical,Disease", len(names))
	}
	copy(types[:], names)
	return types, nil
}

// arrange makes the splits and folds that are asked for.
func (c Corpus) arrange(ctx context.Context, examples []relations.Example) ([]relations.Example, error) {
	if c.Only != "" {
		text, err := os.ReadFile(c.Only)
		if err != nil {
			return nil, err
		}
		kept, unmet := relations.Pick(examples, strings.Fields(string(text)))
		if len(unmet) > 0 {
			return nil, fmt.Errorf("%s: the corpus has no pair or document %s (%d such names)", c.Only, unmet[0], len(unmet))
		}
		examples = kept
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.Folds != 0 {
		dealt, err := relations.AssignFolds(examples, relations.ByDocument, c.Folds, c.Seed)
		if err != nil {
			return nil, &Misuse{err}
		}
		examples = dealt
	}
	if c.Fold != nil {
		if err := testOnFold(examples, *c.Fold); err != nil {
			return nil, err
		}
	}
	if c.Fold != nil || c.Folds != 0 {
		if err := relations.CheckFolds(examples, relations.Negative(c.Format)); err != nil {
			return nil, err
		}
	}
	if c.DevFraction == 0 || ctx.Err() != nil {
		return examples, ctx.Err()
	}
	return c.holdDev(examples)
}

// testOnFold sets the split of examples: fold n is test, the others are train.
func testOnFold(examples []relations.Example, n int) error {
	last := relations.NoFold
	for _, e := range examples {
		last = max(last, e.Fold)
	}
	if n < 0 || n > last {
		return misusef("--fold %d: the corpus has %d folds, counted from 0 (--folds makes some)", n, last+1)
	}
	for i := range examples {
		if examples[i].Split = "train"; examples[i].Fold == n {
			examples[i].Split = "test"
		}
	}
	return nil
}

// holdDev turns a part of train, or of a corpus without splits, into dev.
func (c Corpus) holdDev(examples []relations.Example) ([]relations.Example, error) {
	bySplit := map[string][]relations.Example{}
	for _, e := range examples {
		s := cmp.Or(e.Split, "train")
		bySplit[s] = append(bySplit[s], e)
	}
	if len(bySplit["dev"]) > 0 {
		return nil, misusef("--dev-fraction: the corpus has a dev split of its own")
	}
	rest, held, err := relations.Hold(bySplit["train"], c.DevBy, c.DevFraction, c.Seed)
	if err != nil {
		return nil, &Misuse{err}
	}
	for i := range rest {
		rest[i].Split = "train"
	}
	for i := range held {
		held[i].Split = "dev"
	}
	return slices.Concat(rest, held, bySplit["test"]), nil
}

// files deals the examples out to files.
func (c Corpus) files(ctx context.Context, examples []relations.Example) ([]WrittenFile, error) {
	if c.Split != "all" {
		examples = slices.DeleteFunc(slices.Clone(examples), func(e relations.Example) bool { return e.Split != c.Split })
		if len(examples) == 0 {
			return nil, misusef("--split %s: the corpus has no such split (--fold and --dev-fraction make some)", c.Split)
		}
	}
	if !isFolder(c.Out) {
		return []WrittenFile{{c.Out, len(examples), examples}}, nil
	}
	var out []WrittenFile
	for _, e := range examples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		path := filepath.Join(c.Out, partName(e)+".tsv")
		i := slices.IndexFunc(out, func(f WrittenFile) bool { return f.Path == path })
		if i < 0 {
			i = len(out)
			out = append(out, WrittenFile{Path: path})
		}
		out[i].Pairs++
		out[i].examples = append(out[i].examples, e)
	}
	return out, nil
}

// partName names the file of e in a folder.
func partName(e relations.Example) string {
	if e.Split == "" && e.Fold != relations.NoFold {
		return fmt.Sprintf("fold-%d", e.Fold)
	}
	return cmp.Or(e.Split, "all")
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return strings.HasSuffix(name, string(filepath.Separator)) || err == nil && info.IsDir()
}

// WriteMarked writes examples, marked by m, as a TSV file with a header: whole, or not at all if ctx ends.
func WriteMarked(ctx context.Context, path string, examples []relations.Example, m relations.Marking) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		return errors.Join(relations.WriteTSV(w, func(yield func(relations.Row) bool) {
			for _, e := range examples {
				if ctx.Err() != nil || !yield(relations.RowOf(e, m)) {
					return
				}
			}
		}), ctx.Err())
	})
}
