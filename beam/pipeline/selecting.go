package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/selection"
	"github.com/subbert/subbert/data/staging"
)

// cardName is the file that completes a selection.
const cardName = "card.json"

// Select adds to a pipeline the selection of r from files into the directory out, equal to that of subbert data
// select.
func Select(s beam.Scope, r request.Selection, files []string, out string) {
	s = s.Scope("subbert.Select")
	job := selecting{Request: r, Files: files, Out: out}
	names := beam.Reshuffle(s, beam.CreateList(s, files))
	found := beam.ParDo(s, &findFn{selecting: job}, names)
	resolved, card := beam.ParDo2(s, &resolveFn{selecting: job}, beam.GroupByKey(s, beam.AddFixedKey(s, found)))
	written := beam.ParDo(s, &writeFn{selecting: job}, beam.Reshuffle(s, resolved))
	beam.ParDo0(s, &finishFn{selecting: job}, beam.GroupByKey(s, beam.AddFixedKey(s, written)), beam.SideInput{Input: card})
}

// selecting is the common part of the steps of a selection.
type selecting struct {
	Request request.Selection
	Files   []string
	Out     string

	scratch scratch
	plan    selection.Plan
}

// Setup opens the plan's auxiliary files, once per worker.
func (s *selecting) Setup(ctx context.Context) error {
	if err := s.scratch.open(); err != nil {
		return err
	}
	var err error
	s.plan, err = planSelection(ctx, s.Request, s.Files, s.scratch.path("aids"), slog.New(slog.DiscardHandler))
	s.plan.Broken = func(err error) { log.Warnf(ctx, "skipped: %v", err) }
	return err
}

// Teardown removes the worker's files.
func (s *selecting) Teardown() error { return s.scratch.close() }

// planSelection makes the plan of r; it copies remote files that r names to dir.
func planSelection(ctx context.Context, r request.Selection, files []string, dir string, log *slog.Logger) (selection.Plan, error) {
	r.Tables, r.Exclude = slices.Clone(r.Tables), slices.Clone(r.Exclude)
	for i, aid := range r.Aids() {
		format, name := "", *aid
		if before, after, found := strings.Cut(*aid, ":"); found && remote(after) {
			format, name = before+":", after
		}
		local, err := localCopy(ctx, name, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return selection.Plan{}, err
		}
		*aid = format + local
	}
	return r.Plan(ctx, files, log)
}

// findFn searches a file.
type findFn struct{ selecting }

func (f *findFn) ProcessElement(ctx context.Context, path string, emit func(string)) error {
	return f.scratch.working(func(work *staging.Work) error {
		local, err := localInput(ctx, path, work.Path("in"))
		if err != nil {
			return err
		}
		t := selection.Task{Path: path, Local: local}
		if err := selection.Find(ctx, f.plan, work, &t); err != nil {
			return err
		}
		t.Local = ""
		if err := piecesOf(f.Out).put(ctx, work, append(t.Found.ToResolve(), t.Found.Piece)...); err != nil {
			return err
		}
		return send(emit, t)
	})
}

// resolved is a task with its index among all tasks.
type resolved struct {
	Number int
	Task   selection.Task
}

// resolveFn decides which of all found documents are kept.
type resolveFn struct{ selecting }

func (f *resolveFn) ProcessElement(ctx context.Context, _ int, found func(*string) bool, emit, card func(string)) error {
	tasks, err := receive[selection.Task](found)
	if err != nil {
		return err
	}
	slices.SortFunc(tasks, func(a, b selection.Task) int {
		return cmp.Compare(slices.Index(f.Files, a.Path), slices.Index(f.Files, b.Path))
	})
	return f.scratch.working(func(work *staging.Work) error {
		for i := range tasks {
			if err := piecesOf(f.Out).get(ctx, work, tasks[i].Found.ToResolve()...); err != nil {
				return err
			}
		}
		tasks, c, err := selection.Resolve(f.plan, work, tasks)
		if err != nil {
			return err
		}
		for i, t := range tasks {
			if err := send(emit, resolved{i, t}); err != nil {
				return err
			}
		}
		return send(card, c)
	})
}

// writeFn writes the part of a task.
type writeFn struct{ selecting }

func (f *writeFn) ProcessElement(ctx context.Context, element string, emit func(string)) error {
	var s resolved
	if err := json.Unmarshal([]byte(element), &s); err != nil {
		return err
	}
	return f.scratch.working(func(work *staging.Work) error {
		if err := piecesOf(f.Out).get(ctx, work, s.Task.Found.Piece); err != nil {
			return err
		}
		if err := selection.Write(ctx, f.plan, work, &s.Task); err != nil {
			return err
		}
		s.Task.Drop = nil // no longer needed
		if err := piecesOf(f.Out).put(ctx, work, s.Task.Part.Piece); err != nil {
			return err
		}
		return send(emit, s)
	})
}

// finishFn assembles the parts.
type finishFn struct{ selecting }

func (f *finishFn) ProcessElement(ctx context.Context, _ int, written func(*string) bool, card string) error {
	all, err := receive[resolved](written)
	if err != nil {
		return err
	}
	if done, err := published(ctx, f.Out, cardName); done || err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b resolved) int { return cmp.Compare(a.Number, b.Number) })
	var tasks []selection.Task
	var c selection.Card
	if err := json.Unmarshal([]byte(card), &c); err != nil {
		return err
	}
	for _, s := range all {
		tasks = append(tasks, s.Task)
	}
	return f.scratch.working(func(work *staging.Work) error {
		for i := range tasks {
			if err := piecesOf(f.Out).get(ctx, work, tasks[i].Part.Piece); err != nil {
				return err
			}
		}
		plan := f.plan
		plan.Out = work.Path("out")
		if _, err := selection.Finish(plan, work, tasks, c); err != nil {
			return err
		}
		if err := publish(ctx, plan.Out, f.Out, cardName); err != nil {
			return err
		}
		return piecesOf(f.Out).remove(ctx)
	})
}

// send emits v as JSON.
func send(emit func(string), v any) error {
	content, err := json.Marshal(v)
	if err == nil {
		emit(string(content))
	}
	return err
}

// receive decodes all sent values.
func receive[T any](next func(*string) bool) ([]T, error) {
	var all []T
	for s := ""; next(&s); {
		var v T
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
