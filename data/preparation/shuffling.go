package preparation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/staging"
)

// blockBytes is the size in memory of a block of the second pass; there are two blocks.
const blockBytes = 16 << 20

// Shuffle executes the second pass: it makes p.Out from the pieces that Spool made of all files, in the order of the
// files.
func Shuffle(ctx context.Context, p Plan, work *staging.Work, files []Spooled) (Result, error) {
	w, err := p.create()
	if err != nil {
		return Result{}, err
	}
	result, err := shuffle(ctx, w, work, files)
	return result, errors.Join(err, w.Discard())
}

func shuffle(ctx context.Context, w *shards.Writer, work *staging.Work, files []Spooled) (Result, error) {
	var result Result
	var inputs []shards.Input
	var documents int64
	for i := range files {
		inputs = append(inputs, files[i].Input)
		result.Empty += files[i].Empty
		documents += files[i].Input.Documents
	}
	if documents == 0 {
		return Result{}, errNoText
	}
	m := merger{writer: w, work: work, files: files}
	if err := m.run(ctx); err != nil {
		return Result{}, err
	}
	var err error
	result.Header, err = w.Commit(inputs)
	return result, err
}

// merger writes the documents of pieces in the order of their keys.
type merger struct {
	writer *shards.Writer
	work   *staging.Work
	files  []Spooled
}

// run reads a block while the previous one is decoded, and decodes documents while the previous ones are
// written.
func (m *merger) run(ctx context.Context) error {
	free, full := make(chan *block, 2), make(chan *block)
	free <- &block{}
	free <- &block{}
	spare, decoded := make(chan *chunk, 4), make(chan *chunk, 2)
	for range cap(spare) {
		spare <- &chunk{}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(full)
		return m.load(ctx, free, full)
	})
	g.Go(func() error {
		defer close(decoded)
		for b := range full {
			if err := b.decode(ctx, spare, decoded); err != nil {
				return err
			}
			free <- b
		}
		return nil
	})
	g.Go(func() error {
		for c := range decoded {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := m.write(c); err != nil {
				return err
			}
			spare <- c
		}
		return nil
	})
	return g.Wait()
}

func (m *merger) load(ctx context.Context, free <-chan *block, full chan<- *block) error {
	for from := 0; from < buckets; {
		to := m.until(from)
		var b *block
		select {
		case b = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := b.load(m.work, m.files, from, to); err != nil {
			return err
		}
		select {
		case full <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		from = to
	}
	return nil
}

// until returns the end, exclusive, of a block that begins with bucket from.
func (m *merger) until(from int) int {
	var bytes int64
	for to := from; to < buckets; to++ {
		for i := range m.files {
			for _, run := range m.files[i].Runs {
				bytes += run[to+1] - run[to]
			}
		}
		if bytes > blockBytes && to > from {
			return to
		}
	}
	return buckets
}

// chunk is a number of decoded documents of a block.
type chunk struct {
	documents []shards.Document
	heldOut   []bool
}

const chunkSize = 64 // documents: few enough for the processor's caches, enough to make channel operations cheap

// decode decodes the documents of b and sends them in order.
func (b *block) decode(ctx context.Context, spare <-chan *chunk, decoded chan<- *chunk) error {
	for entries := range slices.Chunk(b.entries, chunkSize) {
		var c *chunk
		select {
		case c = <-spare:
		case <-ctx.Done():
			return ctx.Err()
		}
		c.documents, c.heldOut = slices.Grow(c.documents[:0], len(entries))[:len(entries)], c.heldOut[:0]
		for i, e := range entries {
			if err := decode(&c.documents[i], b.data[e.start:e.end]); err != nil {
				return fmt.Errorf("preparation: %w", err)
			}
			c.heldOut = append(c.heldOut, e.heldOut)
		}
		select {
		case decoded <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (m *merger) write(c *chunk) error {
	for i := range c.documents {
		split := shards.Train
		if c.heldOut[i] {
			split = shards.HeldOut
		}
		if err := m.writer.Add(split, &c.documents[i]); err != nil {
			return err
		}
	}
	return nil
}
