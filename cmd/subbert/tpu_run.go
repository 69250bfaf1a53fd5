package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/plan"
	"github.com/subbert/subbert/tpu/launch"
	"github.com/subbert/subbert/tpu/preflight"
)

type tpuRunCmd struct {
	configFlags
	storeFlag
	Verb           string        `enum:"pretrain,finetune" default:"pretrain" help:"Verb to run: pretrain or finetune."`
	Project        string        `required:"" help:"Google Cloud project." env:"GOOGLE_CLOUD_PROJECT" placeholder:"ID"`
	Zone           string        `required:"" help:"Zone, such as europe-west4-a." placeholder:"Z"`
	Accelerator    string        `default:"v3-8" help:"Type of TPU, such as v5litepod-8 (v5e), v6e-8 or v3-8." placeholder:"TYPE"`
	Runtime        string        `help:"Image of the TPU VM (default: the one for the type)." placeholder:"IMAGE"`
	Spot           bool          `help:"Use spot capacity, which is cheaper and may be taken away at any time."`
	Network        string        `help:"Network of the machine (default: the project's default network)." placeholder:"NAME"`
	ServiceAccount string        `help:"Service account of the machine." placeholder:"EMAIL"`
	SSHKey         string        `name:"ssh-key" help:"Public key of the identity for subbert tpu ssh." type:"existingfile" placeholder:"FILE.pub"`
	Binary         string        `help:"Program for the machine, for linux/amd64 and built with cgo (default: this program)." type:"existingfile" placeholder:"FILE"`
	Libtpu         string        `help:"Wheel of libtpu; required for a TPU." type:"existingfile" placeholder:"FILE.whl"`
	On             string        `default:"tpu" help:"Backend on the machine: tpu, or go, which needs no libtpu." placeholder:"BACKEND"`
	MaxHours       float64       `help:"Stop after this many machine-hours." placeholder:"H" range:"0..1e6"`
	MaxCost        float64       `help:"Stop at this cost, by the price table." placeholder:"MONEY" range:"0..1e9"`
	MaxUnattended  float64       `help:"Stop after this many hours without a subbert tpu run that watches the run." placeholder:"H" range:"0..1e6"`
	Prices         string        `help:"Price table in place of the list prices, see docs/tpu.md." type:"existingfile" placeholder:"FILE.toml"`
	SelfDelete     bool          `default:"true" negatable:"" help:"Let the machine delete itself at the end, in case no subbert tpu run does; its service account needs a role for that."`
	Detach         bool          `help:"Create the run, request its machine once, and exit; the same command without --detach watches the run again. Requires --max-hours or --max-cost, which the machine enforces."`
	Force          bool          `help:"Start even if the preflight says that the run does not compile, does not fit or exceeds its bounds."`
	DryRun         bool          `help:"Print what would be created and what the run needs, and create nothing."`
	Limit          time.Duration `default:"15m" hidden:"" help:"Longest time of one compilation of the preflight." range:"1s..168h"`
	Poll           time.Duration `default:"20s" hidden:"" help:"Time between polls." range:"10ms..24h"`
	JSON           bool          `name:"json" help:"Print the outcome as JSON."`

	prices launch.PriceTable
}

func (v *tpuRunCmd) Help() string {
	return `Copies the program, the config and its data to the store, requests a TPU, and watches the run to its end.

First it compiles the step with the libtpu of --libtpu and compares memory, hours and cost with the machine and the bounds; if the run does not fit them, nothing is created. A machine that is taken away, stops sending heartbeats or never starts is deleted, and another one continues from the newest checkpoint. At the end the machine is deleted. This process keeps no state: stop it and start it again, here or elsewhere, with the same --store. Of two processes, one acts and the other watches.`
}

func (v *tpuRunCmd) Run(c *console) error {
	bundle, r, err := v.describe(c)
	if err != nil {
		return err
	}
	if err := r.Validate(); err != nil {
		return misused(err)
	}
	if v.Detach {
		if err := r.CheckDetached(); err != nil {
			return misused(err)
		}
	}
	if v.DryRun {
		return v.show(c, r, bundle)
	}
	return v.with(c, func(s *gcs.Store) error {
		if err := v.create(c, s, r, bundle); err != nil {
			return err
		}
		return v.watch(c, s)
	})
}

// describe returns the run that the flags ask for and the files that it takes along.
func (v *tpuRunCmd) describe(c *console) (*launch.Bundle, launch.Run, error) {
	r := launch.Run{
		ID: launch.ID(v.Store), Store: strings.TrimSuffix(v.Store, "/"), Project: v.Project, Zone: v.Zone, Accelerator: v.Accelerator,
		Runtime: cmp.Or(v.Runtime, launch.RuntimeVersion(v.Accelerator)), Spot: v.Spot, Network: v.Network, ServiceAccount: v.ServiceAccount, Verb: v.Verb, Backend: v.On,
		MaxHours: v.MaxHours, MaxCost: v.MaxCost, MaxUnattended: v.MaxUnattended, SelfDelete: v.SelfDelete, Desired: launch.Running,
	}
	bundle := &launch.Bundle{Binary: v.Binary, Plugin: v.Libtpu}
	if v.On == "tpu" && v.Libtpu == "" {
		return nil, r, misusef("--libtpu is missing: the machine needs the wheel that subbert backend install tpu downloads")
	}
	if bundle.Binary == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, r, err
		}
		bundle.Binary = self
	}
	if err := v.pack(c, bundle, r); err != nil {
		return nil, r, err
	}
	if v.SSHKey != "" {
		key, err := os.ReadFile(v.SSHKey)
		if err != nil {
			return nil, r, err
		}
		if r.SSHKey, err = launch.PublicKey(key); err != nil {
			return nil, r, misusef("--ssh-key %s: %w", v.SSHKey, err)
		}
	}
	var err error
	if v.prices, err = launch.OpenPrices(v.Prices); err != nil {
		return nil, r, misused(err)
	}
	r.HourPrice = launch.FindPrice(v.prices.Prices, r)
	return bundle, r, bundle.Describe(&r)
}

// pack reads the config into the bundle, with the paths of the machine.
func (v *tpuRunCmd) pack(c *console, b *launch.Bundle, r launch.Run) error {
	config, err := v.read(c)
	if err != nil {
		return err
	}
	config.Base().Run.Dir, config.Base().Device.Cache = launch.RunDir, launch.CacheDir
	return b.SetConfig(config, r)
}

// tpuConfig is a config of either verb.
type tpuConfig interface {
	launch.Config
	Base() *configs.Common
}

// read reads the config of the verb. A model of the hub is fetched.
func (v *tpuRunCmd) read(c *console) (config tpuConfig, err error) {
	if v.Verb == "finetune" {
		var r configs.Relation
		r, err = read(v.configFlags, configs.ReadRelation)
		config = &r
	} else {
		var p configs.Pretraining
		p, err = read(v.configFlags, configs.ReadPretraining)
		config = &p
	}
	if err != nil {
		return nil, err
	}
	init := config.Paths()["model"]
	*init, err = c.modelPath(c.ctx, *init)
	return config, err
}

// show prints what would be done. It returns an error if the preflight refuses the run.
func (v *tpuRunCmd) show(c *console, r launch.Run, b *launch.Bundle) error {
	p, err := v.preflight(c, r)
	if err != nil {
		return err
	}
	if v.JSON {
		err = c.printJSON(struct {
			Run       launch.Run        `json:"run"`
			Request   any               `json:"request"`
			Preflight *preflight.Report `json:"preflight"`
		}{r, launch.Request(r), p})
	} else {
		err = v.showText(c, r, b, p)
	}
	return errors.Join(err, v.refuse(c, p))
}

func (v *tpuRunCmd) showText(c *console, r launch.Run, b *launch.Bundle, p *preflight.Report) error {
	if err := printRows(c.out, append(b.Rows(r), p.Rows(v.prices)...)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "\n%s", launch.StartupScript(r))
	return err
}

// create writes the run to its store, after the preflight, or joins the run that the store has.
func (v *tpuRunCmd) create(c *console, s *gcs.Store, r launch.Run, b *launch.Bundle) error {
	joined, err := b.Start(c.ctx, s, r, func() error {
		p, err := v.preflight(c, r)
		if err != nil {
			return err
		}
		if err := errors.Join(printRows(c.err, p.Rows(v.prices)), v.refuse(c, p)); err != nil {
			return err
		}
		c.log.Info("copying", "to", r.Store)
		return nil
	})
	if joined && err == nil {
		c.log.Info("joining the existing run", "run", r.ID)
	}
	return err
}

// watch watches the run in a store until its end.
func (v *tpuRunCmd) watch(c *console, s *gcs.Store) error {
	r, err := launch.ReadRun(c.ctx, s)
	if err != nil {
		return err
	}
	cloud, err := openCloud(c, r.Project, r.Zone)
	if err != nil {
		return err
	}
	if v.Detach {
		if err := cloud.Ask(c.ctx, r); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.out, "%s: requested; the machine keeps to its bounds and deletes itself at the end. A machine that is taken away is replaced only while subbert tpu run --store %s is running\n", r.ID, r.Store)
		return err
	}
	who, err := holder()
	if err != nil {
		return err
	}
	controller := &launch.Controller{Store: s, Cloud: cloud, Holder: who, Log: c.log, Patience: launch.DefaultPatience(), Poll: v.Poll}
	outcome, err := controller.Run(c.ctx)
	if errors.Is(err, context.Canceled) {
		return interruptedf("the run continues; the same command watches it again")
	}
	if err != nil {
		return err
	}
	return v.end(c, r, outcome)
}

// end prints how the run ended. It returns an error if the run was not completed.
func (v *tpuRunCmd) end(c *console, r launch.Run, o *launch.Outcome) error {
	if o == nil {
		return fmt.Errorf("%s ended without an outcome", r.ID)
	}
	if v.JSON {
		if err := c.printJSON(o); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(c.out, "%s: %s at step %d; results in %s\n", r.ID, o.State, o.Step, r.Store); err != nil {
		return err
	}
	if o.State == launch.Done {
		return nil
	}
	for _, line := range o.Tail {
		fmt.Fprintln(c.err, line)
	}
	return fmt.Errorf("%s is %s at step %d: %s", r.ID, o.State, o.Step, o.Why)
}

// preflight plans the run with the compiler of the machine's own libtpu and compares the plan with its bounds.
func (v *tpuRunCmd) preflight(c *console, r launch.Run) (*preflight.Report, error) {
	device, unplanned := preflight.Device(r)
	if unplanned != nil {
		return unplanned, nil
	}
	config, err := v.read(c)
	if err != nil {
		return nil, err
	}
	plugin, err := v.compiler(c)
	if err != nil {
		return nil, err
	}
	options, err := c.planning(device, plugin, v.Limit)
	if err != nil {
		return nil, err
	}
	options.Price = r.HourPrice
	planner, err := plan.Pretraining(c.ctx, *config.(*configs.Pretraining), options)
	if err != nil {
		return nil, err
	}
	return preflight.Of(c.ctx, planner, r)
}

// refuse returns an error for a run with faults, unless --force is given.
func (v *tpuRunCmd) refuse(c *console, p *preflight.Report) error {
	if !v.Force {
		return misused(p.Err())
	}
	for _, fault := range p.Faults {
		c.log.Warn("preflight", "fault", fault, "why_started", "--force")
	}
	return nil
}

// compiler returns the path of the library in the wheel for the machine, unpacked on this machine; empty if it cannot
// be loaded.
func (v *tpuRunCmd) compiler(c *console) (string, error) {
	if !pjrt.Linked || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", nil
	}
	release, err := backend.FindRelease(backend.TPU, launch.WheelVersion(v.Libtpu), "linux", "amd64")
	if err != nil {
		return "", misusef("--libtpu %s: %w", v.Libtpu, err)
	}
	dir, err := pluginsDir()
	if err != nil {
		return "", err
	}
	installed, err := backend.Install(c.ctx, dir, release, backend.InstallOptions{Wheels: []string{v.Libtpu}, Log: c.log})
	if err != nil {
		return "", misusef("--libtpu: %w", err)
	}
	return installed.Path, nil
}
