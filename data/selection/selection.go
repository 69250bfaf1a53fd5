// Package selection copies the documents that a query asks for into a directory, with a card that says where they come
// from. The directory appears whole or not at all; the same files and query give the same bytes.
//
// Documents are written as JSON lines in parts, part-00000.jsonl.zst and so on, in the order in which they were read.
package selection

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/query"
	"github.com/subbert/subbert/data/staging"
)

const (
	formatName    = "subbert selection"
	formatVersion = 1
)

// cardName is the file that describes a selection.
const cardName = "card.json"

// partDocuments is how many documents a part holds.
const partDocuments = 100_000

// Plan is what is to be selected from which files.
type Plan struct {
	Files    []string
	Format   corpus.Format
	Query    *query.Query
	Out      string         // must not exist, or be empty
	Progress func(Progress) // called after each document
}

// Progress is how far a selection has come.
type Progress struct {
	Read, Size int64 // bytes of the files, as they lie on the disk
	Text       int64 // bytes of text looked at
}

// Card describes a selection. It is the content of card.json.
type Card struct {
	Format   string `json:"format"`
	Version  int    `json:"version"`
	Mode     string `json:"mode"`     // how the query is matched
	Query    string `json:"query"`    // as written
	Expanded string `json:"expanded"` // as understood
	Counts
	Inputs []Input `json:"inputs"`
	Parts  []Part  `json:"parts"`
}

// Counts says how much was looked at and taken.
type Counts struct {
	Read       int64 `json:"documents_read"`
	Selected   int64 `json:"documents_selected"`
	NoAbstract int64 `json:"selected_without_abstract"` // and without any other text than a title
	TextBytes  int64 `json:"selected_text_bytes"`
}

// Input is a file that was looked through.
type Input struct {
	Name   string `json:"name"` // without directories
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Counts
}

// Part is a file of selected documents.
type Part struct {
	File      string `json:"file"`
	Documents int64  `json:"documents"`
}

// ErrNothing says that a query matched no document.
var ErrNothing = errors.New("no document matches")

// ErrNoSelection says that something is no directory made by Run.
var ErrNoSelection = errors.New("no selection")

// Parts returns the names of the files of a selection. The error is ErrNoSelection if dir is a file, or has no card.
func Parts(dir string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(dir, cardName))
	if err != nil {
		return nil, ErrNoSelection
	}
	var card Card
	if err := json.Unmarshal(content, &card); err != nil {
		return nil, fmt.Errorf("%s: damaged: %w", filepath.Join(dir, cardName), err)
	}
	if card.Format != formatName || card.Version != formatVersion {
		return nil, fmt.Errorf("%s: format %q version %d, want %q version %d", filepath.Join(dir, cardName), card.Format,
			card.Version, formatName, formatVersion)
	}
	var names []string
	for _, p := range card.Parts {
		names = append(names, filepath.Base(p.File))
	}
	return names, nil
}

// Run selects. If it fails, or ctx ends, nothing is left behind.
func Run(ctx context.Context, p Plan) (Card, error) {
	if len(p.Files) == 0 {
		return Card{}, errors.New("selection: no files")
	}
	dir, err := staging.New(p.Out)
	if err != nil {
		return Card{}, fmt.Errorf("selection: %w", err)
	}
	s := selector{Plan: p, parts: parts{dir: dir}, card: Card{Format: formatName, Version: formatVersion, Mode: "lexical",
		Query: p.Query.String(), Expanded: p.Query.Expanded()}}
	err = s.run(ctx)
	return s.card, errors.Join(err, s.parts.abandon(), dir.Discard())
}

type selector struct {
	Plan
	card     Card
	parts    parts
	progress Progress
}

func (s *selector) run(ctx context.Context) error {
	for _, name := range s.Files {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		s.progress.Size += info.Size()
	}
	var before int64
	for _, name := range s.Files {
		in, err := s.file(ctx, name, before)
		if err != nil {
			return err
		}
		before += in.Bytes
		s.card.Inputs = append(s.card.Inputs, in)
		s.card.Counts.add(in.Counts)
	}
	if s.card.Selected == 0 {
		return fmt.Errorf("selection: %w %s; %d documents were read", ErrNothing, s.card.Expanded, s.card.Read)
	}
	if err := s.parts.finish(); err != nil {
		return fmt.Errorf("selection: %w", err)
	}
	s.card.Parts = s.parts.done
	content, err := json.MarshalIndent(s.card, "", "  ")
	if err != nil {
		return err
	}
	if err := s.parts.dir.WriteFile(cardName, append(content, '\n')); err != nil {
		return fmt.Errorf("selection: %w", err)
	}
	return s.parts.dir.Commit()
}

// file looks through one file.
func (s *selector) file(ctx context.Context, name string, before int64) (Input, error) {
	f, err := corpus.OpenFile(name, s.Format)
	if err != nil {
		return Input{}, err
	}
	defer f.Close() // only read from
	in := Input{Name: filepath.Base(name), Bytes: f.Size()}
	for d, err := range f.Documents() {
		if err != nil {
			return Input{}, err
		}
		if ctx.Err() != nil {
			return Input{}, ctx.Err()
		}
		in.Read++
		if s.Query.Match(&d) {
			in.take(&d)
			if err := s.parts.write(&d); err != nil {
				return Input{}, fmt.Errorf("selection: %w", err)
			}
		}
		s.progress.Read = before + f.Read()
		s.progress.Text += int64(d.Bytes())
		s.Progress(s.progress)
	}
	sum, err := f.Sum()
	in.SHA256 = hex.EncodeToString(sum[:])
	return in, err
}

func (c *Counts) take(d *corpus.Document) {
	c.Selected++
	c.TextBytes += int64(d.Bytes())
	if d.Bytes() == len(d.Title) {
		c.NoAbstract++
	}
}

func (c *Counts) add(o Counts) {
	c.Read += o.Read
	c.Selected += o.Selected
	c.NoAbstract += o.NoAbstract
	c.TextBytes += o.TextBytes
}

// parts writes documents into one part after the other.
type parts struct {
	dir  *staging.Dir
	done []Part

	file   *os.File
	zip    *zstd.Encoder
	buffer *bufio.Writer
	json   *json.Encoder
	n      int64 // documents in the part begun
}

func (p *parts) write(d *corpus.Document) error {
	if p.n == partDocuments {
		if err := p.finish(); err != nil {
			return err
		}
	}
	if p.file == nil {
		if err := p.begin(); err != nil {
			return err
		}
	}
	p.n++
	return p.json.Encode(d)
}

func (p *parts) name() string { return fmt.Sprintf("part-%05d.jsonl.zst", len(p.done)) }

func (p *parts) begin() error {
	f, err := p.dir.Create(p.name())
	if err != nil {
		return err
	}
	p.file = f
	if p.zip, err = zstd.NewWriter(f, zstd.WithEncoderConcurrency(1)); err != nil {
		return err
	}
	p.buffer = bufio.NewWriterSize(io.Writer(p.zip), 1<<16)
	p.json = json.NewEncoder(p.buffer)
	p.json.SetEscapeHTML(false)
	return nil
}

func (p *parts) finish() error {
	if p.file == nil {
		return nil
	}
	if err := errors.Join(p.buffer.Flush(), p.zip.Close()); err != nil {
		return err
	}
	p.done = append(p.done, Part{File: p.name(), Documents: p.n})
	f := p.file
	p.file, p.n = nil, 0
	return staging.Seal(f)
}

// abandon closes the part begun, which is about to be removed.
func (p *parts) abandon() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}
