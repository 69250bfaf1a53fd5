package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/reproduce"
	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tpu"
	"github.com/subbert/subbert/tpu/launch"
)

// forecastFlags are how --dry-run is told what the runs are planned for.
type forecastFlags struct {
	Device  string `default:"v3-8" placeholder:"NAME" help:"--dry-run: what pre-training is planned for, as subbert plan knows it (default ${default})."`
	GPU     string `default:"h200" name:"gpu" placeholder:"NAME" help:"--dry-run: what fine-tuning is planned for (default ${default})."`
	Compile bool   `help:"--dry-run: ask the device's compiler for the time of a step, where it is installed; takes minutes."`
	Prices  string `type:"existingfile" placeholder:"FILE.toml" help:"--dry-run: a price table in place of the list prices of the program."`
	Zone    string `default:"us-central1-a" placeholder:"ZONE" help:"--dry-run: where pre-training is paid for (default ${default})."`
	Spot    bool   `help:"--dry-run: prices of machines that may be taken away."`
}

// forecaster plans runs for two devices, a step of each kind once.
type forecaster struct {
	c          *console
	v          forecastFlags
	train, gpu tpu.Device
	prices     launch.PriceTable
	planned    map[string]float64 // hours of a step, by model and shape
}

func (v *reproduceCmd) forecaster(c *console) (func(reproduce.Work) (hours, cost float64, err error), error) {
	f := &forecaster{c: c, v: v.forecastFlags, planned: map[string]float64{}}
	var err error
	if f.train, err = tpu.FindDevice(v.Device); err != nil {
		return nil, misused(err)
	}
	if f.gpu, err = tpu.FindDevice(v.GPU); err != nil {
		return nil, misused(err)
	}
	if f.prices, err = launch.ListPrices(); err != nil {
		return nil, err
	}
	if v.Prices != "" {
		if f.prices.Prices, err = launch.ReadPrices(v.Prices); err != nil {
			return nil, misused(err)
		}
	}
	return f.of, nil
}

// of is the hours a run takes at least, or as the compiler estimates them, and what they cost. Scales that have speeds of
// their own are not planned: theirs were measured.
func (f *forecaster) of(w reproduce.Work) (hours, cost float64, err error) {
	device := f.gpu
	if w.Verb == "pretrain" {
		device = f.train
		step, err := f.step(w)
		if err != nil {
			return 0, 0, err
		}
		hours = step * float64(w.Steps)
	} else if peak := device.Peak("float32"); peak > 0 {
		hours = w.FLOPs / peak / 3600
	}
	return hours, hours * launch.FindPrice(f.prices.Prices, launch.Run{Accelerator: device.Name, Zone: f.v.Zone, Spot: f.v.Spot}), nil
}

// step is the hours of one step of pre-training, by the planner that subbert plan has.
func (f *forecaster) step(w reproduce.Work) (float64, error) {
	key := fmt.Sprint(w.Architecture["vocab_size"], " ", w.Settings)
	if hours, ok := f.planned[key]; ok {
		return hours, nil
	}
	plan, err := f.plan(w)
	if err != nil {
		return 0, fmt.Errorf("planning for %s: %w", f.train.Name, err)
	}
	ms := plan.StepMS
	if ms == nil {
		ms = plan.FloorMS
	}
	if ms != nil {
		f.planned[key] = *ms / 3.6e6
	}
	return f.planned[key], nil
}

// plan plans the run w for the device of pre-training.
func (f *forecaster) plan(w reproduce.Work) (p tpu.Plan, err error) {
	dir, err := os.MkdirTemp("", "subbert-plan-")
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	architecture, err := json.Marshal(w.Architecture)
	if err != nil {
		return p, err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), architecture, 0o644); err != nil {
		return p, err
	}
	config, err := configs.Parse("config", []byte(w.Config), tasks.NamePretraining, []string{fmt.Sprintf("model.init=%q", dir)})
	if err != nil {
		return p, err
	}
	planning, err := openPlanner(f.c, config, f.train, &planCmd{Device: f.train.Name})
	if err != nil {
		return p, err
	}
	if !f.v.Compile {
		planning.plugin = ""
	}
	return planning.plan(config.Task.Batch, planning.rows())
}

// forecast prints the graph with what it needs, and what keeps cells from being measured.
func (v *reproduceCmd) forecast(c *console, r reproduce.Request, plan *reproduce.Plan, places sweep.OnPlaces, runs string) error {
	report, err := v.carryOut(c, plan.Graph, places, runs)
	if err != nil {
		return err
	}
	missing, err := missingFor(r)
	if err != nil {
		return err
	}
	if v.JSON {
		return c.printJSON(struct {
			*sweep.Report
			Positions float64  `json:"positions"`
			Missing   []string `json:"missing"`
		}{report, plan.Positions, missing})
	}
	if err := v.print(c, report); err != nil {
		return err
	}
	v.totals(c, report, plan)
	if r.Scale.Forecast.Pretrain == 0 {
		how := fmt.Sprintf("no less than the operations take at the peak of %s (pre-training) and %s (fine-tuning)", v.Device, v.GPU)
		if v.Compile {
			how = fmt.Sprintf("as the compiler of %s estimates its step where it is installed, else no less than the operations take at its peak; of %s (fine-tuning) the latter", v.Device, v.GPU)
		}
		fmt.Fprintf(c.out, "hours are analytic: %s.\nThe paper took 4 hours for each pre-training on a v3-8, and 10, 2 and 3 hours for fine-tuning on PPI, DDI and ChemProt on one RTX 2080 Ti.\n", how)
	}
	fmt.Fprintln(c.out, v.priced())
	for _, line := range missing {
		fmt.Fprintln(c.out, "missing:", line)
	}
	return nil
}

// priced says where costs come from.
func (v *reproduceCmd) priced() string {
	if v.Prices != "" {
		return "costs are by " + v.Prices
	}
	list, err := launch.ListPrices()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("costs are of pre-training on %s in %s, by list prices in %s of %s; --prices FILE takes their place, and can price %s", v.Device, v.Zone, list.Currency, list.AsOf, v.GPU)
}

// totals prints sums by verb, each result once.
func (v *reproduceCmd) totals(c *console, report *sweep.Report, plan *reproduce.Plan) {
	byVerb, n := map[string]sweep.Status{}, map[string]int{}
	for _, s := range report.Runs {
		verb := s.Command[0]
		sum := byVerb[verb]
		sum.Steps, sum.Hours, sum.Bytes, sum.Cost = sum.Steps+s.Steps, sum.Hours+s.Hours, sum.Bytes+s.Bytes, sum.Cost+s.Cost
		byVerb[verb] = sum
		n[verb]++
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nverb\truns\tsteps\thours\tGB\tcost")
	for _, verb := range slices.Sorted(maps.Keys(byVerb)) {
		s := byVerb[verb]
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%.1f\t%.2f\n", verb, n[verb], s.Steps, s.Hours, float64(s.Bytes)/1e9, s.Cost)
	}
	if err := w.Flush(); err != nil {
		c.log.Warn("printing totals", "error", err)
	}
	fmt.Fprintf(c.out, "trained on %.3g positions (batch x length x steps) in all\n", plan.Positions)
}

// missingFor says what is not there of what r needs: the reasons of its cells when weights, or data, are not taken for
// granted. A cell names only the first thing that it lacks, so that each is asked for by itself.
func missingFor(r reproduce.Request) ([]string, error) {
	r.Forecast = nil
	var reasons []string
	for _, data := range []bool{false, true} {
		given := *r.Data
		given.Assumed = !data
		r.Data, r.Ungiven = &given, data
		plan, err := reproduce.NewPlan(r)
		if err != nil {
			return nil, err
		}
		for _, cell := range plan.Cells {
			if cell.Reason != "" && !slices.Contains(reasons, cell.Reason) {
				reasons = append(reasons, cell.Reason)
			}
		}
	}
	return reasons, nil
}
