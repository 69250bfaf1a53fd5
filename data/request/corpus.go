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

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/internal/ctxio"
)

// Corpus is a request to read, split, mark and write a relation corpus.
type Corpus struct {
	In      string
	Format  string // one of relations.Formats
	Types   []string
	Within  int // maximum distance of the mentions of a pair, in sentences
	Marking relations.Marking
	Only    string // file with the names of the pairs or documents to keep; empty: all

	Folds       int  // deal the documents out into this number of folds; 0: keep the corpus's folds
	Fold        *int // make this fold the test set and the other folds train
	DevFraction float64
	DevBy       relations.Unit
	Seed        uint64 // seed of folds and dev set

	Split string // "all", or the only split to write
	Out   string // a file, or a folder for one file per split or fold

	Read func(done, size int64) // see relations.Options
}

// Written is the result of Corpus.Write.
type Written struct {
	From        string            `json:"from"` // format
	Marking     relations.Marking `json:"marking"`
	Files       []WrittenFile     `json:"files"`
	Counts      []relations.Count `json:"counts"`              // by split
	Covered     []Covered         `json:"covered,omitempty"`   // by split of the corpus, if it states relations between identifiers
	Differences []string          `json:"differences"`         // from the published counts
	Agreement   string            `json:"agreement,omitempty"` // confirms the published counts; empty if they differ or none are published
	Warnings    []string          `json:"warnings"`
}

// Covered counts the relations between two identifiers that a split of the corpus states, and those of them with a pair
// of mentions. The latter is the maximum that can be found in the pairs.
type Covered struct {
	Split string `json:"split"` // empty if the corpus does not say
	relations.Coverage
}

// WrittenFile is a file of marked sentences.
type WrittenFile struct {
	Path     string `json:"path"`
	Pairs    int    `json:"pairs"`
	examples []relations.Example
}

// Write reads, arranges and writes the corpus. It fails when ctx ends. Each file is written whole or not at all. Write
// also calls warn with each warning of the reader and each difference from the published counts.
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
	var written [][]relations.Example
	for _, f := range out.Files {
		if err := WriteMarked(ctx, f.Path, f.examples, c.Marking); err != nil {
			return nil, err
		}
		written = append(written, f.examples)
	}
	out.Counts = relations.CountPairs(written...)
	return out, nil
}

func (c Corpus) read(ctx context.Context, out *Written) ([]relations.Example, error) {
	o := relations.Options{Read: c.Read, Warn: func(line string) { out.Warnings = append(out.Warnings, line) }}
	types, err := PairTypes(c.Types)
	if err != nil {
		return nil, err
	}
	if c.Within < 0 || c.Within > 0 && !relations.NeedsSentences(c.Format) {
		return nil, misusef("--within %d, want 0 or more, and 0 for %s, where both mentions of a pair are in one sentence", c.Within, c.Format)
	}
	o.Types, o.Within, o.Covered = types, c.Within, out.cover
	if _, err := os.Stat(c.In); errors.Is(err, fs.ErrNotExist) {
		return nil, misusef("%s: no such file or folder", c.In)
	}
	return Examples(ctx, c.Format, c.In, o)
}

// cover adds c to the coverage of split.
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

// PairTypes returns the two mention types in names, which must have two elements or none.
func PairTypes(names []string) (types [2]string, err error) {
	if len(names) != 0 && len(names) != 2 {
		return types, misusef("--types names %d types, want two, such as Chemical,Disease", len(names))
	}
	copy(types[:], names)
	return types, nil
}

// arrange makes the requested splits and folds.
func (c Corpus) arrange(ctx context.Context, examples []relations.Example) ([]relations.Example, error) {
	if c.Only != "" {
		text, err := ctxio.ReadFile(ctx, c.Only)
		if err != nil {
			return nil, err
		}
		kept, unmet := relations.Pick(examples, strings.Fields(string(text)))
		if len(unmet) > 0 {
			return nil, fmt.Errorf("%s: the corpus has no pair or document %s (%d names not found)", c.Only, unmet[0], len(unmet))
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

// testOnFold sets the split of examples: fold n is test, the other folds are train.
func testOnFold(examples []relations.Example, n int) error {
	last := relations.NoFold
	for _, e := range examples {
		last = max(last, e.Fold)
	}
	if n < 0 || n > last {
		return misusef("--fold %d: the corpus has %d folds, counted from 0 (make folds with --folds)", n, last+1)
	}
	for i := range examples {
		if examples[i].Split = "train"; examples[i].Fold == n {
			examples[i].Split = "test"
		}
	}
	return nil
}

// holdDev holds out a part of train, or of a corpus without splits, as dev.
func (c Corpus) holdDev(examples []relations.Example) ([]relations.Example, error) {
	bySplit := map[string][]relations.Example{}
	for _, e := range examples {
		s := cmp.Or(e.Split, "train")
		bySplit[s] = append(bySplit[s], e)
	}
	if len(bySplit["dev"]) > 0 {
		return nil, misusef("--dev-fraction: the corpus already has a dev split")
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

// files assigns the examples to files.
func (c Corpus) files(ctx context.Context, examples []relations.Example) ([]WrittenFile, error) {
	if c.Split != "all" {
		examples = slices.DeleteFunc(slices.Clone(examples), func(e relations.Example) bool { return e.Split != c.Split })
		if len(examples) == 0 {
			return nil, misusef("--split %s: the corpus has no such split (make splits with --fold and --dev-fraction)", c.Split)
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

// partName returns the file name of e in a folder, without extension.
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

// WriteMarked writes examples, marked by m, as a TSV file with a header, compressed if path ends in .gz or
// .zst. If ctx ends it writes nothing and returns an
// error.
func WriteMarked(ctx context.Context, path string, examples []relations.Example, m relations.Marking) error {
	return atomicfile.WriteContext(ctx, path, func(to io.Writer) error {
		w, err := stream.Pack(to, path)
		if err != nil {
			return err
		}
		return errors.Join(relations.WriteTSV(w, func(yield func(relations.Row) bool) {
			for _, e := range examples {
				if ctx.Err() != nil || !yield(relations.RowOf(e, m)) {
					return
				}
			}
		}), w.Close(), ctx.Err())
	})
}
