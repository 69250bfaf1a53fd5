package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/runs"
)

type evalCmd struct {
	Model     string  `required:"" help:"Model directory, or run directory of a pre-training run, which means its newest valid checkpoint." placeholder:"DIR" type:"path"`
	Shards    string  `required:"" help:"Directory made by subbert data shard." placeholder:"DIR" type:"path"`
	Split     string  `help:"Split to evaluate on: heldout, train or all (default heldout)." enum:"heldout,train,all" default:"heldout"`
	Seed      *uint32 `help:"Seed of masks and pairs. Default: the run's, or 1."`
	Sequence  int     `help:"Positions of a row. Default: the run's, or 128, or the model's positions if it has fewer." placeholder:"N" range:"0..65536"`
	Masking   string  `help:"Masking: subword or whole_word. Default: the run's, or subword." placeholder:"KIND"`
	Rows      int     `help:"Rows of one forward pass (default 16). The result does not depend on it." default:"16" placeholder:"N" range:"1..65536"`
	Precision string  `enum:"float32,bfloat16," default:"" placeholder:"TYPE" help:"Type of activations and products: float32 or bfloat16. Default: the run's, or float32."`
	Limit     int     `help:"Evaluate on at most N instances of each split." placeholder:"N" range:"0..1e9"`
	Result    string  `help:"Also write the values as JSON to this file." placeholder:"FILE" type:"path"`
	JSON      bool    `name:"json" help:"Print the values as JSON."`
	outputFlag
}

func (v *evalCmd) Help() string {
	return `Masks the documents of a split and pairs their segments once, as pre-training does, and measures how well the model predicts the masked word pieces. The same model, shards and seed give the same values.

mlm_loss is in nats per masked word piece. If it is below unigram_entropy, the model knows more than the frequency of each word piece. perplexity_per_word distributes the loss over words between white space and can be compared across vocabularies; docs/numerics.md defines it. mlm_mask_*, mlm_random_* and mlm_kept_* are the parts of mlm_* at positions that have [MASK], a random word piece and the original word piece.`
}

func (v *evalCmd) Run(c *console) error {
	of := runs.Evaluation{
		Model: v.Model, Shards: v.Shards, Splits: []string{v.Split}, Seed: v.Seed, Sequence: v.Sequence, Masking: v.Masking, Rows: v.Rows, Limit: v.Limit,
		Device: configs.Device{Precision: v.Precision},
	}
	if v.Split == "all" {
		of.Splits = []string{"train", "heldout"}
	}
	env := c.env(false)
	if c.quiet {
		env.Notes = nil
	}
	e, err := runs.Evaluate(c.ctx, of, env)
	if err != nil {
		return err
	}
	out := e.JSON(of, v.Split)
	if err := v.result(c, v.Result, out); err != nil {
		return err
	}
	return c.show(v.JSON, out, func(to io.Writer) error {
		w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "instances\t%d of split %s, %s masking, length %d, seed %d\n", e.Instances, v.Split, e.Masking, e.Sequence, e.Seed)
		for _, value := range e.Values {
			if strings.HasSuffix(value.Name, "accuracy") {
				fmt.Fprintf(w, "%s\t%.2f %%\n", value.Name, 100*value.Value)
			} else {
				fmt.Fprintf(w, "%s\t%.4f\n", value.Name, value.Value)
			}
		}
		return w.Flush()
	})
}
