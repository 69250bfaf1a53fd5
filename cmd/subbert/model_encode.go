package main

import (
	"fmt"

	"github.com/subbert/subbert/runs"
)

type modelEncodeCmd struct {
	Model      string `required:"" placeholder:"DIR" help:"Model in any form that subbert model inspect reads, or hub:NAME."`
	In         string `arg:"" name:"in" help:"JSON lines: id and text (and text_b), or id and input_ids (and token_type_ids, attention_mask)." type:"path"`
	Out        string `required:"" placeholder:"FILE" help:"The safetensors file to write." type:"path"`
	Layers     string `default:"all" help:"Hidden states to write: all (the default), or numbers joined by commas; 0 is the embeddings, -1 the last layer." placeholder:"LIST"`
	Tokens     bool   `help:"Also write the word pieces, separated by spaces, to the file's metadata as ID/tokens."`
	Attentions bool   `help:"Also write the attention probabilities of every layer and head."`
	Heads      bool   `help:"Also write the logits of the masked LM and next sentence heads, if the model has them."`
	MaxLength  int    `help:"Pad or cut texts to N positions. Default: the length of the longest record." placeholder:"N" range:"0..65536"`
	precisionFlag
	outputFlag
	Batch int `default:"8" help:"Number of records of one forward pass (default 8); fewer take less memory." placeholder:"N" range:"1..65536"`
}

func (*modelEncodeCmd) Help() string {
	return `Runs a model over texts without dropout and writes, for each record, ID/hidden [layers,S,H] (the embeddings and every layer), ID/pooled [H] if the model has a pooler, ID/input_ids and ID/token_type_ids [S]; with --attentions ID/attentions [L,N,S,S]; with --heads ID/mlm_logits [S,V] and ID/nsp_logits [2]. Everything is written as float32, ids as int32.

S is the same for all records: the longest one's, or --max-length. Texts are framed as [CLS] text [SEP] text_b [SEP]; input_ids are taken as they are. No position attends to padding, and the values at padding have no meaning. Memory holds one batch, whatever the size of the file.`
}

func (v *modelEncodeCmd) Run(c *console) error {
	out, err := v.output(c, v.Out, "")
	if err != nil {
		return err
	}
	in, done, err := c.input(v.In)
	if err != nil {
		return err
	}
	defer done()
	r, err := runs.Encode(c.ctx, runs.Encoding{
		Model: v.Model, In: in, Out: out, Layers: v.Layers, Tokens: v.Tokens, Attentions: v.Attentions, Heads: v.Heads, MaxLength: v.MaxLength, Batch: v.Batch, Device: v.device(),
	}, c.env(false))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s: %d tensors of %d records, %d positions each\n", v.Out, r.Tensors, r.Records, r.Positions)
	return err
}
