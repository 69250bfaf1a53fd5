package selection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/subbert/subbert/data/corpus/pubmed"
	"github.com/subbert/subbert/data/documents"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/internal/regularfile"
)

// Task is the work on one input file, and its results. Encoded as JSON, and together with the pieces that it names, it
// can continue on another machine.
type Task struct {
	Path   string // as the file was named
	Local  string // its path on this machine, if not Path
	Format forms.Form
	Size   int64
	Found  Found    // by Find
	Drop   []uint64 // by Resolve: the matching documents to drop, a bit each
	Part   Made     // by Write
}

// file is the path of the input on this machine.
func (t *Task) file() string {
	if t.Local != "" {
		return t.Local
	}
	return t.Path
}

// The four functions below are the stages of Run, for use on several machines. The result of each depends only on its
// arguments, not on where or how often it runs.

// Find searches the file of a task and stores the matching documents in work.
func Find(ctx context.Context, p Plan, work *staging.Work, t *Task) error {
	s := &selector{Plan: p, work: work}
	if err := s.inspect(ctx, t); err != nil {
		return err
	}
	return s.look(ctx, t)
}

// Resolve orders the tasks and decides which of the found documents are kept. It needs the pieces in Found.ToResolve,
// marks and indexes.
func Resolve(p Plan, work *staging.Work, tasks []Task) ([]Task, Card, error) {
	s := &selector{Plan: p, work: work, tasks: slices.Clone(tasks), card: p.card()}
	if err := s.order(); err != nil {
		return nil, Card{}, fmt.Errorf("selection: %w", err)
	}
	if err := s.resolve(); err != nil {
		return nil, Card{}, fmt.Errorf("selection: %w", err)
	}
	return s.tasks, s.card, nil
}

// Write writes the part of a task that Resolve returned, from Find's piece of documents, Found.Piece.
func Write(ctx context.Context, p Plan, work *staging.Work, t *Task) error {
	s := &selector{Plan: p, work: work}
	return s.part(ctx, t)
}

// Finish makes p.Out from the parts of all tasks and the card, both as returned by Resolve.
func Finish(p Plan, work *staging.Work, tasks []Task, card Card) (Card, error) {
	s := &selector{Plan: p, work: work, tasks: tasks, card: card}
	var err error
	if s.dir, err = staging.New(p.Out); err != nil {
		return Card{}, fmt.Errorf("selection: %w", err)
	}
	err = s.finish()
	return s.card, errors.Join(err, s.dir.Discard())
}

// inspect determines the format and the size of the file of a task.
func (s *selector) inspect(ctx context.Context, t *Task) error {
	info, err := os.Stat(t.file())
	if err != nil {
		return err
	}
	if err := regularfile.Check(info); err != nil { // it is read several times, and again after a stop
		return fmt.Errorf("%s: %w", t.file(), err)
	}
	t.Size = info.Size()
	t.Format, err = documents.FormOf(ctx, t.file(), s.Format)
	return err
}

// order sorts the tasks: PubMed's files in their order of publication, after the others.
func (s *selector) order() error {
	byPath := make(map[string]Task)
	var files, citations []string
	for _, t := range s.tasks {
		if _, again := byPath[t.Path]; again {
			return fmt.Errorf("%s: named twice", t.Path)
		}
		if byPath[t.Path] = t; t.Format == forms.PubMedXML {
			citations = append(citations, t.Path)
		} else {
			files = append(files, t.Path)
		}
	}
	if err := pubmed.Sort(citations); err != nil {
		return err
	}
	s.card.Missing = pubmed.Missing(citations)
	for i, path := range slices.Concat(files, citations) {
		s.tasks[i] = byPath[path]
	}
	return nil
}

// identity distinguishes the state of an input file from other files of the same name.
func (t *Task) identity() ([]any, error) {
	info, err := os.Stat(t.file())
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(t.Path)
	return []any{path, info.Size(), info.ModTime().UnixNano(), t.Format}, err
}
