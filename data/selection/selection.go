package selection

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/query"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/staging"
)

// Mode is the way in which a query matches.
type Mode string

const (
	Lexical Mode = "lexical" // the words of the text
	MeSH    Mode = "mesh"    // words without a field also stand for MeSH headings
	Entity  Mode = "entity"  // documents must also mention entities of the given types
)

// Plan describes a selection and its input files.
type Plan struct {
	Files    []string   // PubMed's are sorted by their numbers
	Format   forms.Form // forms.Auto: determined by the content of each file
	Mode     Mode
	Query    *query.Query // nil selects every document
	Entities *Entities    // or nil
	Exclude  *Exclusion   // or nil
	Shares   []Share
	Aids     []Aid  // other files the result depends on
	Preset   string // the paper's corpus to compare with: pg, drug, cp, or empty
	Strict   bool   // end at the first broken record instead of skipping it
	Out      string // must not exist, or be empty
	Workers  int    // at least 1; does not change the result

	Splitter  *corpus.Splitter
	Tokenizer *Tokenizer // counts tokens; nil without a vocabulary

	Broken   func(error)    // called for each skipped record, from any goroutine
	Warn     func(string)   // called with what a person should know, from any goroutine; may be nil
	Progress func(Progress) // called occasionally, from one goroutine at a time
}

// Tokenizer counts tokens for the card.
type Tokenizer struct {
	Vocabulary string // its sha256
	Unknown    int32  // the id of [UNK]
	New        func() Appender
}

// Appender appends the ids of the word pieces of text to dst.
type Appender interface {
	Append(dst []int32, text string) []int32
}

// Progress is the progress of a stage.
type Progress struct {
	Stage      string // "looking through" the input files, or "writing" the parts
	Read, Size int64  // bytes of the files on the disk
	Text       int64  // bytes of text read
}

// ErrNothing says that a query matched no document.
var ErrNothing = errors.New("no document selected")

// Run selects documents: it executes Find, Resolve, Write and Finish, with Workers files at a time. If it fails, or ctx
// ends, Out does not appear; the error is a *staging.KeptError if finished files were kept for the next attempt.
func Run(ctx context.Context, p Plan) (Card, error) {
	s, err := begin(p)
	if err != nil {
		return Card{}, fmt.Errorf("selection: %w", err)
	}
	err = s.run(ctx)
	if err == nil {
		for _, name := range s.card.Missing {
			p.warn(fmt.Sprintf("PubMed's file %s is missing between the first and the last; records that it replaces or deletes stay", name))
		}
		return s.card, s.work.Remove()
	}
	err = errors.Join(err, s.dir.Discard())
	if errors.Is(err, ErrNothing) {
		return s.card, errors.Join(err, s.work.Remove())
	}
	return s.card, s.work.Keep(err)
}

func (p *Plan) warn(line string) {
	if p.Warn != nil {
		p.Warn(line)
	}
}

// selector executes a Plan.
type selector struct {
	Plan
	dir   *staging.Dir
	work  *staging.Work
	key   string // hash of everything that decides which documents match
	tasks []Task
	card  Card

	mu       sync.Mutex
	progress Progress
	told     time.Time
}

func begin(p Plan) (*selector, error) {
	if len(p.Files) == 0 {
		return nil, errors.New("no files")
	}
	s := &selector{Plan: p}
	if err := s.open(); err != nil {
		return nil, err
	}
	err := staging.WarnOfLeftovers(p.Out, p.warn)
	if err != nil {
		return nil, err
	}
	if s.dir, err = staging.New(p.Out); err != nil {
		return nil, err
	}
	if s.work, err = staging.OpenWork(p.Out); err != nil {
		return nil, errors.Join(err, s.dir.Discard())
	}
	s.key, err = staging.Key(s.card.Settings, p.Strict, p.Splitter.Name())
	return s, err
}

// open lists the tasks.
func (s *selector) open() error {
	s.card = s.Plan.card()
	for _, name := range s.Files {
		t := Task{Path: name}
		if err := s.inspect(&t); err != nil {
			return err
		}
		s.tasks = append(s.tasks, t)
	}
	return s.order()
}

func (s *selector) run(ctx context.Context) error {
	if err := s.stage(ctx, "looking through", func(t *Task) int64 { return t.Size }, s.find); err != nil {
		return err
	}
	if err := s.resolve(); err != nil {
		return fmt.Errorf("selection: %w", err)
	}
	if err := s.stage(ctx, "writing", func(t *Task) int64 { return t.Found.Bytes }, s.write); err != nil {
		return err
	}
	return s.finish()
}

// finish commits the directory, unless it would be empty.
func (s *selector) finish() error {
	s.count()
	if s.card.Selected == 0 {
		return fmt.Errorf("selection: %w by %s: %s", ErrNothing, s.card.Expanded, s.card.Counts)
	}
	if err := s.commit(); err != nil {
		return fmt.Errorf("selection: %w", err)
	}
	return nil
}

// stage calls do for all tasks, Workers of them at a time.
func (s *selector) stage(ctx context.Context, name string, size func(*Task) int64, do func(context.Context, *Task) error) error {
	s.progress = Progress{Stage: name}
	for i := range s.tasks {
		s.progress.Size += size(&s.tasks[i])
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, s.Workers))
	for i := range s.tasks {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return do(ctx, &s.tasks[i])
		})
	}
	return g.Wait()
}

// advance adds to the progress and reports it occasionally.
func (s *selector) advance(read, text int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.Read += read
	s.progress.Text += text
	if time.Since(s.told) > 100*time.Millisecond {
		s.told = time.Now()
		s.Progress(s.progress)
	}
}

func (s *selector) commit() error {
	for i := range s.tasks {
		t := &s.tasks[i]
		if t.Part.Selected == 0 {
			continue
		}
		name := fmt.Sprintf("part-%05d.jsonl.zst", len(s.card.Parts))
		if err := s.dir.Take(s.work, t.Part.Piece, name); err != nil {
			return err
		}
		s.card.Parts = append(s.card.Parts, Part{File: name, Documents: t.Part.Selected, SHA256: t.Part.Piece})
	}
	content, err := json.MarshalIndent(s.card, "", "  ")
	if err != nil {
		return err
	}
	if err := s.dir.WriteFile(cardName, append(content, '\n')); err != nil {
		return err
	}
	if err := s.dir.WriteFile("card.md", []byte(s.card.Markdown())); err != nil {
		return err
	}
	return s.dir.Commit()
}

func sumOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) }
