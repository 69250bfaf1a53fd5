package bulk

import (
	"context"
	"errors"
	"iter"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
)

// Counts counts the outcome of a chunk, or of all chunks.
type Counts struct {
	Documents   int            `json:"documents"`
	Pairs       int            `json:"pairs"` // predicted pairs
	Rows        int            `json:"rows"`
	Labels      map[string]int `json:"labels"` // of the rows
	Cut         marked.Cut     `json:"cut"`
	BrokenFiles int            `json:"broken_files"` // files or members of archives that could not be read to their end
	Broken      int            `json:"broken_documents"`
	LeftOut     int            `json:"annotations_left_out"`
	Bounded     int            `json:"sentences_bounded"` // sentences, and documents, that make more pairs than are predicted
}

// Add adds the counts of o.
func (c *Counts) Add(o Counts) {
	c.Documents += o.Documents
	c.Pairs += o.Pairs
	c.Rows += o.Rows
	c.Cut = c.Cut.Plus(o.Cut)
	c.BrokenFiles += o.BrokenFiles
	c.Broken += o.Broken
	c.LeftOut += o.LeftOut
	c.Bounded += o.Bounded
	if c.Labels == nil {
		c.Labels = map[string]int{}
	}
	for l, n := range o.Labels {
		c.Labels[l] += n
	}
}

// chunk is a stretch of the work.
type chunk struct {
	examples []relations.Example
	counts   Counts
	next     position // after the chunk
	read     int64    // bytes of all files up to the chunk's end
	last     bool
}

// chunks yields the chunks from start on. A chunk ends after the text with which it reaches p.Chunk pairs, and at the
// end of a file.
func (p *Plan) chunks(ctx context.Context, start position) iter.Seq2[*chunk, error] {
	return func(yield func(*chunk, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		group, ctx := errgroup.WithContext(ctx)
		r := &reader{Plan: p, ctx: ctx, start: start, slots: make(chan struct{}, p.Workers), units: make(chan *unit, p.Workers)}
		var size int64
		for _, name := range p.Files {
			r.before = append(r.before, size)
			info, err := os.Stat(name)
			if err != nil {
				yield(nil, err)
				return
			}
			size += info.Size()
		}
		group.Go(r.scan)
		err := r.collect(start, func(c *chunk) bool { return yield(c, nil) })
		cancel()
		scanned := group.Wait()
		if errors.Is(err, errStopped) {
			return
		}
		if scanned != nil && !errors.Is(scanned, context.Canceled) {
			err = scanned
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

var errStopped = errors.New("the consumer stopped")

// collect combines the items of all units into chunks.
func (r *reader) collect(start position, yield func(*chunk) bool) error {
	c := &chunk{next: start}
	for u := range r.units {
		if u.at.File != c.next.File { // rows of a file depend only on that file
			c.next = position{File: u.at.File}
			if err := r.ctx.Err(); err != nil {
				return err
			}
			if !yield(c) {
				return errStopped
			}
			c = &chunk{next: c.next, read: c.read}
		}
		for batch := range u.items {
			for i := range batch {
				if err := r.take(c, &batch[i]); err != nil {
					return err
				}
				if len(c.examples) < r.Chunk {
					continue
				}
				if err := r.ctx.Err(); err != nil { // items may be missing from now on
					return err
				}
				if !yield(c) {
					return errStopped
				}
				c = &chunk{next: c.next, read: c.read, examples: make([]relations.Example, 0, len(c.examples))} // more are likely
			}
		}
	}
	if err := r.ctx.Err(); err != nil {
		return err
	}
	c.next, c.last = position{File: len(r.Files)}, true
	if !yield(c) {
		return errStopped
	}
	return nil
}

// take adds an item to a chunk. It reports what is broken, or returns it as the error if the work is strict.
func (r *reader) take(c *chunk, it *item) error {
	for i, err := range it.faults {
		fault, isText := errors.AsType[*relations.TextFault](err)
		_, isBounded := errors.AsType[boundedError](err)
		switch {
		case r.Strict:
			return err
		case isBounded:
			c.counts.Bounded++
			r.Note(err.Error())
			continue
		case it.file && i == len(it.faults)-1 && !isText:
			c.counts.BrokenFiles++
		case isText && fault.Annotation:
			c.counts.LeftOut++
		default:
			c.counts.Broken++
		}
		r.Broken(err)
	}
	for _, line := range it.notes {
		r.Note(line)
	}
	if it.text {
		c.counts.Documents++
	}
	c.examples = append(c.examples, it.examples...)
	c.counts.Pairs += len(it.examples)
	c.next, c.read = it.next, it.read
	return nil
}
