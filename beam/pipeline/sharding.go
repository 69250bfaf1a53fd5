package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"github.com/subbert/subbert/data/preparation"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/staging"
)

// manifestName is the file that completes shards.
const manifestName = "manifest.json"

// Shard adds to a pipeline the shards of r from files in the directory out, equal to those of subbert data shard.
func Shard(s beam.Scope, r request.Shards, files []string, out string) error {
	s = s.Scope("subbert.Shard")
	job := sharding{Request: r, Out: out, Files: len(files)}
	var elements []string
	for i, path := range files {
		if err := send(func(e string) { elements = append(elements, e) }, spooled{Number: i, Path: path}); err != nil {
			return err
		}
	}
	made := beam.ParDo(s, &spoolFn{sharding: job}, beam.Reshuffle(s, beam.CreateList(s, elements)))
	beam.ParDo0(s, &shuffleFn{sharding: job}, beam.GroupByKey(s, beam.AddFixedKey(s, made)))
	return nil
}

// sharding is the common part of the steps.
type sharding struct {
	Request request.Shards
	Out     string
	Files   int

	scratch scratch
	plan    preparation.Plan
}

// Setup opens the vocabulary, once per worker.
func (s *sharding) Setup(ctx context.Context) error {
	if err := s.scratch.open(); err != nil {
		return err
	}
	var err error
	s.plan, err = planShards(ctx, s.Request, s.scratch.path("aids"))
	s.plan.Broken = func(err error) { log.Warnf(ctx, "skipped: %v", err) }
	return err
}

// Teardown removes the worker's files.
func (s *sharding) Teardown() error { return s.scratch.close() }

func planShards(ctx context.Context, r request.Shards, dir string) (preparation.Plan, error) {
	var err error
	if r.Vocab, err = localCopy(ctx, r.Vocab, dir); err != nil {
		return preparation.Plan{}, err
	}
	return r.Plan(nil)
}

// spooled is a file and the result of its first pass.
type spooled struct {
	Number int
	Path   string
	Made   preparation.Spooled
}

// spoolFn is the first pass for one file.
type spoolFn struct{ sharding }

func (f *spoolFn) ProcessElement(ctx context.Context, element string, emit func(string)) error {
	var s spooled
	if err := json.Unmarshal([]byte(element), &s); err != nil {
		return err
	}
	return f.scratch.working(func(work *staging.Work) error {
		local, err := localInput(ctx, s.Path, work.Path("in"))
		if err != nil {
			return err
		}
		if s.Made, err = preparation.Spool(ctx, f.plan, work, local, s.Number); err != nil {
			return err
		}
		if err := piecesOf(f.Out).put(ctx, work, s.Made.Piece); err != nil {
			return err
		}
		return send(emit, s)
	})
}

// shuffleFn is the second pass for all files.
type shuffleFn struct{ sharding }

func (f *shuffleFn) ProcessElement(ctx context.Context, _ int, made func(*string) bool) error {
	all, err := receive[spooled](made)
	if err != nil {
		return err
	}
	if done, err := published(ctx, f.Out, manifestName); done || err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b spooled) int { return cmp.Compare(a.Number, b.Number) })
	return f.scratch.working(func(work *staging.Work) error {
		var files []preparation.Spooled
		for _, s := range all {
			if err := piecesOf(f.Out).get(ctx, work, s.Made.Piece); err != nil {
				return err
			}
			files = append(files, s.Made)
		}
		plan := f.plan
		plan.Out = work.Path("out")
		if _, err := preparation.Shuffle(ctx, plan, work, files); err != nil {
			return err
		}
		if err := publish(ctx, plan.Out, f.Out, manifestName); err != nil {
			return err
		}
		return piecesOf(f.Out).remove(ctx)
	})
}
