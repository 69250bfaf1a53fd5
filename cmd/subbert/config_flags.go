package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/runs"
)

// configFlags are the flags of every verb that runs a config.
type configFlags struct {
	Config string   `arg:"" help:"The run, in TOML; see docs/config.md." type:"path"`
	Set    []string `help:"Change the config: KEY=VALUE with a dotted key, such as optimizer.learning_rate=5e-5." placeholder:"KEY=VALUE" sep:"none"`
	Fresh  []string `help:"Parts that start from random values even if the model has weights for them: model.fresh." placeholder:"HEAD"`
}

// lines returns the lines that change the config.
func (f configFlags) lines() []string {
	if len(f.Fresh) == 0 {
		return f.Set
	}
	return append(f.Set, fmt.Sprintf(`model.fresh=["%s"]`, strings.Join(f.Fresh, `","`)))
}

// read reads the config with parse, which is one of configs.ReadPretraining, ReadRelation and ReadProbing.
func read[C any](ctx context.Context, f configFlags, parse func(ctx context.Context, path string, set ...string) (C, error)) (C, error) {
	return parse(ctx, f.Config, f.lines()...)
}

// readExtended is read for a verb that can extend a run.
func readExtended[C any, P interface {
	*C
	Base() *configs.Common
}](ctx context.Context, f configFlags, e extendFlag, parse func(ctx context.Context, path string, set ...string) (C, error)) (C, error) {
	config, err := read(ctx, f, parse)
	if err != nil || e.Extend == 0 {
		return config, err
	}
	line, err := runs.Longer(P(&config).Base().Run.Dir, e.Extend)
	if err != nil {
		return config, err
	}
	f.Set = append(f.Set, line)
	return read(ctx, f, parse)
}

// extendFlag is the flag that lengthens a finished run.
type extendFlag struct {
	Extend int `placeholder:"N" help:"Train a finished run for N more steps, from its last checkpoint. The learning rate is that of a run that had this length from the start. Not for folds and several seeds." range:"1..1e9"`
}

// of returns env with Extend set if the run is extended.
func (f extendFlag) of(env runs.Env) runs.Env {
	env.Extend, env.Resume = f.Extend != 0, env.Resume || f.Extend != 0
	return env
}
