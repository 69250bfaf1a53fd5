package main

import (
	"errors"
	"fmt"
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
	Device  string `default:"v3-8" placeholder:"NAME" help:"--dry-run: device of pre-training, as for subbert plan (default ${default})."`
	GPU     string `default:"h200" name:"gpu" placeholder:"NAME" help:"--dry-run: device of fine-tuning (default ${default})."`
	Compile bool   `help:"--dry-run: estimate the time of a step with the device's compiler, if it is installed; takes minutes."`
	Prices  string `type:"existingfile" placeholder:"FILE.toml" help:"--dry-run: price table in place of the built-in list prices."`
	Zone    string `default:"us-central1-a" placeholder:"ZONE" help:"--dry-run: zone whose prices pre-training is charged at (default ${default})."`
	Spot    bool   `help:"--dry-run: use the prices of spot capacity."`
}

// devices returns the devices of the flags.
func (v *reproduceCmd) devices(c *console) (d forecast.Devices, err error) {
	d.Zone, d.Spot = v.Zone, v.Spot
	if d.Train, err = plan.FindDevice(v.Device); err != nil {
		return d, misused(err)
	}
	if d.Tune, err = plan.FindDevice(v.GPU); err != nil {
		return d, misused(err)
	}
	if d.Prices, err = launch.OpenPrices(c.ctx, v.Prices); err != nil {
		return d, misused(err)
	}
	d.Options, err = c.planning(d.Train, "", 15*time.Minute)
	if !v.Compile {
		d.Options.Plugin = ""
	}
	return d, err
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
	err = report.WriteForecast(c.out)
	fmt.Fprintln(c.out)
	if err := errors.Join(err, report.WriteVerbs(c.out)); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "trained on %.3g positions (batch x length x steps) in all\n", plan.Positions)
	if speed := r.Scale.Forecast; speed.Pretrain > 0 {
		fmt.Fprintln(c.out, speed)
		pace, measured := report.Pace("pretrain", "finetune", "probe")
		if left, known := report.Left(v.Jobs); measured && known {
			fmt.Fprintf(c.out, "complete runs took %.2f times their forecast here", pace)
			if left > 0 {
				fmt.Fprintf(c.out, "; the others will take about %s at that speed", readable.Duration(left))
			}
			fmt.Fprintln(c.out)
		}
	} else {
		devices, err := v.devices(c)
		if err != nil {
			return err
		}
		fmt.Fprintln(c.out, devices.Basis())
	}
	for _, line := range missing {
		fmt.Fprintln(c.out, "missing:", line)
	}
	return nil
}
