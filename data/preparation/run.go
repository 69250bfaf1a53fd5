package preparation

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/shards"
)

// Plan is what is to be made of which files.
type Plan struct {
	Files   []string
	Out     string  // the directory of the shards; must not exist, or be empty
	HeldOut float64 // fraction of the documents, from 0 to below 1
	Workers int     // at least 1; changes the time taken and nothing else

	Vocabulary   shards.Vocabulary
	Tokenizer    shards.Tokenizer // settings, for the manifest
	Unknown      int32            // the id of [UNK]
	NewTokenizer func() Tokenizer // called once per worker
	Splitter     Splitter

	Progress func(Progress) // called now and then from one goroutine at a time
}

// Progress is how far a run has come.
type Progress struct {
	Read, Size int64 // bytes of the files, as they lie on the disk
	Done       shards.Counts
}

// Result is what a run made.
type Result struct {
	Header shards.Header
	Empty  int64 // documents without any text, left out
}

// Run makes shards. If it fails, or ctx ends, nothing is left behind.
func Run(ctx context.Context, p Plan) (Result, error) {
	if p.HeldOut < 0 || p.HeldOut >= 1 {
		return Result{}, fmt.Errorf("preparation: held-out fraction %v, want from 0 to below 1", p.HeldOut)
	}
	size, err := totalSize(p.Files)
	if err != nil {
		return Result{}, err
	}
	w, err := shards.Create(p.Out, shards.Header{Vocabulary: p.Vocabulary, Tokenizer: p.Tokenizer,
		Splitter: p.Splitter.Name(), HeldOut: p.HeldOut})
	if err != nil {
		return Result{}, err
	}
	r := run{Plan: p, writer: w, progress: Progress{Size: size}, queue: make(chan *batch, p.Workers),
		order: make(chan *batch, 2*p.Workers), free: make(chan *batch, 3*p.Workers+2)}
	result, err := r.all(ctx)
	return result, errors.Join(err, w.Discard())
}

func totalSize(files []string) (int64, error) {
	if len(files) == 0 {
		return 0, errors.New("preparation: no files")
	}
	var size int64
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}

// run is a Plan being carried out: one goroutine reads batches of documents, workers encode them in any order, and one
// goroutine writes them in the order in which they were read.
type run struct {
	Plan
	writer   *shards.Writer
	progress Progress
	inputs   []shards.Input
	empty    int64

	queue chan *batch // to the workers
	order chan *batch // to the writer
	free  chan *batch // to be used again
}

// batch is some documents on their way.
type batch struct {
	documents []corpus.Document
	bytes     int // of text in documents
	encoded   []shards.Document
	heldOut   []bool
	done      chan struct{} // encoded
	input     int           // number of the file
	read      int64         // bytes of all files read so far
	last      *shards.Input // set on the last batch of a file
}

// batchBytes is how much text makes a batch.
const batchBytes = 1 << 18

func (r *run) all(ctx context.Context) (Result, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(r.order)
		defer close(r.queue)
		return r.read(ctx)
	})
	for range max(1, r.Workers) {
		g.Go(func() error { return r.encode(ctx) })
	}
	g.Go(func() error { return r.write(ctx) })
	if err := g.Wait(); err != nil {
		return Result{}, err
	}
	if r.progress.Done.Documents == 0 {
		return Result{}, errors.New("preparation: no document with any text")
	}
	h, err := r.writer.Commit(r.inputs)
	return Result{Header: h, Empty: r.empty}, err
}

func (r *run) read(ctx context.Context) error {
	var before int64
	for i, name := range r.Files {
		n, err := r.readFile(ctx, i, name, before)
		if err != nil {
			return err
		}
		before += n
	}
	return nil
}

// readFile sends the documents of one file off and returns the size of the file.
func (r *run) readFile(ctx context.Context, i int, name string, before int64) (int64, error) {
	f, err := corpus.OpenFile(name, corpus.Detect)
	if err != nil {
		return 0, err
	}
	defer f.Close() // only read from
	b := r.batch(i)
	for d, err := range f.Documents() {
		if err != nil {
			return 0, err
		}
		b.documents = append(b.documents, d)
		b.bytes += d.Bytes()
		if b.bytes >= batchBytes || len(b.documents) == 1024 {
			b.read = before + f.Read()
			if err := r.send(ctx, b); err != nil {
				return 0, err
			}
			b = r.batch(i)
		}
	}
	sum, err := f.Sum()
	if err != nil {
		return 0, err
	}
	b.last = &shards.Input{Name: filepath.Base(name), Bytes: f.Size(), SHA256: hex.EncodeToString(sum[:])}
	b.read = before + f.Size()
	return f.Size(), r.send(ctx, b)
}

// batch returns an empty batch for documents of file i.
func (r *run) batch(i int) *batch {
	var b *batch
	select {
	case b = <-r.free:
	default:
		b = &batch{}
	}
	*b = batch{documents: b.documents[:0], encoded: b.encoded, heldOut: b.heldOut[:0], done: make(chan struct{}), input: i}
	return b
}

func (r *run) send(ctx context.Context, b *batch) error {
	for _, to := range []chan *batch{r.order, r.queue} {
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (r *run) encode(ctx context.Context) error {
	e := NewEncoder(r.NewTokenizer(), r.Splitter, r.Unknown)
	for b := range r.queue {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for len(b.encoded) < len(b.documents) {
			b.encoded = append(b.encoded, shards.Document{})
		}
		for i := range b.documents {
			e.Encode(&b.encoded[i], &b.documents[i])
			b.heldOut = append(b.heldOut, r.HeldOut > 0 && isHeldOut(&b.documents[i], r.HeldOut))
		}
		close(b.done)
	}
	return nil
}

func (r *run) write(ctx context.Context) error {
	var counts shards.Counts // of the file being read
	for b := range r.order {
		select {
		case <-b.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		added, err := r.writeBatch(b)
		if err != nil {
			return err
		}
		counts.Add(added)
		r.progress.Done.Add(added)
		r.progress.Read = b.read
		r.Progress(r.progress)
		if b.last != nil {
			b.last.Counts = counts
			r.inputs = append(r.inputs, *b.last)
			counts = shards.Counts{}
		}
		select {
		case r.free <- b:
		default:
		}
	}
	return nil
}

func (r *run) writeBatch(b *batch) (added shards.Counts, err error) {
	for i := range b.documents {
		d := &b.encoded[i]
		if len(d.IDs) == 0 {
			r.empty++
			continue
		}
		split := shards.Train
		if b.heldOut[i] {
			split = shards.HeldOut
		}
		if err := r.writer.Add(split, d); err != nil {
			return added, err
		}
		added.Add(d.Counts())
	}
	return added, nil
}
