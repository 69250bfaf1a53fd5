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
)

// Task is the work on one input file, and what has come of it. It can be written down as JSON and go on elsewhere, along
// with the pieces it names.
type Task struct {
	Path   string // as the file was named
	Local  string // where it lies on this machine, if not at Path
	Format forms.Form
	Size   int64
	Found  Found    // by Find
	Drop   []uint64 // by Resolve: which of the matched documents do not count, a bit each
	Part   Made     // by Write
}

// file is where the input lies.
func (t *Task) file() string {
	if t.Local != "" {
		return t.Local
	}
	return t.Path
}

// The four functions below are the stages of Run, for where one machine does not do it all. What each makes depends on what it is
// given alone, not on where or how often it runs.

// Find looks through the file of a task and keeps what matches in work.
func Find(ctx context.Context, p Plan, work *staging.Work, t *Task) error {
	s := &selector{Plan: p, work: work}
	if err := s.inspect(t); err != nil {
		return err
	}
	return s.look(ctx, t)
}

// Resolve puts the tasks into their order and decides which of the documents found count. Of what Find made it needs the marks
// and indexes (Found.ToResolve).
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

// Write makes the part of a task that Resolve returned from the piece of documents that Find made, Found.Piece.
func Write(ctx context.Context, p Plan, work *staging.Work, t *Task) error {
	s := &selector{Plan: p, work: work}
	return s.part(ctx, t)
}

// Finish makes p.Out of the parts of all tasks and the card, both as Resolve returned them.
func Finish(p Plan, work *staging.Work, tasks []Task, card Card) (Card, error) {
	s := &selector{Plan: p, work: work, tasks: tasks, card: card}
	var err error
	if s.dir, err = staging.New(p.Out); err != nil {
		return Card{}, fmt.Errorf("selection: %w", err)
	}
	err = s.finish()
	return s.card, errors.Join(err, s.dir.Discard())
}

// inspect finds out the format and the size of the file of a task.
func (s *selector) inspect(t *Task) error {
	info, err := os.Stat(t.file())
	if err != nil {
		return err
	}
	t.Size = info.Size()
	t.Format, err = documents.FormOf(t.file(), s.Format)
	return err
}

// order sorts the tasks: PubMed's files in the order in which they count, behind the others.
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

// identity is what tells the state of an input file apart from others of that name.
func (t *Task) identity() ([]any, error) {
	info, err := os.Stat(t.file())
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(t.Path)
	return []any{path, info.Size(), info.ModTime().UnixNano(), t.Format}, err
}
