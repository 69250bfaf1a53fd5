package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/plan"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/tpu/launch"
	"github.com/subbert/subbert/tpu/preflight"
)

type tpuRunCmd struct {
	configFlags
	storeFlag
	Verb           string        `enum:"pretrain,finetune" default:"pretrain" help:"What to run: pretrain or finetune."`
	Project        string        `required:"" help:"Google Cloud project." env:"GOOGLE_CLOUD_PROJECT" placeholder:"ID"`
	Zone           string        `required:"" help:"Zone, such as europe-west4-a." placeholder:"Z"`
	Accelerator    string        `default:"v3-8" help:"Type of TPU, such as v5litepod-8 (v5e), v6e-8 or v3-8." placeholder:"TYPE"`
	Runtime        string        `help:"Image of the TPU VM; by default the one for the type." placeholder:"IMAGE"`
	Spot           bool          `help:"Take spot capacity: cheaper, and taken away now and then."`
	Network        string        `help:"Network of the machine, if not the default one." placeholder:"NAME"`
	ServiceAccount string        `help:"Service account of the machine." placeholder:"EMAIL"`
	SSHKey         string        `name:"ssh-key" help:"Public key that subbert tpu ssh may use." type:"existingfile" placeholder:"FILE.pub"`
	Binary         string        `help:"The program for the machine (linux/amd64, built with cgo), if not this one." type:"existingfile" placeholder:"FILE"`
	Libtpu         string        `help:"The wheel of libtpu; required for a TPU." type:"existingfile" placeholder:"FILE.whl"`
	On             string        `default:"tpu" help:"What computes on the machine; go needs no TPU's library." placeholder:"BACKEND"`
	MaxHours       float64       `help:"Stop after so many machine-hours." placeholder:"H" range:"0..1e6"`
	MaxCost        float64       `help:"Stop after so much money, by the price table." placeholder:"MONEY" range:"0..1e9"`
	MaxUnattended  float64       `help:"Stop after so many hours in which no subbert tpu run looks after it." placeholder:"H" range:"0..1e6"`
	Prices         string        `help:"Price table to take the place of the list prices, see docs/tpu.md." type:"existingfile" placeholder:"FILE.toml"`
	SelfDelete     bool          `default:"true" negatable:"" help:"Let the machine delete itself at the end, in case nobody is there to do it; its service account needs a role for that."`
	Detach         bool          `help:"Make the run and its first request, and leave; subbert tpu run again takes it up. Needs --max-hours or --max-cost, which the machine keeps."`
	Force          bool          `help:"Start although the preflight says that the run does not compile, does not fit or exceeds its bounds."`
	DryRun         bool          `help:"Say what would be done and what it would take, and create nothing."`
	Limit          time.Duration `default:"15m" hidden:"" help:"For one compilation of the preflight." range:"1s..168h"`
	Poll           time.Duration `default:"20s" hidden:"" help:"Between looks." range:"10ms..24h"`
	JSON           bool          `name:"json" help:"Print the outcome as JSON."`

	prices launch.PriceTable
}

func (v *tpuRunCmd) Help() string {
	return `Copies the program, the config and its data to the store, asks for a TPU, and sees the run through.

First it compiles the step with the libtpu that goes along and compares memory, hours and cost with the machine and the bounds; where that says no, nothing is created. A machine that is taken away, falls silent or never starts is deleted and another one continues from the newest checkpoint. At the end the machine is deleted. Nothing is kept in this process: stop it and start it again, here or elsewhere, with the same --store; started twice, one acts and the other watches.`
}

func (v *tpuRunCmd) Run(c *console) error {
	bundle, r, err := v.describe(c)
	if err != nil {
		return err
	}
	if err := r.Validate(); err != nil {
		return misused(err)
	}
	if err := v.detachable(r); err != nil {
		return err
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

// detachable refuses a run whose machine nobody would delete.
func (v *tpuRunCmd) detachable(r launch.Run) error {
	switch {
	case !v.Detach:
		return nil
	case !r.SelfDelete:
		return misusef("--detach with --no-self-delete: nobody would delete the machine")
	case r.MaxHours == 0 && r.MaxCost == 0:
		return misusef("--detach without --max-hours or --max-cost: nothing would bound what the machine costs")
	}
	return nil
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
		return nil, r, misusef("--libtpu: missing; the machine needs the wheel that subbert backend install tpu would fetch")
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
	if err := v.readPrices(); err != nil {
		return nil, r, misused(err)
	}
	r.HourPrice = launch.FindPrice(v.prices.Prices, r)
	return bundle, r, bundle.Describe(&r)
}

// readPrices reads the price table: the given one, or the list prices.
func (v *tpuRunCmd) readPrices() (err error) {
	if v.Prices == "" {
		v.prices, err = launch.ListPrices()
		return err
	}
	v.prices.Prices, err = launch.ReadPrices(v.Prices)
	return err
}

// pack reads the config and replaces the paths of its inputs by those on the machine. Shards are read from the store.
func (v *tpuRunCmd) pack(c *console, b *launch.Bundle, r launch.Run) error {
	config, err := v.read(c)
	if err != nil {
		return err
	}
	b.Inputs, b.Streams = make(map[string]string), make(map[string]string)
	for name, at := range config.Paths() {
		if runs.InStore(*at) {
			if _, _, err := gcs.Split(*at); err != nil {
				return misusef("%s: %w", name, err)
			}
		}
		if *at == "" || runs.InStore(*at) {
			continue
		}
		local, err := filepath.Abs(*at)
		if err != nil {
			return err
		}
		if *at, err = launch.InputPath(name, local); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if name == "shards" {
			b.Streams[name], *at = local, launch.StreamPath(r, name)
			continue
		}
		b.Inputs[name] = local
	}
	config.Base().Run.Dir, config.Base().Device.Cache = "run", launch.CacheDir
	b.Config, err = config.Text()
	return err
}

// tpuConfig is a config of either verb.
type tpuConfig interface {
	Paths() map[string]*string
	Base() *configs.Common
	Text() ([]byte, error)
}

// read reads the config of the verb; a model of the hub is fetched.
func (v *tpuRunCmd) read(c *console) (tpuConfig, error) {
	if v.Verb == "finetune" {
		config, err := read(v.configFlags, configs.ReadRelation)
		if err == nil {
			config.Model.Init, err = c.modelPath(c.ctx, config.Model.Init)
		}
		return &config, err
	}
	config, err := v.pretraining(c)
	return &config, err
}

func (v *tpuRunCmd) pretraining(c *console) (configs.Pretraining, error) {
	config, err := read(v.configFlags, configs.ReadPretraining)
	if err == nil {
		config.Model.Init, err = c.modelPath(c.ctx, config.Model.Init)
	}
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
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("run", "%s", r.ID)
	row("machine", "%s: %s, %s, in %s of %s, spot %t", r.Name(), r.Accelerator, r.Runtime, r.Zone, r.Project, r.Spot)
	row("store", "%s", r.Store)
	row("program", "%s, sha256 %s", b.Binary, r.Binary.SHA256)
	for _, name := range r.Inputs {
		row("input", "%s: %s", name, b.Inputs[name])
	}
	for _, name := range r.Streams {
		row("input", "%s: %s, read from the store", name, b.Streams[name])
	}
	row("bounds", "%s", bounds(r))
	for _, line := range p.Rows(v.prices) {
		row(line[0], "%s", line[1])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "\n%s", launch.StartupScript(r))
	return err
}

// bounds describes the bounds of a run.
func bounds(r launch.Run) string {
	var parts []string
	if r.MaxHours > 0 {
		parts = append(parts, fmt.Sprintf("%g machine-hours", r.MaxHours))
	}
	if r.MaxCost > 0 {
		parts = append(parts, fmt.Sprintf("%g of money at %g an hour", r.MaxCost, r.HourPrice))
	}
	if parts == nil {
		return "none: it runs until it is done"
	}
	return "at most " + strings.Join(parts, " and ")
}

// create writes the run to its store, or joins it. The files that the run took along at first stay.
func (v *tpuRunCmd) create(c *console, s *gcs.Store, r launch.Run, b *launch.Bundle) error {
	there, err := launch.ReadRun(c.ctx, s)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && there.Config.SHA256 != r.Config.SHA256 {
		return misusef("%s holds a run with another config; continue with the same, or take another --store", r.Store)
	}
	if err != nil {
		if err := v.check(c, r); err != nil {
			return err
		}
		c.log.Info("copying", "to", r.Store)
		if err := b.Pack(c.ctx, s, r); err != nil {
			return err
		}
	}
	_, joined, err := launch.Make(c.ctx, s, r)
	if joined && err == nil {
		c.log.Info("joining the run that is there", "run", r.ID)
	}
	return err
}

// check makes the preflight of a run that is about to be created.
func (v *tpuRunCmd) check(c *console, r launch.Run) error {
	p, err := v.preflight(c, r)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.err, 0, 0, 2, ' ', 0)
	for _, line := range p.Rows(v.prices) {
		fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
	return errors.Join(w.Flush(), v.refuse(c, p))
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
		_, err := fmt.Fprintf(c.out, "%s: asked for; the machine keeps to its bounds and deletes itself at the end. One that is taken away is replaced only while subbert tpu run --store %s is running\n", r.ID, r.Store)
		return err
	}
	who, err := holder()
	if err != nil {
		return err
	}
	controller := &launch.Controller{Store: s, Cloud: cloud, Holder: who, Log: c.log, Patience: launch.DefaultPatience(), Poll: v.Poll}
	outcome, err := controller.Run(c.ctx)
	if errors.Is(err, context.Canceled) {
		return interruptedf("the run goes on; the same command takes it up again")
	}
	if err != nil {
		return err
	}
	return v.end(c, r, outcome)
}

// end prints how the run ended. It returns an error if the run was not completed.
func (v *tpuRunCmd) end(c *console, r launch.Run, o *launch.Outcome) error {
	if o == nil {
		return fmt.Errorf("%s: it ended without an outcome", r.ID)
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
	device, err := plan.FindDevice(r.Accelerator)
	switch {
	case v.On != backend.TPU:
		return preflight.Unplanned(v.On + " computes and not the TPU"), nil
	case v.Verb != "pretrain":
		return preflight.Unplanned("plans are made for pre-training, not for " + v.Verb), nil
	case err != nil:
		return preflight.Unplanned("there is no plan for a " + r.Accelerator), nil
	}
	config, err := v.pretraining(c)
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
	planner, err := plan.Pretraining(c.ctx, config, options)
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
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	installed, err := backend.Install(c.ctx, filepath.Join(dir, "plugins"), release, backend.InstallOptions{Wheels: []string{v.Libtpu}, Log: c.log})
	if err != nil {
		return "", misusef("--libtpu: %w", err)
	}
	return installed.Path, nil
}
