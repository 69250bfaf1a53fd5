// Package forecast estimates how many hours the runs of the paper's tables take on devices that need not be present,
// and what they cost.
package forecast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/plan"
	"github.com/subbert/subbert/reproduce"
	"github.com/subbert/subbert/tpu/launch"
)

// Devices says which devices the runs are planned for, and where they are paid.
type Devices struct {
	Train plan.Device // pre-training
	Tune  plan.Device // fine-tuning
	Zone  string
	Spot  bool // use prices of preemptible machines

	Prices launch.PriceTable

	// Options are the planner's options for pre-training on Train.
	Options plan.Options
}

// Basis says what the hours and the costs are forecast from, for people.
func (d Devices) Basis() string {
	hours := fmt.Sprintf("the time of the operations at the peak rate of %s (pre-training) and %s (fine-tuning), a lower bound", d.Train.Name, d.Tune.Name)
	if d.Options.Plugin != "" {
		hours = fmt.Sprintf("the step time that the compiler of %s estimates (pre-training), and the time of the operations at the peak rate of %s (fine-tuning), a lower bound", d.Train.Name, d.Tune.Name)
	}
	costs := "costs use the prices in " + d.Prices.Source
	if d.Prices.AsOf != "" {
		costs = fmt.Sprintf("costs are for pre-training on %s in %s, with list prices in %s of %s; --prices FILE replaces them, and can price %s", d.Train.Name, d.Zone, d.Prices.Currency, d.Prices.AsOf, d.Tune.Name)
	}
	return "hours are analytic: " + hours + ".\nThe paper reports 4 hours for each pre-training on a v3-8, and 10, 2 and 3 hours for fine-tuning on PPI, DDI and ChemProt on one RTX 2080 Ti.\n" + costs
}

// Forecaster plans runs. It plans a step of each kind once.
type Forecaster struct {
	devices Devices
	hours   map[string]float64 // of a step, by model and shape
}

// New returns a forecaster.
func New(d Devices) *Forecaster {
	return &Forecaster{devices: d, hours: map[string]float64{}}
}

// Of returns the hours that a run takes at least, or as the compiler estimates them, and what they cost. It does not
// plan runs of scales that have measured speeds.
func (f *Forecaster) Of(ctx context.Context, w reproduce.Work) (hours, cost float64, err error) {
	device := f.devices.Tune
	if w.Verb == "pretrain" {
		device = f.devices.Train
		step, err := f.step(ctx, w)
		if err != nil {
			return 0, 0, err
		}
		hours = step * float64(w.Steps)
	} else if peak := device.Peak("float32"); peak > 0 {
		hours = w.FLOPs / peak / 3600
	}
	paid := launch.Run{Accelerator: device.Name, Zone: f.devices.Zone, Spot: f.devices.Spot}
	return hours, hours * launch.FindPrice(f.devices.Prices.Prices, paid), nil
}

// step returns the hours of one step of pre-training.
func (f *Forecaster) step(ctx context.Context, w reproduce.Work) (float64, error) {
	key := fmt.Sprint(w.Architecture["vocab_size"], " ", w.Settings)
	if hours, ok := f.hours[key]; ok {
		return hours, nil
	}
	p, err := f.plan(ctx, w)
	if err != nil {
		return 0, fmt.Errorf("planning for %s: %w", f.devices.Train.Name, err)
	}
	ms := p.StepMS
	if ms == nil {
		ms = p.FloorMS
	}
	if ms != nil {
		f.hours[key] = *ms / 3.6e6
	}
	return f.hours[key], nil
}

// plan plans the run w for the device of pre-training.
func (f *Forecaster) plan(ctx context.Context, w reproduce.Work) (p plan.Plan, err error) {
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
	config, err := configs.ParsePretraining("config", []byte(w.Config), fmt.Sprintf("model.init=%q", dir))
	if err != nil {
		return p, err
	}
	planner, err := plan.Pretraining(ctx, config, f.devices.Options)
	if err != nil {
		return p, err
	}
	return planner.Plan(ctx)
}
