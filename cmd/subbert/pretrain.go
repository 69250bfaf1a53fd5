package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/result"
)

type pretrainCmd struct {
	configFlags
	Resume bool `help:"Continue the run from its newest valid checkpoint, or from the start if it has none."`
	extendFlag
	JSON bool `name:"json" help:"Print the result as JSON."`
}

func (v *pretrainCmd) Help() string {
	return `Continues the pre-training of model.init on data.shards: masked words and, unless task.nsp is false, next sentences. The run directory gets config.toml, metrics.jsonl, checkpoints/step-NNNNNNN/, and at the end result.json and model/, which transformers loads.`
}

func (v *pretrainCmd) Run(c *console) error {
	config, err := readExtended(v.configFlags, v.extendFlag, configs.ReadPretraining)
	if err != nil {
		return err
	}
	r, err := runs.Pretrain(c.ctx, config, v.of(c.env(v.Resume)))
	if err != nil {
		return err
	}
	return c.show(v.JSON, r, func(w io.Writer) error { return printPretraining(w, r) })
}

// printPretraining prints the result for a person.
func printPretraining(to io.Writer, r *result.Pretraining) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, part := range []struct {
		name   string
		values map[string]float64
	}{{"training, last report", r.Final}, {"held-out documents", r.HeldOut}} {
		if part.values == nil {
			continue
		}
		fmt.Fprintf(w, "%s\n", part.name)
		for _, name := range slices.Sorted(maps.Keys(part.values)) {
			if text := runs.ValueText(name, part.values[name]); text != "" {
				fmt.Fprintf(w, "  %s\n", strings.TrimPrefix(text, "heldout_"))
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, "%d steps in %s\nmodel: %s\n", r.Steps, readable.Seconds(r.Seconds), r.Model)
	return err
}
