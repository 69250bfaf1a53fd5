package main

import (
	"fmt"
	"strings"
)

// configFlags are how every verb that runs a config is called.
type configFlags struct {
	Config string   `arg:"" help:"The run, in TOML; see docs/config.md." type:"path"`
	Set    []string `help:"Change the config: KEY=VALUE with a dotted key, such as optimizer.learning_rate=5e-5." placeholder:"KEY=VALUE" sep:"none"`
	Fresh  []string `help:"Parts that start from random values whatever the model has: model.fresh." placeholder:"HEAD"`
}

// read reads the config as parse does: one of configs.ReadPretraining, ReadRelation and ReadProbing.
func read[C any](f configFlags, parse func(path string, set ...string) (C, error)) (C, error) {
	set := f.Set
	if len(f.Fresh) > 0 {
		set = append(set, fmt.Sprintf(`model.fresh=["%s"]`, strings.Join(f.Fresh, `","`)))
	}
	return parse(f.Config, set...)
}
