package runs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/activations"
	"github.com/subbert/subbert/tasks/probing"
	"github.com/subbert/subbert/trainer"
)

// Probe carries out the probing run that config describes: it freezes the encoder of model.init and trains small
// classifiers on the states of its layers. It writes config.toml, result.json, probes.csv and figures/ to the run
// directory. The error is a *configs.Error if config or the files that it names are at fault, and ErrInterrupted if ctx
// ended; the activations are kept then.
func Probe(ctx context.Context, config configs.Probing, env Env) (_ *result.Probing, err error) {
	if err := config.Validate(); err != nil {
		return nil, configs.Wrap(err)
	}
	env = env.complete()
	env.Resume = false
	sets, err := ReadSets(ctx, config.Data.Data, config.Task.Examples, env)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	s, err := open(ctx, spec{config.Model, config.Common, config.Task.Batching, config.Task.Sequence, config}, env, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p := &probingRun{session: s, config: config}
	if err := p.open(ctx, sets); err != nil {
		return nil, err
	}
	return p.run(ctx)
}

// probingRun is a probing run in progress.
type probingRun struct {
	*session
	config configs.Probing
	data   *rowSets
	from   string           // what the probes are scored on: test or dev
	rows   [2][]probing.Row // to learn from, to score on
	labels [2][]int32       // likewise
	depths []int
	groups []*probing.Probes // each is trained in one graph
	hash   string            // of the encoder's parameters
	spent  result.Spent
}

// open encodes the sentences and resolves which probes to train.
func (p *probingRun) open(ctx context.Context, sets *Sets) (err error) {
	if _, err := os.Stat(p.dir.File(result.File)); err == nil {
		return configs.Errorf("%s is complete: it has a result.json; set another run.dir to start a new run", p.config.Run.Dir)
	}
	if p.data, err = p.encode(ctx, sets, p.config.Task.Examples); err != nil {
		return err
	}
	tried := p.data.scored()
	if _, p.from = sets.Scored(); len(tried) == 0 {
		return configs.Errorf("there are no test or dev examples to score the probes on; set data.test, data.dev or data.dev_fraction")
	}
	settings := p.config.Task.Probe
	if p.depths, err = settings.Depths(p.bert.NumHiddenLayers); err != nil {
		return configs.Wrap(err)
	}
	width := max(probing.MentionWidth(p.data.train), probing.MentionWidth(tried))
	for i, examples := range [][]marked.Row{p.data.train, tried} {
		p.rows[i] = probing.Rows(settings.Input, examples, p.config.Task.Sequence, width)
		for _, e := range examples {
			if e.Label < 0 {
				return fmt.Errorf("example %s has no label", e.ID)
			}
			p.labels[i] = append(p.labels[i], e.Label)
		}
	}
	return nil
}

// run carries out the run from its rows to its result.
func (p *probingRun) run(ctx context.Context) (*result.Probing, error) {
	if err := p.load(bert.Parameters(p.bert)); err != nil {
		return nil, err
	}
	text, err := p.config.Text()
	if err != nil {
		return nil, err
	}
	if err := p.dir.WriteConfig(text); err != nil {
		return nil, err
	}
	controls := p.config.Task.Probe.Controls
	kinds := []string{result.ProbeEncoder}
	if slices.Contains(controls, probing.ControlShuffled) {
		kinds = append(kinds, probing.ControlShuffled)
	}
	series, err := p.probe(ctx, p.store, kinds)
	if err != nil {
		return nil, err
	}
	if slices.Contains(controls, probing.ControlRandom) {
		store, err := tasks.Create(bert.Parameters(p.bert), uint64(p.config.Run.Seed))
		if err != nil {
			return nil, err
		}
		control, err := p.probe(ctx, store, []string{probing.ControlRandom})
		if err != nil {
			return nil, err
		}
		series = append(series, control...)
	}
	return p.finish(series)
}

// probe probes the encoder in store, once for each of kinds, and hashes the encoder's parameters before and after.
func (p *probingRun) probe(ctx context.Context, store *model.Store, kinds []string) ([]*probeSeries, error) {
	frozen, err := probing.NewFrozenEncoder(p.backend.Backend, store, p.bert, p.options(), p.config.Task.Probe.Input, p.rows[0][0], p.config.Task.Sequence, p.config.Task.Rows())
	if err != nil {
		return nil, err
	}
	before, err := frozen.Hash()
	if err != nil {
		return nil, err
	}
	var from [2]probing.Activations
	for i := range from {
		source, closing, err := p.activations(ctx, frozen, before, p.rows[i])
		if err != nil {
			return nil, err
		}
		defer closing()
		from[i] = source
	}
	if p.groups == nil {
		if err := p.openGroups(frozen.Header(before, activations.Float32, p.rows[0])); err != nil {
			return nil, err
		}
	}
	var out []*probeSeries
	for _, kind := range kinds {
		s, err := p.series(ctx, kind, from)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	after, err := frozen.Hash()
	if err == nil && after != before {
		err = fmt.Errorf("the frozen encoder changed while it was probed: hash %s before, %s after", before, after)
	}
	if p.hash == "" {
		p.hash = before
	}
	return out, err
}

// activations returns the activations of rows, kept on disk or encoded each time, as the config says. The caller calls
// closing.
func (p *probingRun) activations(ctx context.Context, frozen *probing.FrozenEncoder, hash string, rows []probing.Row) (_ probing.Activations, closing func(), err error) {
	kind := p.config.Task.Probe.Activations
	if kind == probing.ActivationsNone {
		return frozen.Live(rows), func() {}, nil
	}
	dir := p.config.Data.Activations
	if dir == "" {
		dir = p.dir.File(result.ActivationsDir)
	}
	h := frozen.Header(hash, kind, rows)
	p.env.note("activations: %d examples, %d layers, %d positions, hidden size %d, %s: %s bytes in %s",
		h.Examples, h.Layers, h.Positions, h.Hidden, h.Type, readable.Count(float64(h.Bytes())), h.Path(dir))
	began := time.Now()
	cache, err := frozen.Keep(dir, h, rows, func(done int) error {
		p.env.Counting("encoding", done, len(rows))
		return ctx.Err()
	})
	if err != nil {
		return nil, nil, interrupted(ctx, err)
	}
	p.spent.Encoding += time.Since(began).Seconds()
	p.spent.Bytes += h.Bytes()
	return cache, func() {
		if err := cache.Close(); err != nil {
			p.env.Log.Warn("cannot close activations", "error", err)
		}
	}, nil
}

// openGroups builds the graphs that the probes are trained in.
func (p *probingRun) openGroups(shape activations.Header) error {
	plan, err := p.plan(len(p.rows[0]))
	if err != nil {
		return err
	}
	plan.MicroBatch, plan.Devices, plan.Sequence = plan.Batch, 1, shape.Positions
	plan.Recording.EverySteps = plan.Schedule.Steps()
	settings := p.config.Task.Probe
	head := settings.Probe
	head.Classes = len(p.data.Labels)
	for _, depths := range settings.Groups(p.depths, shape.Hidden, shape.Positions) {
		g, err := probing.NewProbes(p.backend.Backend, head, depths, shape, plan)
		if err != nil {
			return err
		}
		p.groups = append(p.groups, g)
	}
	p.env.note("probes: layers %v in %d graphs, %d seeds, %d steps of %d examples", p.depths, len(p.groups), p.config.Task.Seeds, plan.Schedule.Steps(), plan.Batch)
	return nil
}

// series trains and scores the probes with every seed.
func (p *probingRun) series(ctx context.Context, kind string, from [2]probing.Activations) (*probeSeries, error) {
	began := time.Now()
	out := &probeSeries{of: kind}
	for i := range p.config.Task.Seeds {
		seed := p.config.Run.Seed + uint32(i)
		learn := probing.Samples{From: from[0], Rows: p.rows[0], Labels: p.labels[0], Workers: p.config.Device.Workers}
		if kind == probing.ControlShuffled {
			learn.Labels = probing.ShuffledLabels(p.labels[0], seed)
		}
		try := probing.Samples{From: from[1], Rows: p.rows[1], Labels: p.labels[1]}
		var trained []probing.Trained
		for _, g := range p.groups {
			some, err := g.Train(ctx, learn, try, seed)
			if errors.Is(err, trainer.ErrInterrupted) {
				return nil, fmt.Errorf("%w: the activations are kept; run the same command again", ErrInterrupted)
			}
			if err != nil {
				return nil, fmt.Errorf("%s, seed %d: %w", kind, seed, err)
			}
			trained = append(trained, some...)
		}
		if err := out.add(p, seed, trained); err != nil {
			return nil, err
		}
		p.env.Log.Info("probed", "what", kind, "seed", seed, "first", out.f1[i][0], "last", out.f1[i][len(p.depths)-1])
	}
	p.spent.Training += time.Since(began).Seconds()
	return out, nil
}
