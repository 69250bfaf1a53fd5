package preparation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/staging"
)

// Plan describes the shards to make, and their input files.
type Plan struct {
	Files   []string
	Form    forms.Form // forms.Auto, or empty: determined by the content of each file
	Out     string     // the directory of the shards; must not exist, or be empty
	HeldOut float64    // fraction of the documents, from 0 to below 1
	Seed    uint64     // of the order of the documents
	Strict  bool       // end at the first broken record instead of skipping it
	Workers int        // at least 1; does not change the result

	Vocabulary   shards.Vocabulary
	Tokenizer    shards.Tokenizer // settings, for the manifest
	Unknown      int32            // the id of [UNK]
	NewTokenizer func() Tokenizer // called once per worker
	Splitter     Splitter

	Broken   func(error)    // called for each skipped record, from any goroutine
	Warn     func(string)   // called with what a person should know, from any goroutine; may be nil
	Progress func(Progress) // called occasionally, from one goroutine at a time
}

// Progress is the progress of a run.
type Progress struct {
	Read, Size int64 // bytes of the files on the disk
	Done       shards.Counts
}

// Result is the result of a run.
type Result struct {
	Dir          string        `json:"dir"`
	Seconds      float64       `json:"seconds"`
	MBPerSecond  float64       `json:"mb_per_second"` // of text
	BytesPerByte float64       `json:"shard_bytes_per_text_byte"`
	Empty        int64         `json:"empty_documents"` // documents without text, which were left out
	Header       shards.Header `json:"manifest"`
}

// String describes the shards and the speed in two lines.
func (r Result) String() string {
	total := r.Header.Total()
	return fmt.Sprintf("%s: %s\n%.1f MB of text in %.1f s, %.1f MB/s; %.1f MB of shards, %.3f bytes per byte of text",
		r.Dir, total, float64(total.TextBytes)/1e6, r.Seconds, r.MBPerSecond, float64(r.Header.Bytes())/1e6, r.BytesPerByte)
}

// measure completes the result of a run that began at started.
func (p *Plan) measure(r *Result, started time.Time) {
	total := r.Header.Total()
	r.Dir, r.Seconds = p.Out, time.Since(started).Seconds()
	r.MBPerSecond, r.BytesPerByte = float64(total.TextBytes)/1e6/r.Seconds, r.Header.BytesPerByte()
	if r.Empty > 0 {
		p.warn(fmt.Sprintf("left out %d documents without text", r.Empty))
	}
	if p.HeldOut > 0 && r.Header.Splits[shards.HeldOut].Documents == 0 {
		p.warn(fmt.Sprintf("no document was held out (a fraction of %g of %d documents); raise --held-out", p.HeldOut, total.Documents))
	}
}

func (p *Plan) warn(line string) {
	if p.Warn != nil {
		p.Warn(line)
	}
}

// Run makes shards. If it fails, or ctx ends, Out does not appear; the error is a *staging.KeptError if finished files
// were kept for the next attempt.
func Run(ctx context.Context, p Plan) (Result, error) {
	if p.HeldOut < 0 || p.HeldOut >= 1 {
		return Result{}, fmt.Errorf("preparation: held-out fraction %v, want from 0 to below 1", p.HeldOut)
	}
	started := time.Now()
	size, _, err := sizes(p.Files)
	if err == nil {
		err = staging.WarnOfLeftovers(p.Out, p.warn)
	}
	if err != nil {
		return Result{}, err
	}
	w, err := p.create()
	if err != nil {
		return Result{}, err
	}
	work, err := staging.OpenWork(p.Out)
	if err != nil {
		return Result{}, errors.Join(err, w.Discard())
	}
	r := newRun(p, work)
	r.progress.Size = size
	result, err := r.all(ctx, w)
	if errors.Is(err, errNoText) {
		return Result{}, errors.Join(err, w.Discard(), work.Remove())
	}
	if err != nil {
		return Result{}, work.Keep(errors.Join(err, w.Discard()))
	}
	p.measure(&result, started)
	return result, errors.Join(w.Discard(), work.Remove())
}

// create begins the shards.
func (p *Plan) create() (*shards.Writer, error) {
	return shards.Create(p.Out, shards.Header{Vocabulary: p.Vocabulary, Tokenizer: p.Tokenizer,
		Splitter: p.Splitter.Name(), HeldOut: p.HeldOut, Seed: p.Seed})
}

// sizes is the number of bytes of all files, and the name of the largest.
func sizes(files []string) (all int64, largest string, err error) {
	if len(files) == 0 {
		return 0, "", errors.New("preparation: no files")
	}
	most := int64(-1)
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return 0, "", err
		}
		all += info.Size()
		if info.Size() > most {
			most, largest = info.Size(), name
		}
	}
	return all, largest, nil
}

// run executes a Plan in two passes. In the first, one goroutine for each file reads batches of documents, workers
// encode them in any order, and another goroutine for the file stores them in reading order, as a piece sorted by key.
// The second pass merges the pieces by key and writes the shards. See spool.
type run struct {
	Plan
	work *staging.Work

	mu       sync.Mutex
	progress Progress

	queue chan *batch // to the workers
	free  chan *batch // for reuse
}

func newRun(p Plan, work *staging.Work) *run {
	p.Workers = max(1, p.Workers)
	return &run{Plan: p, work: work, queue: make(chan *batch, p.Workers), free: make(chan *batch, 3*p.Workers+2)}
}

var errNoText = errors.New("preparation: no document has any text")

func (r *run) all(ctx context.Context, w *shards.Writer) (Result, error) {
	files := make([]Spooled, len(r.Files))
	err := r.encoding(func() error {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(min(r.Workers, len(r.Files)))
		for i := range r.Files {
			g.Go(func() (err error) {
				files[i], err = r.file(ctx, i)
				return err
			})
		}
		return g.Wait()
	})
	if err != nil {
		return Result{}, err
	}
	return shuffle(ctx, w, r.work, files)
}

// file spools one file, unless an earlier attempt did.
func (r *run) file(ctx context.Context, i int) (Spooled, error) {
	var s Spooled
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	info, err := os.Stat(r.Files[i])
	if err != nil {
		return s, err
	}
	path, err := filepath.Abs(r.Files[i])
	if err != nil {
		return s, err
	}
	key, err := staging.Key(path, info.Size(), info.ModTime().UnixNano(), i, r.Form, r.Seed, r.HeldOut, r.Strict, r.Vocabulary, r.Tokenizer,
		r.Splitter.Name())
	if err != nil {
		return s, err
	}
	done, err := r.work.Load(key, &s)
	if err != nil {
		return s, err
	}
	if done && r.work.Has(s.Piece, s.Bytes) {
		r.advance(info.Size(), s.Input.Counts)
		return s, nil
	}
	if s, err = r.spool(ctx, r.Files[i], i); err != nil {
		return s, err
	}
	return s, r.work.Store(key, &s)
}

// advance adds to the progress and reports it.
func (r *run) advance(read int64, added shards.Counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Read += read
	r.progress.Done.Add(added)
	r.Progress(r.progress)
}
