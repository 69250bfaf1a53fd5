package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/result"
)

type probeCmd struct {
	configFlags
	JSON bool `name:"json" help:"Print the result as JSON."`
}

func (v *probeCmd) Help() string {
	return `Freezes the encoder of model.init, fine-tuned or not, and trains small classifiers on the states of its layers: the probe of layer l sees a learned mix of layers 0 (the embeddings) to l. How much better it scores than the probe of layer l-1 says what layer l adds.

The encoder runs once; its activations are kept on disk, and all probes, seeds and controls learn from there. Controls are an encoder that learned nothing and labels in another order. The run directory gets config.toml, result.json, probes.csv and figures/ as SVG and PNG; subbert report shows them.`
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

// printProbing prints the series as a table.
func printProbing(to io.Writer, r *result.Probing) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "layers\t")
	for _, s := range r.Probe.Series {
		fmt.Fprintf(w, "P %s\tDelta\t", s.Of)
	}
	fmt.Fprintln(w, "centre\tgamma\t")
	plus := func(v evaluate.Interval, decimals int) string {
		return fmt.Sprintf("%.*f ± %.*f", decimals, v.Mean, decimals, (v.High-v.Low)/2)
	}
	for i, l := range r.Probe.Layers {
		fmt.Fprintf(w, "0 to %d\t", l)
		for _, s := range r.Probe.Series {
			delta := "-"
			if i > 0 {
				delta = plus(s.Delta[i-1], 1)
			}
			fmt.Fprintf(w, "%s\t%s\t", plus(s.Scores[i], 1), delta)
		}
		fmt.Fprintf(w, "%s\t%s\t\n", plus(r.Probe.Centre[i], 2), plus(r.Probe.Gamma[i], 3))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range r.Probe.Series {
		if _, err := fmt.Fprintf(to, "expected layer, %s: %s (%d of %d seeds gain)\n", s.Of, plus(s.Expected, 2), s.Expected.N, len(r.Probe.Seeds)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(to, "majority label: F1 %.1f; %s: %d examples; encoding %.1f s, training %.1f s\n", r.Majority.F1, r.Scored, r.Instances, r.Spent.Encoding, r.Spent.Training)
	return err
}
