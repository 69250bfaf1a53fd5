package bulk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/internal/atomicfile"
)

// Summary is the outcome of a plan.
type Summary struct {
	Counts
	Files     int     `json:"files"`
	Earlier   int     `json:"pairs_of_earlier_attempts"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"pairs_per_second"` // of this attempt
	Out       string  `json:"out"`
	There     bool    `json:"already_there"` // the result was finished before; nothing was done
}

// WorkError says that the work directory of the result holds work that Run does not continue.
type WorkError struct {
	Dir   string
	Other bool // it belongs to another request
}

func (e *WorkError) Error() string {
	if e.Other {
		return e.Dir + ": holds finished work of other files, other options or another model; remove it, or set another --out"
	}
	return e.Dir + ": holds finished work of an earlier attempt; continue it with --resume, or remove it"
}

// done is the manifest of a finished chunk.
type done struct {
	Counts
	Next  position `json:"next"`
	Last  bool     `json:"last"`
	Piece string   `json:"piece"`
	Bytes int64    `json:"bytes"`
}

// job is the work on a plan.
type job struct {
	*Plan
	model    *extract.Model
	settings settings
	work     *staging.Work
	key      string
	chunks   []done // finished
	total    Counts
	there    bool // the result is there, and no work on it
	progress Progress
	told     map[[2]string]bool // types whose marks have been checked
}

// settings are the settings of the model that a job needs.
type settings struct {
	marking relations.Marking
	marks   map[string]bool
}

// Run makes the rows of p.Files with model, opened from p.Model, and writes p.Out. An attempt that fails keeps the
// chunks that it has finished; its error is then a *staging.KeptError.
func Run(ctx context.Context, p Plan, model *extract.Model) (*Summary, error) {
	if err := p.complete(); err != nil {
		return nil, err
	}
	form, err := extracted.FormOf(p.Out)
	if err != nil {
		return nil, err
	}
	j := &job{Plan: &p, model: model, settings: settingsOf(model), told: map[[2]string]bool{}}
	if err := j.open(); err != nil {
		return nil, err
	}
	if j.there {
		return &Summary{Files: len(p.Files), Out: p.Out, There: true}, j.work.Remove()
	}
	started := time.Now()
	if err := j.run(ctx); err != nil {
		return nil, j.work.Keep(err)
	}
	if err := atomicfile.WriteContext(ctx, p.Out, func(w io.Writer) error { return j.merge(ctx, w, form) }); err != nil {
		return nil, j.work.Keep(err)
	}
	seconds := time.Since(started).Seconds()
	return &Summary{Counts: j.total, Files: len(p.Files), Earlier: j.progress.Earlier, Seconds: seconds,
		PerSecond: float64(j.total.Pairs-j.progress.Earlier) / seconds, Out: p.Out}, j.work.Remove()
}

func settingsOf(m *extract.Model) settings {
	s := settings{relations.Marking(m.Settings().Marking), map[string]bool{}}
	for _, mark := range m.Settings().Marks {
		s.marks[mark] = true
	}
	return s
}

// open finds what an earlier attempt has finished.
func (j *job) open() error {
	for _, name := range j.Files {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		j.progress.Size += info.Size()
	}
	var err error
	if j.key, err = j.Plan.key(); err != nil {
		return err
	}
	info, err := os.Stat(j.Out)
	switch there := err == nil && info.Mode().IsRegular(); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case there && !j.Resume && !j.Replace:
		return fmt.Errorf("%s %w", j.Out, staging.ErrExists)
	default:
		j.there = there && !j.Replace
	}
	if j.work, err = staging.OpenWork(j.Out); err != nil {
		return err
	}
	j.work.Resume = "--resume"
	if j.there = j.there && !j.work.Done(); j.there {
		return nil
	}
	if !j.Resume && j.work.Done() {
		return &WorkError{Dir: j.work.Dir()}
	}
	if err := j.load(); err != nil {
		return err
	}
	if len(j.chunks) == 0 && j.work.Done() {
		return &WorkError{j.work.Dir(), true}
	}
	return nil
}

// load reads the manifests of the finished chunks, up to the first chunk that is missing.
func (j *job) load() error {
	for !j.ended() {
		key, err := j.chunkKey(len(j.chunks))
		if err != nil {
			return err
		}
		var d done
		found, err := j.work.Load(key, &d)
		if err != nil {
			return err
		}
		if !found || !j.work.Has(d.Piece, d.Bytes) {
			break
		}
		j.chunks = append(j.chunks, d)
		j.total.Add(d.Counts)
	}
	j.progress.Pairs, j.progress.Rows, j.progress.Earlier = j.total.Pairs, j.total.Rows, j.total.Pairs
	return nil
}

func (j *job) ended() bool { return len(j.chunks) > 0 && j.chunks[len(j.chunks)-1].Last }

func (j *job) chunkKey(n int) (string, error) { return staging.Key(j.key, n) }

// predicted are the rows of a chunk.
type predicted struct {
	*chunk
	rows []extracted.Row
}

// run makes the missing chunks: it reads one, predicts one and writes one at a time.
func (j *job) run(ctx context.Context) error {
	if j.ended() {
		return nil
	}
	start := position{}
	if n := len(j.chunks); n > 0 {
		start = j.chunks[n-1].Next
	}
	group, ctx := errgroup.WithContext(ctx)
	read, made := make(chan *chunk), make(chan predicted)
	group.Go(func() error {
		defer close(read)
		for c, err := range j.Plan.chunks(ctx, start) {
			if err != nil {
				return err
			}
			if err := send(ctx, read, c); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		defer close(made)
		for c := range read {
			rows, err := j.predict(ctx, c)
			if err != nil {
				return err
			}
			if err := send(ctx, made, predicted{c, rows}); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		for c := range made {
			if err := j.write(c); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

func send[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// alike is the number of chunks that are thought to share what compiling costs. Their true number must make no difference to a
// chunk's rows: a job that continues has fewer.
const alike = 16

// predict makes the rows of a chunk.
func (j *job) predict(ctx context.Context, c *chunk) ([]extracted.Row, error) {
	cut, labels := j.model.Cut(), map[string]int{}
	var rows []extracted.Row
	from, done := j.progress.Read, 0
	for p, err := range j.model.PredictPart(ctx, alike, j.shown(c.examples)) {
		if err != nil {
			return nil, err
		}
		if row := j.row(&p); j.keeps(row) {
			rows = append(rows, *row)
			labels[row.Label]++
			j.progress.Rows++
		}
		done++
		j.progress.Pairs++
		j.progress.Read = from + (c.read-from)*int64(done)/int64(len(c.examples))
		j.Progress(j.progress)
	}
	c.examples = nil
	c.counts.Rows, c.counts.Labels, c.counts.Cut = len(rows), labels, since(j.model.Cut(), cut)
	return rows, ctx.Err()
}

// since returns the counts added to a cut since before.
func since(now, before marked.Cut) marked.Cut {
	return marked.Cut{Sentences: now.Sentences - before.Sentences, Shortened: now.Shortened - before.Shortened,
		LostOne: now.LostOne - before.LostOne, LostBoth: now.LostBoth - before.LostBoth}
}

// shown yields the examples in the form in which the model saw them in training.
func (j *job) shown(examples []relations.Example) iter.Seq2[relations.Example, error] {
	return func(yield func(relations.Example, error) bool) {
		for _, e := range examples {
			types := [2]string{e.A.Type, e.B.Type}
			e = j.settings.marking.Shown(e)
			e.Label = ""
			if !j.told[types] {
				j.told[types] = true
				j.look(e)
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// look reports the marks of e that no training sentence had.
func (j *job) look(e relations.Example) {
	for _, mark := range relations.Marks([]relations.Example{e}) {
		if len(j.settings.marks) > 0 && !j.settings.marks[mark] {
			j.settings.marks[mark] = true // report it once
			j.Note(fmt.Sprintf("the model was not trained on the mark %s, but on %s (select pairs with --types, or rename their types with --as)",
				mark, strings.Join(j.model.Settings().Marks, " ")))
		}
	}
}

func (j *job) row(p *extract.Prediction) *extracted.Row {
	at := p.Example.Place
	return &extracted.Row{PMID: p.Example.Document, Section: at.Section, Sentence: at.Sentence, SentenceStart: int32(at.Start),
		A: at.A.Words, AID: at.A.ID, AType: at.A.Type, AStart: int32(at.A.Start), AEnd: int32(at.A.End),
		B: at.B.Words, BID: at.B.ID, BType: at.B.Type, BStart: int32(at.B.Start), BEnd: int32(at.B.End),
		Label: p.Label, Probability: probability(p, j.model.Labels())}
}

// probability returns the probability of p's label.
func probability(p *extract.Prediction, labels []string) float32 {
	for i, l := range labels {
		if l == p.Label {
			return p.Probabilities[i]
		}
	}
	return 0
}

func (j *job) keeps(r *extracted.Row) bool {
	return (j.Negatives || r.Label != j.model.Negative()) && float64(r.Probability) >= j.MinProbability
}

// write stores the rows of a chunk.
func (j *job) write(c predicted) (err error) {
	piece, err := j.work.Create()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, piece.Discard()) }()
	out, err := extracted.NewWriter(piece, pieceForm())
	if err != nil {
		return err
	}
	for i := range c.rows {
		if err := out.Write(&c.rows[i]); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	d := done{Counts: c.counts, Next: c.next, Last: c.last, Bytes: piece.Size()}
	if d.Piece, err = piece.Seal(); err != nil {
		return err
	}
	key, err := j.chunkKey(len(j.chunks))
	if err != nil {
		return err
	}
	j.chunks = append(j.chunks, d)
	j.total.Add(d.Counts)
	return j.work.Store(key, d)
}

// pieceForm returns the format in which finished chunks are stored.
func pieceForm() extracted.Form {
	form, _ := extracted.FormOf("piece.jsonl.zst") // the name is that of a known format
	return form
}

// merge writes the rows of all chunks.
func (j *job) merge(ctx context.Context, w io.Writer, form extracted.Form) error {
	var pieces []string
	for _, d := range j.chunks {
		if d.Rows > 0 {
			pieces = append(pieces, j.work.Path(d.Piece))
		}
	}
	return extracted.Join(ctx, w, form, pieces)
}
