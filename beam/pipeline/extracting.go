package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/extract/bulk"
)

// Extraction is a request to apply a relation model.
type Extraction struct {
	bulk.Request
	Model string // a model directory
}

// NewExtraction checks a request and returns the pipeline that writes its rows to the file out.
func NewExtraction(ctx context.Context, r Extraction, files []string, out string) (*beam.Pipeline, error) {
	if _, err := extracted.FormOf(out); err != nil {
		return nil, &request.Misuse{Err: err}
	}
	if there, err := list(ctx, out); err != nil || len(there) > 0 {
		return nil, cmp.Or(err, error(&request.Misuse{Err: fmt.Errorf("%s already exists; remove it or name another file", out)}))
	}
	if r.Model == "" {
		return nil, &request.Misuse{Err: errors.New("want --model DIR")}
	}
	for i, name := range files {
		if slices.Contains(files[:i], name) {
			return nil, fmt.Errorf("%s: named twice", name)
		}
	}
	dir, err := os.MkdirTemp("", "subbert-")
	if err != nil {
		return nil, err
	}
	_, err = planExtraction(ctx, r, dir)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return nil, err
	}
	p, s := beam.NewPipelineWithRoot()
	return p, Extract(s, r, files, out)
}

// Extract adds to a pipeline the extraction of r from files into the file out, equal to that of subbert extract on the
// pure-Go backend.
func Extract(s beam.Scope, r Extraction, files []string, out string) error {
	s = s.Scope("subbert.Extract")
	var elements []string
	for i, path := range files {
		if err := send(func(e string) { elements = append(elements, e) }, archive{Number: i, Path: path}); err != nil {
			return err
		}
	}
	made := beam.ParDo(s, &extractFn{Request: r, Out: out}, beam.Reshuffle(s, beam.CreateList(s, elements)))
	beam.ParDo0(s, &joinFn{Out: out}, beam.GroupByKey(s, beam.AddFixedKey(s, made)))
	return nil
}

func planExtraction(ctx context.Context, r Extraction, dir string) (bulk.Plan, error) {
	var err error
	if r.IDs, err = localCopy(ctx, r.IDs, dir); err != nil {
		return bulk.Plan{}, err
	}
	return r.Plan(ctx)
}

// archive is an input file and the outcome of its extraction.
type archive struct {
	Number int
	Path   string
	Piece  string // empty: there are no rows
	Counts bulk.Counts
}

// extractFn extracts from one file.
type extractFn struct {
	Request Extraction
	Out     string

	scratch scratch
	plan    bulk.Plan
	model   *loan
}

// Setup borrows the model, which the steps of a worker share.
func (f *extractFn) Setup(ctx context.Context) error {
	if err := f.scratch.open(); err != nil {
		return err
	}
	var err error
	if f.plan, err = planExtraction(ctx, f.Request, f.scratch.path("aids")); err != nil {
		return err
	}
	f.plan.Workers = runtime.GOMAXPROCS(0)
	f.plan.Broken = func(err error) { log.Warnf(ctx, "skipped: %v", err) }
	f.plan.Note = func(line string) { log.Warn(ctx, line) }
	f.model, err = models.borrow(ctx, f.Request.Model, f.Request.Options(extract.Options{}))
	return err
}

// Teardown returns the model and removes the worker's files.
func (f *extractFn) Teardown() error {
	var err error
	if f.model != nil {
		err = f.model.giveBack()
	}
	return errors.Join(err, f.scratch.close())
}

func (f *extractFn) ProcessElement(ctx context.Context, element string, emit func(string)) error {
	var a archive
	if err := json.Unmarshal([]byte(element), &a); err != nil {
		return err
	}
	return f.scratch.working(func(work *staging.Work) error {
		local, err := localInput(ctx, a.Path, work.Path("in"))
		if err != nil {
			return err
		}
		rows := work.Path("rows.jsonl.zst")
		if err := f.extract(ctx, local, rows, &a.Counts); err != nil {
			return err
		}
		if a.Counts.Rows > 0 {
			if a.Piece, err = work.Add(rows); err != nil {
				return err
			}
		}
		if err := piecesOf(f.Out).put(ctx, work, a.Piece); err != nil {
			return err
		}
		return send(emit, a)
	})
}

// extract makes the rows of a local file.
func (f *extractFn) extract(ctx context.Context, local, rows string, counts *bulk.Counts) error {
	return f.model.use(func(m *extract.Model, dir string) error {
		plan := f.plan
		plan.Model, plan.Files, plan.Out = dir, []string{local}, rows
		s, err := bulk.Run(ctx, plan, m)
		if err == nil {
			*counts = s.Counts
		}
		return err
	})
}

// joinFn joins the rows of all files.
type joinFn struct {
	Out string

	scratch scratch
}

// Setup makes the worker's directory.
func (f *joinFn) Setup(context.Context) error { return f.scratch.open() }

// Teardown removes it.
func (f *joinFn) Teardown() error { return f.scratch.close() }

func (f *joinFn) ProcessElement(ctx context.Context, _ int, made func(*string) bool) error {
	all, err := receive[archive](made)
	if err != nil {
		return err
	}
	if done, err := list(ctx, f.Out); len(done) > 0 || err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b archive) int { return cmp.Compare(a.Number, b.Number) })
	return f.scratch.working(func(work *staging.Work) error {
		var total bulk.Counts
		var pieces []string
		for _, a := range all {
			total.Add(a.Counts)
			if a.Piece == "" {
				continue
			}
			if err := piecesOf(f.Out).get(ctx, work, a.Piece); err != nil {
				return err
			}
			pieces = append(pieces, work.Path(a.Piece))
		}
		if err := f.join(ctx, pieces, work.Path("joined")); err != nil {
			return err
		}
		if err := upload(ctx, work.Path("joined"), f.Out); err != nil {
			return err
		}
		log.Infof(ctx, "%d rows of %d pairs in %d documents; skipped: %d broken files or members, %d documents, %d annotations",
			total.Rows, total.Pairs, total.Documents, total.BrokenFiles, total.Broken, total.LeftOut)
		return piecesOf(f.Out).remove(ctx)
	})
}

// join writes the rows of pieces to a local file, in the form of the result.
func (f *joinFn) join(ctx context.Context, pieces []string, to string) error {
	form, err := extracted.FormOf(f.Out)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	return errors.Join(extracted.Join(ctx, out, form, pieces), out.Close())
}
