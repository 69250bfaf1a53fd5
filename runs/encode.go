package runs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/safetensors"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/internal/ctxio"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks/encoding"
)

// Encoding says which hidden states of which model Encode writes for which texts.
type Encoding struct {
	Model      string // as Env.Model takes it
	In         string // JSON lines of records
	Out        string // safetensors file
	Layers     string // "all", or hidden states separated by commas; see encoding.ParseLayers
	Tokens     bool   // write the word pieces into the file's metadata
	Attentions bool
	Heads      bool // logits of the masked LM and next sentence heads, if the model has them
	MaxLength  int  // positions of a row; 0: the length of the longest record
	Batch      int  // records of one forward pass
	Device     configs.Device
}

// Encoded says what Encode wrote.
type Encoded struct{ Tensors, Records, Positions int }

// Encode runs a model over texts without dropout and writes the states that e asks for as one safetensors file. If ctx
// ends it writes nothing.
func Encode(ctx context.Context, e Encoding, env Env) (_ *Encoded, err error) {
	env = env.complete()
	if e.Batch < 1 {
		return nil, configs.Errorf("--batch %d, want at least 1", e.Batch)
	}
	m, err := env.openModel(ctx, e.Model)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	architecture, err := bert.ReadConfig(m.Files.Config)
	if err != nil {
		return nil, err
	}
	options, err := e.options(env, m, architecture)
	if err != nil {
		return nil, err
	}
	records, err := e.read(ctx, env, m, architecture)
	if err != nil {
		return nil, err
	}
	handle, err := env.Backend(ctx, e.Device)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, handle.Close()) }()
	length := records.Longest
	if e.MaxLength > 0 {
		length = e.MaxLength
	}
	encoder, report, err := encoding.New(handle.Backend, m, architecture, options, min(e.Batch, len(records.All)), length)
	if report != nil {
		fmt.Fprint(env.Notes, report)
	}
	if err != nil {
		return nil, err
	}
	out, err := encoder.Output(ctx, records.All, func(n int) { env.Counting("encoding", n, len(records.All)) })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	env.Log.Info("encoding", "records", len(records.All), "positions", length, "layers", len(options.Layers), "mb", out.Bytes()/1e6)
	if err := e.write(out, m.Vocabulary); err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("%w: nothing was written", ErrInterrupted)
		}
		return nil, err
	}
	return &Encoded{len(out.Tensors()), len(records.All), length}, nil
}

// options returns what to compute: what e asks for, as far as the model has it.
func (e Encoding) options(env Env, m *checkpoints.Model, c bert.Config) (encoding.Options, error) {
	layers, err := encoding.ParseLayers(e.Layers, c.NumHiddenLayers)
	if err != nil {
		return encoding.Options{}, configs.Errorf("--layers: %w", err)
	}
	asked := encoding.Options{Model: e.Device.ModelOptions(), Layers: layers, Attentions: e.Attentions, Pooled: true, MaskedLM: e.Heads, Next: e.Heads}
	has := asked.Has(m)
	for _, part := range []struct {
		name       string
		asked, has bool
	}{{"pooled", asked.Pooled, has.Pooled}, {"mlm_logits", asked.MaskedLM, has.MaskedLM}, {"nsp_logits", asked.Next, has.Next}} {
		if part.asked && !part.has {
			env.Log.Warn("output skipped: the model does not have it", "output", part.name)
		}
	}
	return has, nil
}

// read reads the records until ctx ends.
func (e Encoding) read(ctx context.Context, env Env, m *checkpoints.Model, c bert.Config) (*encoding.Records, error) {
	limits, err := encoding.LimitsOf(c, e.MaxLength)
	if err != nil {
		return nil, configs.Errorf("--max-length: %w", err)
	}
	tokenizer, err := wordpiece.New(m.Vocabulary, m.Tokenizer)
	if err != nil {
		return nil, err
	}
	f, err := ctxio.Open(ctx, e.In, env.reading(e.In))
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading only
	records, err := encoding.Read(f, e.In, tokenizer, limits)
	if ctx.Err() != nil { // err may say only that the last line was cut short
		return nil, interrupted(ctx, ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	for _, cut := range records.Cut[:min(len(records.Cut), 5)] {
		env.Log.Warn("text truncated", "record", cut.String(), "positions", limits.Positions)
	}
	if n := len(records.Cut); n > 5 {
		env.Log.Warn("more texts truncated", "records", n-5)
	}
	if len(records.Unknown) > 0 {
		env.Log.Warn("unknown keys ignored", "keys", strings.Join(records.Unknown, " "))
	}
	return records, nil
}

func (e Encoding) write(out *encoding.Output, v *wordpiece.Vocabulary) error {
	metadata := safetensors.PyTorch()
	if e.Tokens {
		maps.Copy(metadata, out.Pieces(v))
	}
	return atomicfile.Write(e.Out, func(w io.Writer) error { return safetensors.Write(w, out, metadata) })
}
