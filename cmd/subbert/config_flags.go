package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/result"
)

// configFlags are the flags of every verb that runs a config.
type configFlags struct {
	Config string   `arg:"" help:"The run, in TOML; see docs/config.md." type:"path"`
	Set    []string `help:"Change the config: KEY=VALUE with a dotted key, such as optimizer.learning_rate=5e-5." placeholder:"KEY=VALUE" sep:"none"`
	Fresh  []string `help:"Parts that start from random values whatever the model has: model.fresh." placeholder:"HEAD"`
}

// read reads the config with parse, which is one of configs.ReadPretraining, ReadRelation and ReadProbing.
func read[C any](f configFlags, parse func(path string, set ...string) (C, error)) (C, error) {
	set := f.Set
	if len(f.Fresh) > 0 {
		set = append(set, fmt.Sprintf(`model.fresh=["%s"]`, strings.Join(f.Fresh, `","`)))
	}
	return parse(f.Config, set...)
}

// extendFlag is the flag that lengthens a finished run.
type extendFlag struct {
	Extend int `placeholder:"N" help:"Train a finished run for N more steps, from its last checkpoint. The learning rate goes on as in a run of that length from the start." range:"1..1e9"`
}

// longer returns the config line that lengthens the schedule of the finished run in dir by the given number of steps.
func (f extendFlag) longer(dir string) (string, error) {
	r, err := result.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", misusef("--extend: %s has no %s: the run is not finished, and --resume continues it", dir, result.File)
	}
	if err != nil {
		return "", err
	}
	if r.Relation != nil && r.Relation.Several() {
		return "", misusef("--extend: %s holds several runs; a single one is extended", dir)
	}
	return fmt.Sprintf("schedule.steps=%d", r.Steps+f.Extend), nil
}

// of returns env with Extend set if the run is extended.
func (f extendFlag) of(env runs.Env) runs.Env {
	env.Extend, env.Resume = f.Extend != 0, env.Resume || f.Extend != 0
	return env
}
