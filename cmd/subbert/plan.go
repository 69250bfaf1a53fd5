package main

import (
	"errors"
	"time"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tpu"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/schedule"
)

type planCmd struct {
	configFlags
	Task   string        `help:"What the run does: pretraining, or relation, which is subbert finetune." enum:"pretraining,relation" default:"pretraining"`
	Device string        `required:"" help:"v2-8, v3-8, v4-8, v5e-8, v6e-8, h200, a100 or cpu." placeholder:"NAME"`
	Plugin string        `type:"path" help:"Compile with this plugin instead of the installed one." placeholder:"FILE.so"`
	Search bool          `help:"Find the largest micro-batch that fits, by compiling several."`
	Price  float64       `help:"What an hour of the device costs, for the cost of the run." placeholder:"MONEY"`
	Limit  time.Duration `help:"How long one compilation may take." default:"15m"`
	JSON   bool          `name:"json" help:"Print the plan as JSON."`
}

func (v *planCmd) Help() string {
	return `Builds the very step of a pre-training run (or with --task relation of fine-tuning, with rows of the greatest length) for devices that need not be here, compiles it ahead of time where their plugin is installed (subbert backend install tpu, or cuda), and says what is known then: memory and, for TPUs, exchanges between devices and the compiler's estimate of times. Without the plugin what follows from formulas is printed, marked as analytic. Neither data nor weights are read: model.init may hold config.json alone.

The compiler runs in a process of its own and takes up to 8 GB of memory and a minute for BERT-base.`
}

func (v *planCmd) Run(c *console) error {
	device, err := tpu.FindDevice(v.Device)
	if err != nil {
		return misused(err)
	}
	config, err := v.read(v.Task)
	if err != nil {
		return err
	}
	p, err := openPlanner(c, config, device, v)
	if err != nil {
		return err
	}
	if v.Search {
		plan, err := p.search()
		return errors.Join(err, v.show(c, plan))
	}
	plan, err := p.plan(config.Task.Batch, p.rows())
	if err != nil {
		return err
	}
	return v.show(c, plan)
}

// planner makes plans of one run for one device.
type planner struct {
	c      *console
	v      *planCmd
	config configs.Config
	bert   bert.Config
	device tpu.Device
	plugin string               // empty: formulas only
	ahead  backend.AheadRequest // what it says of the device
}

func openPlanner(c *console, config configs.Config, device tpu.Device, v *planCmd) (*planner, error) {
	p := &planner{c: c, v: v, config: config, device: device, plugin: v.Plugin}
	m, _, err := checkpoints.Peek(config.Model.Init) // what a model lacks beside config.json does not matter here
	if err != nil {
		return nil, err
	}
	if err := m.Close(); err != nil {
		return nil, err
	}
	if m.Files.Config == "" {
		return nil, misusef("model.init = %q: no config.json in it", config.Model.Init)
	}
	if p.bert, err = bert.ReadConfig(m.Files.Config); err != nil {
		return nil, err
	}
	if config.Task.Sequence > p.bert.MaxPositionEmbeddings {
		return nil, misusef("task.sequence = %d, but the model has %d positions (max_position_embeddings)", config.Task.Sequence, p.bert.MaxPositionEmbeddings)
	}
	installed, err := installedPlugins(c)
	if err != nil {
		return nil, err
	}
	if found, ok := installed.Latest(device.Kind); ok && p.plugin == "" && pjrt.Linked {
		p.plugin = found.Path
	}
	p.ahead = aheadFor(c, installed, p.plugin, device)
	return p, nil
}

// rows is the size of a microbatch.
func (p *planner) rows() int {
	if p.config.Task.MicroBatch > 0 {
		return p.config.Task.MicroBatch
	}
	return p.config.Task.Batch
}

// plan plans the run with batches of batch rows in microbatches of micro.
func (p *planner) plan(batch, micro int) (tpu.Plan, error) {
	task, err := p.task(micro)
	if err != nil {
		return tpu.Plan{}, misused(err)
	}
	run, err := p.run(task, batch, micro)
	if err != nil {
		return tpu.Plan{}, err
	}
	graphs, err := p.compile(task, batch, micro)
	if err != nil {
		return tpu.Plan{}, err
	}
	return tpu.New(run, graphs)
}

// plannable is a task that can be planned for.
type plannable interface {
	trainer.Task
	Parameters() []weights.Parameter
	FLOPs(rows int) float64
	ActivationBytes(rows, size int) int64
}

// task is what is trained. Labels that are found in the data are taken for two: a classifier is next to nothing.
func (p *planner) task(micro int) (plannable, error) {
	o := modelOptions(p.config.Device)
	if p.config.Task.Name == tasks.NameRelation {
		return tasks.NewRelation(p.bert, o, p.config.Task, max(2, len(p.config.Task.Labels)), micro)
	}
	return tasks.NewPretraining(p.bert, o, p.config.Task, micro), nil
}

// run is what of the plan no compiler says.
func (p *planner) run(task plannable, batch, micro int) (tpu.Run, error) {
	steps := 0 // not known where the length is in epochs of examples that are not read
	if p.config.Task.Name == tasks.NamePretraining || p.config.Schedule.Steps > 0 {
		s, err := schedule.New(p.config.Schedule, 0)
		if err != nil {
			return tpu.Run{}, misused(err)
		}
		steps = s.Steps()
	}
	parameters, size, first := int64(0), 4, int64(p.config.Optimizer.FirstMomentDType().Size())
	for _, w := range task.Parameters() {
		parameters += int64(w.Size())
	}
	if p.config.Device.Precision == "bfloat16" {
		size = 2
	}
	r := tpu.Run{
		Device: p.device, Precision: p.config.Device.Precision, Batch: batch, MicroBatch: micro, Tokens: batch * p.config.Task.Sequence,
		FLOPs: task.FLOPs(batch), Steps: steps, Price: p.v.Price,
		StateBytes: (4 + first + 4) * parameters, GradientBytes: 4 * parameters,
		ActivationBytes: task.ActivationBytes(max(1, micro/p.device.Devices), size),
	}
	if micro < batch {
		r.StateBytes += 4 * parameters // the gradients added up so far
	}
	return r, nil
}

// compile builds the graphs of an update for the device and compiles them where that can be done here.
func (p *planner) compile(task plannable, batch, micro int) ([]tpu.Graph, error) {
	plan := trainer.Plan{
		Optimizer: p.config.Optimizer, Batch: batch, MicroBatch: micro, Sequence: p.config.Task.Sequence, Devices: p.device.Devices,
		Checkpointing: p.config.Checkpoint, Recording: p.config.Record, Run: p.config.Run,
	}
	if err := plan.Validate(); err != nil {
		return nil, misused(err)
	}
	switch {
	case p.plugin == "":
		return nil, nil
	case p.device.Kind == tpu.KindCPU:
		return p.compileHere(task, plan)
	case p.device.Topology == "":
		return nil, nil
	}
	client, err := pjrt.Deviceless(p.device.Kind, p.device.Devices, pjrt.Options{Donate: true})
	if err != nil {
		return nil, err
	}
	programs, err := p.programs(client, task, plan)
	if err = errors.Join(err, client.Close()); err != nil {
		return nil, err
	}
	var graphs []tpu.Graph
	for _, program := range programs {
		compiled, err := p.compileAhead(program)
		if err != nil {
			return nil, err
		}
		graphs = append(graphs, graphOf(program, plan, compiled))
	}
	return graphs, nil
}

// graphOf is a program of an update, with what a compiler said of it.
func graphOf(program pjrt.Program, plan trainer.Plan, compiled pjrt.Ahead) tpu.Graph {
	g := tpu.Graph{Name: program.Name, Times: 1, Ahead: compiled}
	if program.Name == "accumulate" {
		g.Times = plan.Micros()
	}
	return g
}

// compileHere compiles on the plugin itself, which has no topologies to compile for: that of the processor.
func (p *planner) compileHere(task plannable, plan trainer.Plan) (graphs []tpu.Graph, err error) {
	if err := backend.Inspect(p.plugin); err != nil {
		return nil, err
	}
	client, err := pjrt.Open(p.device.Kind, p.plugin, pjrt.Options{Donate: true, Devices: p.device.Devices, Log: p.c.log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	programs, err := p.programs(client, task, plan)
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
		if cost, err := program.Cost(); err == nil { // not every plugin analyses it
			a.Cost = cost
		}
		graphs = append(graphs, graphOf(program, plan, a))
	}
	return graphs, nil
}

// programs builds the graphs of an update on client and compiles them.
func (p *planner) programs(client *pjrt.Client, task plannable, plan trainer.Plan) ([]pjrt.Program, error) {
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

// aheadFor is what a plugin is to be told of a device that it compiles for.
func aheadFor(c *console, installed backend.Installed, plugin string, device tpu.Device) backend.AheadRequest {
	r := backend.AheadRequest{Plugin: plugin, Topology: device.Topology}
	if found, ok := installed.At(plugin); ok {
		r.XLAFlags = found.ToolFlags(c.getenv("XLA_FLAGS"))
	}
	if device.Target != "" {
		r.XLAFlags += " --xla_gpu_autotune_level=0" // there is no device to try kernels on
		r.Settings = map[string]string{"topology": device.Topology, "target_config": device.Target}
	}
	return r
}

// compileAhead compiles a program in a process of its own.
func (p *planner) compileAhead(program pjrt.Program) (pjrt.Ahead, error) {
	p.c.log.Info("compiling", "graph", program.Name, "for", p.device.Name, "with", p.plugin)
	request := p.ahead
	request.Plugin, request.Program, request.Options = p.plugin, program.Submitted, []byte(program.Options)
	report, err := backend.CompileAhead(p.c.ctx, selfCommand("backend", "compile"), p.v.Limit, request)
	if err != nil {
		return pjrt.Ahead{}, err
	}
	if report.OutOfMemory {
		return pjrt.Ahead{}, &outOfMemoryError{device: p.device.Name, graph: program.Name, text: report.Error}
	}
	if report.Error != "" {
		return pjrt.Ahead{}, &compileError{device: p.device.Name, graph: program.Name, text: report.Error}
	}
	return report.Ahead, nil
}
