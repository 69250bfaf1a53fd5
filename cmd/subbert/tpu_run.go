package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuRunCmd struct {
	configFlags
	storeFlag
	Verb           string        `enum:"pretrain,finetune" default:"pretrain" help:"What to run: pretrain or finetune."`
	Project        string        `required:"" help:"Google Cloud project." env:"GOOGLE_CLOUD_PROJECT" placeholder:"ID"`
	Zone           string        `required:"" help:"Zone, such as europe-west4-a." placeholder:"Z"`
	Accelerator    string        `default:"v3-8" help:"Type of TPU." placeholder:"TYPE"`
	Runtime        string        `default:"tpu-ubuntu2204-base" help:"Image of the TPU VM." placeholder:"IMAGE"`
	Spot           bool          `help:"Take spot capacity: cheaper, and taken away now and then."`
	Network        string        `help:"Network of the machine, if not the default one." placeholder:"NAME"`
	ServiceAccount string        `help:"Service account of the machine." placeholder:"EMAIL"`
	SSHKey         string        `name:"ssh-key" help:"Public key that subbert tpu ssh may use." type:"existingfile" placeholder:"FILE.pub"`
	Binary         string        `help:"The program for the machine (linux/amd64, built with cgo), if not this one." type:"existingfile" placeholder:"FILE"`
	Libtpu         string        `help:"The wheel of libtpu; required for a TPU." type:"existingfile" placeholder:"FILE.whl"`
	On             string        `default:"tpu" help:"What computes on the machine; go needs no TPU's library." placeholder:"BACKEND"`
	MaxHours       float64       `help:"Stop after so many machine-hours." placeholder:"H"`
	MaxCost        float64       `help:"Stop after so much money, by the price table." placeholder:"MONEY"`
	MaxUnattended  float64       `help:"Stop after so many hours in which no subbert tpu run looks after it." placeholder:"H"`
	Prices         string        `help:"Price table to take the place of the list prices, see docs/tpu.md." type:"existingfile" placeholder:"FILE.toml"`
	SelfDelete     bool          `default:"true" negatable:"" help:"Let the machine delete itself at the end, in case nobody is there to do it; its service account needs a role for that."`
	Detach         bool          `help:"Make the run and its first request, and leave; subbert tpu run again takes it up. Needs --max-hours or --max-cost, which the machine keeps."`
	Force          bool          `help:"Start although the preflight says that the run does not compile, does not fit or exceeds its bounds."`
	DryRun         bool          `help:"Say what would be done and what it would take, and create nothing."`
	Limit          time.Duration `default:"15m" hidden:"" help:"For one compilation of the preflight."`
	Poll           time.Duration `default:"20s" hidden:"" help:"Between looks."`
	JSON           bool          `name:"json" help:"Print the outcome as JSON."`

	prices launch.PriceTable
}

func (v *tpuRunCmd) Help() string {
	return `Copies the program, the config and its data to the store, asks for a TPU, and sees the run through.

First it compiles the step with the libtpu that goes along and compares memory, hours and cost with the machine and the bounds; where that says no, nothing is created. A machine that is taken away, falls silent or never starts is deleted and another one continues from the newest checkpoint. At the end the machine is deleted. Nothing is kept in this process: stop it and start it again, here or elsewhere, with the same --store; started twice, one acts and the other watches.`
}

func (v *tpuRunCmd) Run(c *console) error {
	luggage, r, err := v.describe(c)
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
		return v.show(c, r, luggage)
	}
	return v.with(c, func(s *gcs.Store) error {
		if err := v.make(c, s, r, luggage); err != nil {
			return err
		}
		return v.see(c, s)
	})
}

// detachable refuses to leave a machine behind that nobody would delete.
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

// describe is the run that the flags ask for and what goes along.
func (v *tpuRunCmd) describe(c *console) (*launch.Luggage, launch.Run, error) {
	r := launch.Run{
		ID: launch.ID(v.Store), Store: strings.TrimSuffix(v.Store, "/"), Project: v.Project, Zone: v.Zone, Accelerator: v.Accelerator,
		Runtime: v.Runtime, Spot: v.Spot, Network: v.Network, ServiceAccount: v.ServiceAccount, Verb: v.Verb, Backend: v.On,
		MaxHours: v.MaxHours, MaxCost: v.MaxCost, MaxUnattended: v.MaxUnattended, SelfDelete: v.SelfDelete, Desired: launch.Running,
	}
	luggage := &launch.Luggage{Binary: v.Binary, Plugin: v.Libtpu}
	if v.On == "tpu" && v.Libtpu == "" {
		return nil, r, misusef("--libtpu: missing; the machine needs the wheel that subbert backend install tpu would fetch")
	}
	if luggage.Binary == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, r, err
		}
		luggage.Binary = self
	}
	if err := v.pack(c, luggage, r); err != nil {
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
	return luggage, r, luggage.Describe(&r)
}

// readPrices reads the price table: the one given, else the list prices.
func (v *tpuRunCmd) readPrices() (err error) {
	if v.Prices == "" {
		v.prices, err = launch.ListPrices()
		return err
	}
	v.prices.Prices, err = launch.ReadPrices(v.Prices)
	return err
}

// pack reads the config and gives it the paths that its inputs have on the machine. Shards are read from the store.
func (v *tpuRunCmd) pack(c *console, l *launch.Luggage, r launch.Run) error {
	config, err := v.read(taskOf(v.Verb))
	if err != nil {
		return err
	}
	if config.Model.Init, err = modelPath(c, config.Model.Init); err != nil {
		return err
	}
	l.Inputs, l.Streams = make(map[string]string), make(map[string]string)
	for name, at := range inputsOf(&config) {
		if inStore(*at) {
			if _, _, err := gcs.Split(*at); err != nil {
				return misusef("%s: %w", name, err)
			}
		}
		if *at == "" || inStore(*at) {
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
			l.Streams[name], *at = local, launch.StreamPath(r, name)
			continue
		}
		l.Inputs[name] = local
	}
	config.Run.Dir, config.Device.Cache = "run", launch.CacheDir
	l.Config, err = config.Text()
	return err
}

// taskOf is what a verb of a run trains.
func taskOf(verb string) string {
	return map[string]string{"pretrain": tasks.NamePretraining, "finetune": tasks.NameRelation}[verb]
}

// inputsOf are the paths that a config names, by what they are.
func inputsOf(c *configs.Config) map[string]*string {
	return map[string]*string{
		"model": &c.Model.Init, "shards": &c.Data.Shards, "train": &c.Data.Train, "dev": &c.Data.Dev, "test": &c.Data.Test,
		"corpus": &c.Data.Corpus, "watch-train": &c.Downstream.Train, "watch-test": &c.Downstream.Test,
	}
}

// show prints what would be done. A run that the preflight refuses is an error here too.
func (v *tpuRunCmd) show(c *console, r launch.Run, l *launch.Luggage) error {
	p, err := v.preflight(c, r)
	if err != nil {
		return err
	}
	if v.JSON {
		err = c.printJSON(struct {
			Run       launch.Run `json:"run"`
			Request   any        `json:"request"`
			Preflight *preflight `json:"preflight"`
		}{r, launch.Request(r), p})
	} else {
		err = v.showText(c, r, l, p)
	}
	return errors.Join(err, p.check(c, v.Force))
}

func (v *tpuRunCmd) showText(c *console, r launch.Run, l *launch.Luggage, p *preflight) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("run", "%s", r.ID)
	row("machine", "%s: %s, %s, in %s of %s, spot %t", r.Name(), r.Accelerator, r.Runtime, r.Zone, r.Project, r.Spot)
	row("store", "%s", r.Store)
	row("program", "%s, sha256 %s", l.Binary, r.Binary.SHA256)
	for _, name := range r.Inputs {
		row("input", "%s: %s", name, l.Inputs[name])
	}
	for _, name := range r.Streams {
		row("input", "%s: %s, read from the store", name, l.Streams[name])
	}
	row("bounds", "%s", bounds(r))
	p.rows(row, v.prices)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "\n%s", launch.StartupScript(r))
	return err
}

// bounds says what a run may take.
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

// make writes the run to its store, or joins it. What a run took along at first stays.
func (v *tpuRunCmd) make(c *console, s *gcs.Store, r launch.Run, l *launch.Luggage) error {
	there, err := launch.ReadRun(c.ctx, s)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && there.Config.SHA256 != r.Config.SHA256 {
		return misusef("%s holds a run with another config; continue with the same, or take another --store", r.Store)
	}
	if err != nil {
		if err := v.fly(c, r); err != nil {
			return err
		}
		c.log.Info("copying", "to", r.Store)
		if err := l.Pack(c.ctx, s, r); err != nil {
			return err
		}
	}
	_, joined, err := launch.Make(c.ctx, s, r)
	if joined && err == nil {
		c.log.Info("joining the run that is there", "run", r.ID)
	}
	return err
}

// fly is the preflight of a run that is about to be made.
func (v *tpuRunCmd) fly(c *console, r launch.Run) error {
	p, err := v.preflight(c, r)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.err, 0, 0, 2, ' ', 0)
	p.rows(func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}, v.prices)
	return errors.Join(w.Flush(), p.check(c, v.Force))
}

// see sees the run in a store through.
func (v *tpuRunCmd) see(c *console, s *gcs.Store) error {
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
		return fmt.Errorf("%w: the run goes on; the same command takes it up again", errInterrupted)
	}
	if err != nil {
		return err
	}
	return v.end(c, r, outcome)
}

// end prints how the run ended. One that did not get done is an error.
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
