package plan

import (
	"context"
	"errors"
	"log/slog"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/pretraining"
	"github.com/subbert/subbert/tasks/relation"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/schedule"
)

// Options are the device and the compiler of a plan.
type Options struct {
	Device Device
	Plugin string               // path of the device's plugin, which compiles; empty: formulas only
	Ahead  backend.AheadRequest // settings of the plugin for the device; see Request
	Price  float64              // of an hour of the device, in whatever currency; 0: not known
	Log    *slog.Logger         // receives notes on compilations; nil: none are logged

	// Compile compiles a program ahead of time, for example in its own process: a compiler takes gigabytes. Without it the
	// program is compiled in this process.
	Compile func(context.Context, backend.AheadRequest) (backend.AheadReport, error)
}

// Request describes a device to the plugin that compiles for it. xlaFlags are flags beyond those in the environment,
// such as the directory of the compiler's tools.
func Request(plugin string, d Device, xlaFlags string) backend.AheadRequest {
	r := backend.AheadRequest{Plugin: plugin, Topology: d.Topology, XLAFlags: xlaFlags}
	if d.Target != "" {
		r.XLAFlags += " --xla_gpu_autotune_level=0" // there is no device to try kernels on
		r.Settings = map[string]string{"topology": d.Topology, "target_config": d.Target}
	}
	return r
}

// planned is a task that can be planned for.
type planned interface {
	trainer.Task
	Parameters() []weights.Parameter
	FLOPs(rows int) float64
	ActivationBytes(rows, size int) int64
}

// Planner makes plans of one run for one device.
type Planner struct {
	options  Options
	common   configs.Common
	batching tasks.Batching
	sequence int
	steps    int // updates; 0: not known
	task     func(micro int) (planned, error)
}

// Pretraining plans a pre-training run. It reads config.json of the model and neither data nor weights.
func Pretraining(ctx context.Context, c configs.Pretraining, o Options) (*Planner, error) {
	p := &Planner{options: o, common: c.Common, batching: c.Task.Batching, sequence: c.Task.Sequence}
	encoder, err := p.open(ctx, c.Model.Init)
	if err != nil {
		return nil, err
	}
	s, err := schedule.New(c.Schedule, 0)
	if err != nil {
		return nil, configs.Wrap(err)
	}
	p.steps = s.Steps()
	p.task = func(micro int) (planned, error) {
		return pretraining.New(encoder, c.Device.ModelOptions(), c.Task, micro), nil
	}
	return p, nil
}

// Relation plans a fine-tuning run, with rows of the maximum length. If the labels come from the data, it assumes
// two: the size of the classifier is negligible.
func Relation(ctx context.Context, c configs.Relation, o Options) (*Planner, error) {
	p := &Planner{options: o, common: c.Common, batching: c.Task.Batching, sequence: c.Task.Sequence, steps: c.Schedule.Steps}
	encoder, err := p.open(ctx, c.Model.Init)
	if err != nil {
		return nil, err
	}
	p.task = func(micro int) (planned, error) {
		return relation.New(encoder, c.Device.ModelOptions(), c.Task, max(2, len(c.Task.Labels)), micro)
	}
	return p, nil
}

// open reads the architecture of the model at path, which needs only a config.json.
func (p *Planner) open(ctx context.Context, path string) (bert.Config, error) {
	var c bert.Config
	m, _, err := checkpoints.Peek(ctx, path)
	if err != nil {
		return c, err
	}
	if err := m.Close(); err != nil {
		return c, err
	}
	if m.Files.Config == "" {
		return c, configs.Errorf("model.init = %q has no config.json", path)
	}
	if c, err = bert.ReadConfig(m.Files.Config); err != nil {
		return c, err
	}
	if p.sequence > c.MaxPositionEmbeddings {
		return c, configs.Errorf("task.sequence = %d, but the model has %d positions (max_position_embeddings)", p.sequence, c.MaxPositionEmbeddings)
	}
	return c, nil
}

// Steps is the number of updates of the run; 0 if it depends on examples, which are not read.
func (p *Planner) Steps() int { return p.steps }

// Plan plans the run with the batches of its config.
func (p *Planner) Plan(ctx context.Context) (Plan, error) {
	return p.plan(ctx, p.batching.Batch, p.batching.Rows())
}

// plan plans the run with batches of batch rows in microbatches of micro.
func (p *Planner) plan(ctx context.Context, batch, micro int) (Plan, error) {
	task, err := p.task(micro)
	if err != nil {
		return Plan{}, configs.Wrap(err)
	}
	graphs, err := p.compile(ctx, task, batch, micro)
	if err != nil {
		return Plan{}, err
	}
	return New(p.run(task, batch, micro), graphs)
}

// run is the part of the plan that does not come from a compiler.
func (p *Planner) run(task planned, batch, micro int) Run {
	parameters, size, first := int64(0), 4, int64(p.common.Optimizer.FirstMomentDType().Size())
	for _, w := range task.Parameters() {
		parameters += int64(w.Size())
	}
	if p.common.Device.Precision == "bfloat16" {
		size = 2
	}
	r := Run{
		Device: p.options.Device, Precision: p.common.Device.Precision, Batch: batch, MicroBatch: micro, Tokens: batch * p.sequence,
		FLOPs: task.FLOPs(batch), Steps: p.steps, Price: p.options.Price,
		StateBytes: (4 + first + 4) * parameters, GradientBytes: 4 * parameters,
		ActivationBytes: task.ActivationBytes(max(1, micro/p.options.Device.Devices), size),
	}
	if micro < batch {
		r.StateBytes += 4 * parameters // the accumulated gradients
	}
	return r
}

// compile builds the graphs of an update for the device and compiles them if a compiler is available.
func (p *Planner) compile(ctx context.Context, task planned, batch, micro int) ([]Graph, error) {
	device := p.options.Device
	plan := trainer.Plan{
		Optimizer: p.common.Optimizer, Batch: batch, MicroBatch: micro, Sequence: p.sequence, Devices: device.Devices,
		Checkpointing: p.common.Checkpoint, Recording: p.common.Record, Run: p.common.Run,
	}
	if err := plan.Validate(); err != nil {
		return nil, configs.Wrap(err)
	}
	switch {
	case p.options.Plugin == "":
		return nil, nil
	case device.Kind == KindCPU:
		return p.compileHere(task, plan)
	case device.Topology == "":
		return nil, nil
	}
	client, err := pjrt.Deviceless(device.Kind, device.Devices, pjrt.Options{Donate: true})
	if err != nil {
		return nil, err
	}
	programs, err := build(client, task, plan)
	if err = errors.Join(err, client.Close()); err != nil {
		return nil, err
	}
	var graphs []Graph
	for _, program := range programs {
		compiled, err := p.compileAhead(ctx, program)
		if err != nil {
			return nil, err
		}
		graphs = append(graphs, graphOf(program, plan, compiled))
	}
	return graphs, nil
}

// graphOf is a program of an update with the compiler's figures.
func graphOf(program pjrt.Program, plan trainer.Plan, compiled pjrt.Ahead) Graph {
	g := Graph{Name: program.Name, Times: 1, Ahead: compiled}
	if program.Name == "accumulate" {
		g.Times = plan.Micros()
	}
	return g
}

// compileHere compiles on the plugin of the processor, which has no topologies to compile for.
func (p *Planner) compileHere(task planned, plan trainer.Plan) (graphs []Graph, err error) {
	device := p.options.Device
	if err := backend.Inspect(p.options.Plugin); err != nil {
		return nil, err
	}
	client, err := pjrt.Open(device.Kind, p.options.Plugin, pjrt.Options{Donate: true, Devices: device.Devices, Log: p.options.Log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	programs, err := build(client, task, plan)
	if err != nil {
		return nil, err
	}
	for _, program := range programs {
		var a pjrt.Ahead
		m, err := program.Memory()
		if err != nil {
			return nil, err
		}
		a.Memory = &m
		if cost, err := program.Cost(); err == nil { // not every plugin has a cost analysis
			a.Cost = cost
		}
		graphs = append(graphs, graphOf(program, plan, a))
	}
	return graphs, nil
}

// build builds the graphs of an update on client and compiles them.
func build(client *pjrt.Client, task planned, plan trainer.Plan) ([]pjrt.Program, error) {
	store, err := tasks.Shapes(task.Parameters())
	if err != nil {
		return nil, err
	}
	t, err := trainer.New(client.Backend(), store, task, plan)
	if err != nil {
		return nil, err
	}
	if err := t.Compile(); err != nil {
		return nil, err
	}
	return client.Programs(), nil
}

// compileAhead compiles a program for a device that this machine lacks.
func (p *Planner) compileAhead(ctx context.Context, program pjrt.Program) (pjrt.Ahead, error) {
	device := p.options.Device.Name
	if p.options.Log != nil {
		p.options.Log.Info("compiling", "graph", program.Name, "for", device, "with", p.options.Plugin)
	}
	request := p.options.Ahead
	request.Plugin, request.Program, request.Options = p.options.Plugin, program.Submitted, []byte(program.Options)
	compile := p.options.Compile
	if compile == nil {
		compile = func(_ context.Context, r backend.AheadRequest) (backend.AheadReport, error) {
			return backend.CompileAheadHere(r), nil
		}
	}
	report, err := compile(ctx, request)
	switch {
	case err != nil:
		return pjrt.Ahead{}, err
	case report.OutOfMemory:
		return pjrt.Ahead{}, &OutOfMemoryError{Device: device, Graph: program.Name, Text: report.Error}
	case report.Error != "":
		return pjrt.Ahead{}, &CompileError{Device: device, Graph: program.Name, Text: report.Error}
	}
	return report.Ahead, nil
}
