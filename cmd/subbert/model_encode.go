package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/safetensors"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks/encoding"
)

type modelEncodeCmd struct {
	Model      string `required:"" placeholder:"DIR" help:"Model in any form that subbert model inspect reads, or hub:NAME."`
	In         string `arg:"" name:"in" help:"JSON lines: id and text (and text_b), or id and input_ids (and token_type_ids, attention_mask)." type:"path"`
	Out        string `required:"" placeholder:"FILE" help:"The safetensors file to write." type:"path"`
	Layers     string `default:"all" help:"Which hidden states: all (the default), or numbers joined by commas; 0 is the embeddings, -1 the last layer." placeholder:"LIST"`
	Tokens     bool   `help:"Also write the pieces, separated by spaces, into the file's metadata as ID/tokens."`
	Attentions bool   `help:"Also write the attention probabilities of every layer and head."`
	Heads      bool   `help:"Also write the logits of the masked LM and next sentence heads, where the model has them."`
	MaxLength  int    `help:"Pad to, and cut texts to, so many positions; by default to the longest record." placeholder:"N"`
	Batch      int    `default:"8" help:"Records computed at once (default 8); fewer take less memory." placeholder:"N"`
}

func (*modelEncodeCmd) Help() string {
	return `Runs a model over texts without dropout and writes, for each record, ID/hidden [layers,S,H] (the embeddings and every layer), ID/pooled [H] if the model has a pooler, ID/input_ids and ID/token_type_ids [S]; with --attentions ID/attentions [L,N,S,S]; with --heads ID/mlm_logits [S,V] and ID/nsp_logits [2]. Everything is float32, ids int32.

S is the same for all records: the longest one's, or --max-length. Texts are framed as [CLS] text [SEP] text_b [SEP]; input_ids are taken as they are. Padding is attended to by no position; what is computed at padding means nothing. Memory holds one batch, whatever the size of the file.`
}

func (v *modelEncodeCmd) Run(c *console) (err error) {
	m, err := openModel(c, v.Model)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	config, err := bert.ReadConfig(m.Files.Config)
	if err != nil {
		return err
	}
	options, err := v.options(c, m, config)
	if err != nil {
		return misused(err)
	}
	records, err := v.read(c, m, config)
	if err != nil {
		return err
	}
	backend, err := openBackend(c, configs.Device{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	length := records.Longest
	if v.MaxLength > 0 {
		length = v.MaxLength
	}
	encoder, report, err := encoding.New(backend.Backend, m, config, options, min(v.Batch, len(records.All)), length)
	if report != nil {
		fmt.Fprint(c.err, report)
	}
	if err != nil {
		return err
	}
	out, err := encoder.Output(c.ctx, records.All, encodeProgress(c, len(records.All)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	c.log.Info("encoding", "records", len(records.All), "positions", length, "layers", len(options.Layers), "mb", out.Bytes()/1e6)
	if err := v.write(out, m.Vocabulary); err != nil {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("%w: nothing was written", errInterrupted)
		}
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s: %d tensors of %d records, %d positions each\n", v.Out, len(out.Tensors()), len(records.All), length)
	return err
}

// options says what is computed: what was asked for, as far as the model has it.
func (v *modelEncodeCmd) options(c *console, m *checkpoints.Model, config bert.Config) (encoding.Options, error) {
	if v.Batch < 1 {
		return encoding.Options{}, fmt.Errorf("--batch %d, want at least 1", v.Batch)
	}
	layers, err := encoding.ParseLayers(v.Layers, config.NumHiddenLayers)
	if err != nil {
		return encoding.Options{}, fmt.Errorf("--layers: %w", err)
	}
	asked := encoding.Options{Layers: layers, Attentions: v.Attentions, Pooled: true, MaskedLM: v.Heads, Next: v.Heads}
	has := asked.Has(m)
	for _, part := range []struct {
		name       string
		asked, has bool
	}{{"pooled", asked.Pooled, has.Pooled}, {"mlm_logits", asked.MaskedLM, has.MaskedLM}, {"nsp_logits", asked.Next, has.Next}} {
		if part.asked && !part.has {
			c.log.Warn("left out: the model has no such part", "what", part.name)
		}
	}
	return has, nil
}

func (v *modelEncodeCmd) read(c *console, m *checkpoints.Model, config bert.Config) (*encoding.Records, error) {
	limits, err := encoding.LimitsOf(config, v.MaxLength)
	if err != nil {
		return nil, misusef("--max-length: %w", err)
	}
	tokenizer, err := wordpiece.New(m.Vocabulary, tokenizerConfig(m))
	if err != nil {
		return nil, err
	}
	f, err := stream.Open(v.In)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := encoding.Read(f, v.In, tokenizer, limits)
	if err != nil {
		return nil, err
	}
	if records.Truncated > 0 {
		c.log.Warn("texts cut off", "records", records.Truncated, "positions", limits.Positions)
	}
	if len(records.Unknown) > 0 {
		c.log.Warn("keys that mean nothing here", "keys", strings.Join(records.Unknown, " "))
	}
	return records, nil
}

// write leaves the file complete or not at all.
func (v *modelEncodeCmd) write(out *encoding.Output, vocabulary *wordpiece.Vocabulary) (err error) {
	metadata := safetensors.PyTorch()
	if v.Tokens {
		maps.Copy(metadata, out.Pieces(vocabulary))
	}
	f, err := renameio.NewPendingFile(v.Out, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Cleanup()) }()
	if err := safetensors.Write(f, out, metadata); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// encodeProgress logs how many records are done every few seconds, and at the end.
func encodeProgress(c *console, total int) func(n int) {
	started, last := time.Now(), time.Now()
	return func(n int) {
		if n < total && time.Since(last) < 5*time.Second {
			return
		}
		last = time.Now()
		c.log.Info("encoded", "records", n, "of", total, "per_second", int(float64(n)/time.Since(started).Seconds()))
	}
}
