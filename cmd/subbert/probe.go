package main

import (
	"fmt"
	"io"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/result"
)

type probeCmd struct {
	configFlags
	JSON bool `name:"json" help:"Print the result as JSON."`
}

func (v *probeCmd) Help() string {
	return `Freezes the encoder of model.init, fine-tuned or not, and trains small classifiers on the states of its layers: the probe of layer l sees a learned mix of layers 0 (the embeddings) to l. The difference of its score from that of the probe of layer l-1 shows what layer l adds.

The encoder runs once; its activations are kept on disk, and all probes, seeds and controls are trained on them. Controls are an encoder with random weights, and shuffled labels. The run directory gets config.toml, result.json, probes.csv and figures/ as SVG and PNG; subbert report shows them.`
}

func (v *probeCmd) Run(c *console) error {
	config, err := read(v.configFlags, configs.ReadProbing)
	if err != nil {
		return err
	}
	r, err := runs.Probe(c.ctx, config, c.env(false))
	if err != nil {
		return err
	}
	return c.show(v.JSON, r, func(w io.Writer) error { return printProbing(w, r) })
}

// printProbing prints the content of the run's page: the probes as a table, and what they found in sentences.
func printProbing(to io.Writer, r *result.Probing) error {
	if err := report.ProbeTable(r.Probe).Text(to); err != nil {
		return err
	}
	for _, line := range report.ProbeFindings(r.Probe) {
		if _, err := fmt.Fprintln(to, line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(to, "most frequent label: F1 %.1f; %s: %d examples; encoding %.1f s, training %.1f s\n", r.Majority.F1, r.Scored, r.Instances, r.Spent.Encoding, r.Spent.Training)
	return err
}
