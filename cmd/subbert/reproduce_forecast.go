package main

import (
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/plan"
	"github.com/subbert/subbert/reproduce"
	"github.com/subbert/subbert/reproduce/forecast"
	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/tpu/launch"
)

// forecastFlags are the flags of --dry-run that say which devices the runs are planned for.
type forecastFlags struct {
	Device  string `default:"v3-8" placeholder:"NAME" help:"--dry-run: what pre-training is planned for, as subbert plan knows it (default ${default})."`
	GPU     string `default:"h200" name:"gpu" placeholder:"NAME" help:"--dry-run: what fine-tuning is planned for (default ${default})."`
	Compile bool   `help:"--dry-run: ask the device's compiler for the time of a step, where it is installed; takes minutes."`
	Prices  string `type:"existingfile" placeholder:"FILE.toml" help:"--dry-run: a price table in place of the list prices of the program."`
	Zone    string `default:"us-central1-a" placeholder:"ZONE" help:"--dry-run: where pre-training is paid for (default ${default})."`
	Spot    bool   `help:"--dry-run: prices of machines that may be taken away."`
}

// forecaster returns a function that estimates the hours and the cost of a run on the devices of the flags.
func (v *reproduceCmd) forecaster(c *console) (func(reproduce.Work) (hours, cost float64, err error), error) {
	d := forecast.Devices{Zone: v.Zone, Spot: v.Spot}
	var err error
	if d.Train, err = plan.FindDevice(v.Device); err != nil {
		return nil, misused(err)
	}
	if d.Tune, err = plan.FindDevice(v.GPU); err != nil {
		return nil, misused(err)
	}
	if d.Prices, err = launch.OpenPrices(v.Prices); err != nil {
		return nil, misused(err)
	}
	if d.Options, err = c.planning(d.Train, "", 15*time.Minute); err != nil {
		return nil, err
	}
	if !v.Compile {
		d.Options.Plugin = ""
	}
	f := forecast.New(d)
	return func(w reproduce.Work) (hours, cost float64, err error) { return f.Of(c.ctx, w) }, nil
}

// printForecast prints the graph with what it needs, and the reasons why cells cannot be measured.
func (v *reproduceCmd) printForecast(c *console, r reproduce.Request, plan *reproduce.Plan, places sweep.OnPlaces, runs string) error {
	report, err := v.carryOut(c, plan.Graph, places, runs)
	if err != nil {
		return err
	}
	missing, err := reproduce.Missing(c.ctx, r)
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
	if speed := r.Scale.Forecast; speed.Pretrain > 0 {
		fmt.Fprintf(c.out, "hours are of %s positions a second in pre-training and %s in fine-tuning, and %s to start a run, on %s\n", whole(speed.Pretrain), whole(speed.Finetune), readable.Seconds(speed.StartSeconds), speed.On)
		v.measured(c, report)
	} else {
		how := fmt.Sprintf("no less than the operations take at the peak of %s (pre-training) and %s (fine-tuning)", v.Device, v.GPU)
		if v.Compile {
			how = fmt.Sprintf("as the compiler of %s estimates its step where it is installed, else no less than the operations take at its peak; of %s (fine-tuning) the latter", v.Device, v.GPU)
		}
		fmt.Fprintf(c.out, "hours are analytic: %s.\nThe paper took 4 hours for each pre-training on a v3-8, and 10, 2 and 3 hours for fine-tuning on PPI, DDI and ChemProt on one RTX 2080 Ti.\n", how)
	}
	if r.Scale.Forecast.Pretrain == 0 {
		fmt.Fprintln(c.out, v.priced())
	}
	for _, line := range missing {
		fmt.Fprintln(c.out, "missing:", line)
	}
	return nil
}

// measured prints how much of their forecast complete runs took, and what the others will take at that speed.
func (v *reproduceCmd) measured(c *console, report *sweep.Report) {
	pace, known := report.Pace("pretrain", "finetune", "probe")
	left, told := report.Left(v.Jobs)
	if known && told {
		fmt.Fprintf(c.out, "complete runs took %.2f times their forecast here; the others take about %s at that speed\n", pace, readable.Duration(left))
	}
}

// whole writes a number without a fraction.
func whole(x float64) string { return fmt.Sprintf("%.0f", x) }

// priced says where the prices come from.
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

// totals prints sums by verb, counting each result once.
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
