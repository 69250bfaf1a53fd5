package preparation

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/documents"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/staging"
)

// Spool executes the first pass for one file, whose index among all files is number, and stores the result in work. The
// result depends only on the content of the file, its number and the settings: any machine may run it, and repeat it.
func Spool(ctx context.Context, p Plan, work *staging.Work, path string, number int) (Spooled, error) {
	r := newRun(p, work)
	var s Spooled
	err := r.encoding(func() (err error) {
		s, err = r.spool(ctx, path, number)
		return err
	})
	return s, err
}

// encoding calls do while workers encode the queued batches.
func (r *run) encoding(do func() error) error {
	var encoders sync.WaitGroup
	for range r.Workers {
		encoders.Go(r.encode)
	}
	err := do()
	close(r.queue)
	encoders.Wait()
	return err
}

// batch is a number of documents that pass through the pipeline.
type batch struct {
	documents []corpus.Document
	bytes     int // of text in documents
	encoded   []shards.Document
	heldOut   []bool
	done      chan struct{} // encoded
	read      int64         // bytes of the file read since the batch before
	last      *shards.Input // set on the last batch of a file
}

// batchBytes is the amount of text in a batch, spoolBytes the memory of all spools together.
const (
	batchBytes = 1 << 18
	spoolBytes = 32 << 20
)

func (r *run) spool(ctx context.Context, path string, number int) (_ Spooled, err error) {
	piece, err := r.work.Create()
	if err != nil {
		return Spooled{}, err
	}
	defer func() { err = errors.Join(err, piece.Discard()) }()
	k := keeper{run: r, path: path, number: number, spool: spool{piece: piece, limit: spoolBytes / max(1, min(r.Workers, len(r.Files)))}}
	order := make(chan *batch, 2*r.Workers)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(order)
		return r.read(ctx, path, order)
	})
	g.Go(func() error { return k.keep(ctx, order) })
	if err := g.Wait(); err != nil {
		return Spooled{}, err
	}
	if err := k.spool.flush(); err != nil {
		return Spooled{}, err
	}
	k.made.Runs, k.made.Bytes = k.spool.runs, piece.Size()
	k.made.Piece, err = piece.Seal()
	return k.made, err
}

// read sends the documents of one file to the workers.
func (r *run) read(ctx context.Context, name string, order chan<- *batch) error {
	var broken int64
	f, err := documents.Open(ctx, name, documents.Options{Form: r.Form, Strict: r.Strict, Broken: func(err error) {
		broken++
		r.Broken(err)
	}})
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	if f.Form() == forms.PubMedXML {
		return fmt.Errorf("%s: %s, in which later records replace or delete earlier ones; select from it with subbert data select, and make shards of the selection", name, f.Form())
	}
	var told int64
	b := r.batch()
	for record, err := range f.Records() {
		if err != nil {
			return err
		}
		b.documents = append(b.documents, record.Document)
		b.bytes += record.Document.Bytes()
		if b.bytes >= batchBytes || len(b.documents) == 1024 {
			now := f.BytesRead()
			b.read, told = now-told, now
			if err := r.send(ctx, b, order); err != nil {
				return err
			}
			b = r.batch()
		}
	}
	sum, err := f.Sum()
	if err != nil {
		return err
	}
	if r.Warn != nil {
		for _, note := range f.Notes() {
			r.Warn(note)
		}
	}
	b.last = &shards.Input{Name: filepath.Base(name), Bytes: f.Size(), SHA256: hex.EncodeToString(sum[:]), Broken: broken}
	b.read = f.Size() - told
	return r.send(ctx, b, order)
}

// batch returns an empty batch.
func (r *run) batch() *batch {
	var b *batch
	select {
	case b = <-r.free:
	default:
		b = &batch{}
	}
	*b = batch{documents: b.documents[:0], encoded: b.encoded, heldOut: b.heldOut[:0], done: make(chan struct{})}
	return b
}

func (r *run) send(ctx context.Context, b *batch, order chan<- *batch) error {
	for _, to := range []chan<- *batch{order, r.queue} {
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (r *run) encode() {
	e := NewEncoder(r.NewTokenizer(), r.Splitter, r.Unknown)
	for b := range r.queue {
		for len(b.encoded) < len(b.documents) {
			b.encoded = append(b.encoded, shards.Document{})
		}
		for i := range b.documents {
			e.Encode(&b.encoded[i], &b.documents[i])
			b.heldOut = append(b.heldOut, r.HeldOut > 0 && isHeldOut(&b.documents[i], r.HeldOut))
		}
		close(b.done)
	}
}

// keeper spools the batches of one file in order.
type keeper struct {
	*run
	path   string
	number int // of the file
	spool  spool
	made   Spooled
	seen   int // documents
	counts shards.Counts
}

func (k *keeper) keep(ctx context.Context, order <-chan *batch) error {
	for b := range order {
		select {
		case <-b.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		added, err := k.add(b)
		if err != nil {
			return err
		}
		k.counts.Add(added)
		k.advance(b.read, added)
		if b.last != nil {
			b.last.Counts = k.counts
			k.made.Input = *b.last
		}
		select {
		case k.free <- b:
		default:
		}
	}
	return ctx.Err()
}

// add spools the documents of a batch and counts them.
func (k *keeper) add(b *batch) (added shards.Counts, err error) {
	for i := range b.documents {
		d := &b.encoded[i]
		if k.seen++; len(d.IDs) == 0 {
			k.made.Empty++
			continue
		}
		if err := k.Vocabulary.Check(d); err != nil {
			return added, fmt.Errorf("%s: document %d: %w", k.path, k.seen, err)
		}
		if err := k.spool.add(keyOf(k.Seed, k.number, k.seen), k.seen, b.heldOut[i], d); err != nil {
			return added, err
		}
		added.Add(d.Counts())
	}
	return added, nil
}
