package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/activations"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/rundir"
)

type probeCmd struct {
	configFlags
	JSON bool `name:"json" help:"Print the result as JSON."`
}

func (v *probeCmd) Help() string {
	return `Freezes the encoder of model.init, fine-tuned or not, and trains small classifiers on what its layers say: the probe of layer l sees a learned mix of layers 0 (the embeddings) to l. How much better it scores than the probe of layer l-1 says what layer l adds.

The encoder runs once; its activations are kept on disk, and all probes, seeds and controls learn from there. Controls are an encoder that learned nothing and labels in another order. The run directory gets config.toml, result.json, probes.csv and figures/ as SVG and PNG; subbert report shows them.`
}

func (v *probeCmd) Run(c *console) error {
	config, err := v.read(tasks.NameProbe)
	if err != nil {
		return err
	}
	sets, err := readSets(c, config)
	if err != nil {
		return err
	}
	r, err := openRun(c, config, false, nil)
	if err != nil {
		return err
	}
	result, err := r.probe(sets)
	if err = errors.Join(err, r.close()); err != nil {
		return err
	}
	return c.show(v.JSON, result)
}

// probing is a probing run under way.
type probing struct {
	*session
	data   *relationData
	from   string              // what is tried on: test or dev
	rows   [2][]tasks.ProbeRow // to learn from, to try on
	labels [2][]int32          // likewise
	depths []int
	groups []*tasks.Probes // what is trained in one graph
	hash   string          // of the encoder
	spent  probeTimes
}

// probeTimes says what the run took.
type probeTimes struct {
	Encoding float64 `json:"encoding"` // seconds
	Training float64 `json:"training"` // seconds
	Bytes    int64   `json:"activations"`
}

// probe is a probing run from its examples to its result.
func (r *session) probe(sets *relationSets) (*probeResult, error) {
	if _, err := os.Stat(r.dir.File(rundir.ResultFile)); err == nil {
		return nil, misusef("%s is complete: it has a result.json; another run.dir starts anew", r.config.Run.Dir)
	}
	p, err := r.newProbing(sets)
	if err != nil {
		return nil, err
	}
	if err := r.load(bert.Parameters(r.bert)); err != nil {
		return nil, err
	}
	text, err := r.config.Text()
	if err != nil {
		return nil, err
	}
	if err := r.dir.WriteConfig(text); err != nil {
		return nil, err
	}
	settings := r.config.Task.Probe
	kinds := []string{probeEncoder}
	if slices.Contains(settings.Controls, tasks.ControlShuffled) {
		kinds = append(kinds, tasks.ControlShuffled)
	}
	series, err := p.encoder(r.store, kinds)
	if err != nil {
		return nil, err
	}
	if slices.Contains(settings.Controls, tasks.ControlRandom) {
		store, err := tasks.Create(bert.Parameters(r.bert), uint64(r.config.Run.Seed))
		if err != nil {
			return nil, err
		}
		control, err := p.encoder(store, []string{tasks.ControlRandom})
		if err != nil {
			return nil, err
		}
		series = append(series, control...)
	}
	return p.finish(series)
}

// probeEncoder is the series of the encoder in question, beside the controls.
const probeEncoder = "encoder"

// newProbing encodes the sentences and settles what is probed.
func (r *session) newProbing(sets *relationSets) (*probing, error) {
	data, err := r.encode(sets)
	if err != nil {
		return nil, err
	}
	p := &probing{session: r, data: data, from: "test"}
	tried := data.testRows
	if len(tried) == 0 {
		p.from, tried = "dev", data.devRows
	}
	if len(tried) == 0 {
		return nil, misusef("there are no test and no dev examples to try the probes on: data.test, data.dev or data.dev_fraction gives some")
	}
	if p.depths, err = r.config.Task.Probe.Depths(r.bert.NumHiddenLayers); err != nil {
		return nil, misused(err)
	}
	width := max(tasks.MentionWidth(data.rows), tasks.MentionWidth(tried))
	for i, examples := range [][]tasks.Example{data.rows, tried} {
		p.rows[i] = tasks.ProbeRows(r.config.Task.Probe.Input, examples, r.config.Task.Sequence, width)
		for _, e := range examples {
			if e.Label < 0 {
				return nil, fmt.Errorf("example %s has no label", e.ID)
			}
			p.labels[i] = append(p.labels[i], e.Label)
		}
	}
	return p, nil
}

// encoder probes the encoder in store, once for each of kinds. Its parameters are hashed before and after.
func (p *probing) encoder(store *model.Store, kinds []string) ([]*probeSeries, error) {
	frozen, err := tasks.NewFrozenEncoder(p.backend.Backend, store, p.bert, p.options(), p.config.Task.Probe.Input, p.rows[0][0], p.config.Task.Sequence, p.session.rows())
	if err != nil {
		return nil, err
	}
	before, err := frozen.Hash()
	if err != nil {
		return nil, err
	}
	var from [2]tasks.Activations
	for i := range from {
		source, closing, err := p.activations(frozen, before, p.rows[i])
		if err != nil {
			return nil, err
		}
		defer closing()
		from[i] = source
	}
	if p.groups == nil {
		if err := p.open(frozen.Header(before, activations.Float32, p.rows[0])); err != nil {
			return nil, err
		}
	}
	var out []*probeSeries
	for _, kind := range kinds {
		s, err := p.series(kind, from)
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

// activations are those of rows, kept or encoded anew each time as the config says. The caller calls closing.
func (p *probing) activations(frozen *tasks.FrozenEncoder, hash string, rows []tasks.ProbeRow) (_ tasks.Activations, closing func(), err error) {
	kind := p.config.Task.Probe.Activations
	if kind == tasks.ActivationsNone {
		return frozen.Live(rows), func() {}, nil
	}
	dir := p.config.Data.Activations
	if dir == "" {
		dir = p.dir.File("activations")
	}
	h := frozen.Header(hash, kind, rows)
	fmt.Fprintf(p.c.err, "activations: %d examples of %d layers, %d positions, %d numbers in %s: %s bytes in %s\n",
		h.Examples, h.Layers, h.Positions, h.Hidden, h.Type, count(float64(h.Bytes())), h.Path(dir))
	began, told := time.Now(), time.Now()
	cache, err := frozen.Keep(dir, h, rows, func(done int) error {
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			p.c.log.Info("encoding", "examples", done, "of", len(rows))
		}
		return p.c.ctx.Err()
	})
	if err != nil {
		return nil, nil, err
	}
	p.spent.Encoding += time.Since(began).Seconds()
	p.spent.Bytes += h.Bytes()
	return cache, func() {
		if err := cache.Close(); err != nil {
			p.c.log.Warn("closing activations", "error", err)
		}
	}, nil
}

// open makes the graphs that probes are trained in.
func (p *probing) open(shape activations.Header) error {
	plan, err := p.plan(len(p.rows[0]))
	if err != nil {
		return err
	}
	plan.MicroBatch, plan.Devices, plan.Sequence = plan.Batch, 1, shape.Positions
	plan.Recording.EverySteps = plan.Schedule.Steps()
	settings := p.config.Task.Probe
	head := settings.Probe
	head.Classes = len(p.data.labels)
	for _, depths := range settings.Groups(p.depths, shape.Hidden, shape.Positions) {
		g, err := tasks.NewProbes(p.backend.Backend, head, depths, shape, plan)
		if err != nil {
			return err
		}
		p.groups = append(p.groups, g)
	}
	fmt.Fprintf(p.c.err, "probes: of layers %v in %d graphs, %d seeds, %d steps of %d examples each\n", p.depths, len(p.groups), p.config.Task.Seeds, plan.Schedule.Steps(), plan.Batch)
	return nil
}

// series trains and tries the probes with every seed.
func (p *probing) series(kind string, from [2]tasks.Activations) (*probeSeries, error) {
	began := time.Now()
	out := &probeSeries{of: kind}
	for i := range p.config.Task.Seeds {
		seed := p.config.Run.Seed + uint32(i)
		learn := tasks.ProbeData{From: from[0], Rows: p.rows[0], Labels: p.labels[0], Workers: p.config.Device.Workers}
		if kind == tasks.ControlShuffled {
			learn.Labels = tasks.ShuffledLabels(p.labels[0], seed)
		}
		try := tasks.ProbeData{From: from[1], Rows: p.rows[1], Labels: p.labels[1]}
		var trained []tasks.Trained
		for _, g := range p.groups {
			some, err := g.Train(p.c.ctx, learn, try, seed)
			if errors.Is(err, trainer.ErrInterrupted) {
				return nil, fmt.Errorf("%w: the activations are kept; run the same again", errInterrupted)
			}
			if err != nil {
				return nil, fmt.Errorf("%s, seed %d: %w", kind, seed, err)
			}
			trained = append(trained, some...)
		}
		if err := out.add(p, seed, trained); err != nil {
			return nil, err
		}
		p.c.log.Info("probed", "what", kind, "seed", seed, "first", out.f1[i][0], "last", out.f1[i][len(p.depths)-1])
	}
	p.spent.Training += time.Since(began).Seconds()
	return out, nil
}
