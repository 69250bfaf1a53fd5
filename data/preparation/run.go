package preparation

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/staging"
)

// Plan is what is to be made of which files.
type Plan struct {
	Files   []string
	Out     string  // the directory of the shards; must not exist, or be empty
	HeldOut float64 // fraction of the documents, from 0 to below 1
	Seed    uint64  // of the order of the documents
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

// Run makes shards. If it fails, or ctx ends, Out does not appear; the error is a *staging.KeptError if files are done that
// the next attempt need not read again.
func Run(ctx context.Context, p Plan) (Result, error) {
	if p.HeldOut < 0 || p.HeldOut >= 1 {
		return Result{}, fmt.Errorf("preparation: held-out fraction %v, want from 0 to below 1", p.HeldOut)
	}
	size, err := totalSize(p.Files)
	if err != nil {
		return Result{}, err
	}
	w, err := shards.Create(p.Out, shards.Header{Vocabulary: p.Vocabulary, Tokenizer: p.Tokenizer,
		Splitter: p.Splitter.Name(), HeldOut: p.HeldOut, Seed: p.Seed})
	if err != nil {
		return Result{}, err
	}
	work, err := staging.OpenWork(p.Out)
	if err != nil {
		return Result{}, errors.Join(err, w.Discard())
	}
	p.Workers = max(1, p.Workers)
	r := run{Plan: p, writer: w, work: work, progress: Progress{Size: size}, queue: make(chan *batch, p.Workers),
		free: make(chan *batch, 3*p.Workers+2), files: make([]spooled, len(p.Files))}
	result, err := r.all(ctx)
	if errors.Is(err, errNoText) {
		return Result{}, errors.Join(err, w.Discard(), work.Remove())
	}
	if err != nil {
		return Result{}, work.Keep(errors.Join(err, w.Discard()))
	}
	return result, errors.Join(w.Discard(), work.Remove())
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

// run is a Plan being carried out, in two passes. In the first a goroutine for each file reads batches of documents,
// workers encode them in any order, and another goroutine for the file keeps them, in the order in which they were read,
// as a piece sorted by key. In the second the pieces are read together, key by key, and written. See spool.
type run struct {
	Plan
	writer *shards.Writer
	work   *staging.Work
	files  []spooled

	mu       sync.Mutex
	progress Progress

	queue chan *batch // to the workers
	free  chan *batch // to be used again
}

// batch is some documents on their way.
type batch struct {
	documents []corpus.Document
	bytes     int // of text in documents
	encoded   []shards.Document
	heldOut   []bool
	done      chan struct{} // encoded
	read      int64         // bytes of the file read since the batch before
	last      *shards.Input // set on the last batch of a file
}

// batchBytes is how much text makes a batch.
const batchBytes = 1 << 18

// spoolBytes is how much all spools together keep in memory, blockBytes a block of the second pass; there are two.
const (
	spoolBytes = 64 << 20
	blockBytes = 32 << 20
)

var errNoText = errors.New("preparation: no document with any text")

func (r *run) all(ctx context.Context) (Result, error) {
	if err := r.spoolFiles(ctx); err != nil {
		return Result{}, err
	}
	var inputs []shards.Input
	var empty, documents int64
	for i := range r.files {
		inputs = append(inputs, r.files[i].Input)
		empty += r.files[i].Empty
		documents += r.files[i].Input.Documents
	}
	if documents == 0 {
		return Result{}, errNoText
	}
	if err := r.shuffle(ctx); err != nil {
		return Result{}, err
	}
	h, err := r.writer.Commit(inputs)
	return Result{Header: h, Empty: empty}, err
}

// spoolFiles is the first pass.
func (r *run) spoolFiles(ctx context.Context) error {
	var encoders sync.WaitGroup
	for range r.Workers {
		encoders.Go(r.encode)
	}
	files, ctx := errgroup.WithContext(ctx)
	files.SetLimit(min(r.Workers, len(r.Files)))
	for i := range r.Files {
		files.Go(func() error { return r.file(ctx, i) })
	}
	err := files.Wait()
	close(r.queue)
	encoders.Wait()
	return err
}

// file spools one file, unless an earlier attempt has.
func (r *run) file(ctx context.Context, i int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	info, err := os.Stat(r.Files[i])
	if err != nil {
		return err
	}
	path, err := filepath.Abs(r.Files[i])
	if err != nil {
		return err
	}
	key, err := staging.Key(path, info.Size(), info.ModTime().UnixNano(), i, r.Seed, r.HeldOut, r.Vocabulary, r.Tokenizer, r.Splitter.Name())
	if err != nil {
		return err
	}
	s := &r.files[i]
	done, err := r.work.Load(key, s)
	if err != nil {
		return err
	}
	if done && r.work.Has(s.Piece, s.Bytes) {
		r.advance(info.Size(), s.Input.Counts)
		return nil
	}
	if err := r.spool(ctx, i); err != nil {
		return err
	}
	return r.work.Store(key, s)
}

func (r *run) spool(ctx context.Context, i int) (err error) {
	piece, err := r.work.Create()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, piece.Discard()) }()
	s := &spool{piece: piece, limit: spoolBytes / min(r.Workers, len(r.Files))}
	order := make(chan *batch, 2*r.Workers)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(order)
		return r.read(ctx, r.Files[i], order)
	})
	g.Go(func() error { return r.keep(ctx, i, order, s) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	f := &r.files[i]
	f.Runs, f.Bytes = s.runs, piece.Size()
	f.Piece, err = piece.Seal()
	return err
}

// read sends the documents of one file off.
func (r *run) read(ctx context.Context, name string, order chan<- *batch) error {
	f, err := corpus.OpenFile(name, corpus.Detect)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	var told int64
	b := r.batch()
	for d, err := range f.Documents() {
		if err != nil {
			return err
		}
		b.documents = append(b.documents, d)
		b.bytes += d.Bytes()
		if b.bytes >= batchBytes || len(b.documents) == 1024 {
			now := f.Read()
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
	b.last = &shards.Input{Name: filepath.Base(name), Bytes: f.Size(), SHA256: hex.EncodeToString(sum[:])}
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

// keep spools the batches of one file in order.
func (r *run) keep(ctx context.Context, file int, order <-chan *batch, s *spool) error {
	var counts shards.Counts
	number := 0
	for b := range order {
		select {
		case <-b.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		var added shards.Counts
		for i := range b.documents {
			d := &b.encoded[i]
			if number++; len(d.IDs) == 0 {
				r.files[file].Empty++
				continue
			}
			if err := r.writer.Check(d); err != nil {
				return fmt.Errorf("%s: document %d: %w", r.Files[file], number, err)
			}
			if err := s.add(keyOf(r.Seed, file, number), number, b.heldOut[i], d); err != nil {
				return err
			}
			added.Add(d.Counts())
		}
		counts.Add(added)
		r.advance(b.read, added)
		if b.last != nil {
			b.last.Counts = counts
			r.files[file].Input = *b.last
		}
		select {
		case r.free <- b:
		default:
		}
	}
	return ctx.Err()
}

// advance adds to the progress and tells of it.
func (r *run) advance(read int64, added shards.Counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Read += read
	r.progress.Done.Add(added)
	r.Progress(r.progress)
}

// shuffle is the second pass: it writes the documents in the order of their keys. While a block is written the next one
// is read.
func (r *run) shuffle(ctx context.Context) error {
	free, full := make(chan *block, 2), make(chan *block)
	free <- &block{}
	free <- &block{}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(full)
		for from := 0; from < buckets; {
			to := r.until(from)
			var b *block
			select {
			case b = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := b.load(r.work, r.files, from, to); err != nil {
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
	})
	g.Go(func() error {
		for b := range full {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := r.write(b); err != nil {
				return err
			}
			free <- b
		}
		return nil
	})
	return g.Wait()
}

// until returns the bucket before which a block that begins with bucket from ends.
func (r *run) until(from int) int {
	var bytes int64
	for to := from; to < buckets; to++ {
		for i := range r.files {
			for _, run := range r.files[i].Runs {
				bytes += run[to+1] - run[to]
			}
		}
		if bytes > blockBytes && to > from {
			return to
		}
	}
	return buckets
}

func (r *run) write(b *block) error {
	var d shards.Document
	for _, e := range b.entries {
		if err := decode(&d, b.data[e.start:e.end]); err != nil {
			return fmt.Errorf("preparation: %w", err)
		}
		split := shards.Train
		if e.heldOut {
			split = shards.HeldOut
		}
		if err := r.writer.Add(split, &d); err != nil {
			return err
		}
	}
	return nil
}
