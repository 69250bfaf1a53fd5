package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks/relation"
)

// AttentionRequest asks for the directory of an attention run.
type AttentionRequest struct {
	Model      string // as the result names it
	Source     Source // of the sentences: its test set, or all of it if it has none
	Look       Look
	Show       Show
	Baseline   string // predictions.tsv of another model, which becomes Show.Baseline; empty: none
	Out        string // the directory
	Provenance result.Provenance

	Counted func(done, total int) // receives the number of sentences done; may be nil
}

// Check returns a *RequestError if r contradicts itself or if its directory has a result.
func (r AttentionRequest) Check() error {
	l, s := r.Look, r.Show
	fault := func(format string, args ...any) error { return &RequestError{fmt.Errorf(format, args...)} }
	switch _, err := os.Stat(filepath.Join(r.Out, result.File)); {
	case l.Layer == 0 && (l.Head != 0 || l.From != "" && l.From != relation.FromCLS):
		return fault("--head and --from select the encoder's attention and require --layer")
	case len(s.Index) > 0 && r.Baseline != "":
		return fault("--index and --baseline both select sentences; give one of them")
	case s.Sentences < 0 || s.Near < 0 || s.Least < 1 || s.Top < 1 || l.Layer < 0:
		return fault("--sentences %d, --near %d, --least %d, --top %d, --layer %d: want at least 0, 0, 1, 1 and 0", s.Sentences, s.Near, s.Least, s.Top, l.Layer)
	case err == nil:
		return fault("%s has a %s; name another directory with --out", r.Out, result.File)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// Attention collects the attention that r asks for and writes its directory with WriteAttention.
func (m *Model) Attention(ctx context.Context, r AttentionRequest) (*result.Attention, error) {
	started := time.Now()
	if r.Baseline != "" {
		p, err := relations.OpenPredictions(r.Baseline, relations.Options{Context: ctx})
		if err != nil {
			return nil, err
		}
		r.Show.Baseline = p.ByIndex()
	}
	examples, err := m.testExamples(ctx, r)
	if err != nil {
		return nil, err
	}
	weights, err := m.Weights(ctx, r.Look, r.Show, examples)
	if asked := new(RequestError); errors.As(err, &asked) {
		return nil, fmt.Errorf("%s: %w", r.Source.Name, err)
	}
	if err != nil {
		return nil, err
	}
	weights.Data, weights.Baseline = r.Source.Name, r.Baseline
	out := &result.Attention{Task: result.TaskAttention, Model: r.Model, Labels: m.Labels(), Attention: weights, Provenance: r.Provenance}
	out.Seconds = time.Since(started).Seconds()
	return out, WriteAttention(ctx, r.Out, out)
}

// testExamples yields the test set of r's source, or all pairs if it has no test set.
func (m *Model) testExamples(ctx context.Context, r AttentionRequest) (iter.Seq2[relations.Example, error], error) {
	stream, err := m.Examples(ctx, r.Source)
	if err != nil {
		return nil, err
	}
	examples, err := relations.Collect(stream)
	if err != nil {
		return nil, err
	}
	isTest := func(e relations.Example) bool { return e.Split == "test" }
	if slices.ContainsFunc(examples, isTest) {
		examples = slices.DeleteFunc(examples, func(e relations.Example) bool { return !isTest(e) })
	}
	return func(yield func(relations.Example, error) bool) {
		for i, e := range examples {
			if r.Counted != nil {
				r.Counted(i, len(examples))
			}
			if !yield(e, nil) {
				return
			}
		}
	}, nil
}
