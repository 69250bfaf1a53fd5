package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/plan"
)

type planCmd struct {
	configFlags
	Task   string        `help:"Task of the run: pretraining, or relation for subbert finetune." enum:"pretraining,relation" default:"pretraining"`
	Device string        `required:"" help:"v2-8, v3-8, v4-8, v5e-8, v6e-8, h200, a100, l4, rtx4090, rtx3090, t4, v100 or cpu." placeholder:"NAME"`
	Plugin string        `type:"path" help:"Compile with this plugin instead of the installed one." placeholder:"FILE.so"`
	Search bool          `help:"Find the largest microbatch that fits, by compiling several."`
	Price  float64       `help:"Price of an hour of the device, for the cost of the run." placeholder:"MONEY" range:"0..1e9"`
	Limit  time.Duration `help:"Longest time of one compilation." default:"15m" range:"1s..168h"`
	JSON   bool          `name:"json" help:"Print the plan as JSON."`
}

func (v *planCmd) Help() string {
	return `Builds the step of a pre-training run (with --task relation, of fine-tuning with rows of the greatest length) for devices that this machine need not have, compiles it ahead of time if their plugin is installed (subbert backend install tpu, or cuda), and prints the compiler's figures: memory and, for TPUs, collectives between devices and estimated times. Without the plugin it prints figures from formulas, marked as analytic. It reads neither data nor weights: model.init needs only a config.json.

The compiler runs in a process of its own and takes up to 8 GB of memory and a minute for BERT-base.`
}

func (v *planCmd) Run(c *console) error {
	device, err := plan.FindDevice(v.Device)
	if err != nil {
		return misused(err)
	}
	options, err := c.planning(device, v.Plugin, v.Limit)
	if err != nil {
		return err
	}
	options.Price = v.Price
	planner, err := v.planner(c.ctx, options)
	if err != nil {
		return err
	}
	make := planner.Plan
	if v.Search {
		make = planner.Search
	}
	p, err := make(c.ctx)
	if err != nil && p.Device == "" {
		return err
	}
	return errors.Join(err, c.show(v.JSON, p, func(w io.Writer) error { return printPlan(w, p) })) // if a search was interrupted, the best plan so far
}

// planner plans the run that the config describes.
func (v *planCmd) planner(ctx context.Context, o plan.Options) (*plan.Planner, error) {
	if v.Task == "relation" {
		config, err := read(v.configFlags, configs.ReadRelation)
		if err != nil {
			return nil, err
		}
		return plan.Relation(ctx, config, o)
	}
	config, err := read(v.configFlags, configs.ReadPretraining)
	if err != nil {
		return nil, err
	}
	return plan.Pretraining(ctx, config, o)
}

// planning returns the options of planning for a device with the plugin at a path or, if the path is empty, with the
// newest one installed. Programs are compiled by this program in a separate process.
func (c *console) planning(device plan.Device, plugin string, limit time.Duration) (plan.Options, error) {
	o := plan.Options{Device: device, Plugin: plugin, Log: c.log}
	installed, err := installedPlugins(c)
	if err != nil {
		return o, err
	}
	if found, ok := installed.Latest(device.Kind); ok && plugin == "" && pjrt.Linked {
		o.Plugin = found.Path
	}
	o.Ahead = c.ahead(installed, o.Plugin, device)
	o.Compile = func(ctx context.Context, r backend.AheadRequest) (backend.AheadReport, error) {
		return backend.CompileAhead(ctx, selfCommand("backend", "compile"), limit, r)
	}
	return o, nil
}

// ahead returns the request to compile for a device with a plugin.
func (c *console) ahead(installed backend.Installed, plugin string, device plan.Device) backend.AheadRequest {
	flags := ""
	if found, ok := installed.At(plugin); ok {
		flags = found.ToolFlags(c.getenv("XLA_FLAGS"))
	}
	return plan.Request(plugin, device, flags)
}

// printPlan prints the plan for a person.
func printPlan(to io.Writer, p plan.Plan) error {
	if err := printRows(to, p.Rows()); err != nil {
		return err
	}
	for _, n := range p.Notes {
		fmt.Fprintf(to, "note: %s\n", n)
	}
	return nil
}
