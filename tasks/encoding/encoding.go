// Package encoding writes the outputs of a model for texts (hidden states, pooled output, attention and logits) for use
// by other tools.
//
// Axes: B records of a batch, S positions, the same for all records, H hidden, N heads, L layers, V vocabulary. Positions
// beyond a record's length are padding. No position attends to padding, and the values at padding have no meaning.
//
// The output is a container of the tensors
//
//	ID/hidden          [layers,S,H] float32: the embeddings, then every layer, or the requested ones
//	ID/pooled          [H] float32, if the model has a pooler
//	ID/input_ids       [S] int32, padded with [PAD]
//	ID/token_type_ids  [S] int32, padded with 0
//	ID/attentions      [L,N,S,S] float32, on request: from a position (third axis) to a position (fourth axis)
//	ID/mlm_logits      [S,V] float32, on request, if the model has the head
//	ID/nsp_logits      [2] float32, on request, if the model has the head
//
// which are computed while they are written: memory holds one batch.
package encoding

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
)

// Options selects the outputs.
type Options struct {
	Model      bert.Options // options of the model
	Layers     []int        // indices into the L+1 hidden states, in the order of the output; 0 is the embeddings
	Attentions bool
	Pooled     bool
	MaskedLM   bool
	Next       bool // needs Pooled
}

// ParseLayers parses "all" or a comma-separated list of indices into the layers+1 hidden states. 0 is the embeddings,
// layers is the last layer, and negative indices count from the end.
func ParseLayers(text string, layers int) ([]int, error) {
	var chosen []int
	if text == "all" {
		for l := range layers + 1 {
			chosen = append(chosen, l)
		}
		return chosen, nil
	}
	for field := range strings.SplitSeq(text, ",") {
		l, err := strconv.Atoi(strings.TrimSpace(field))
		if err == nil && l < 0 {
			l += layers + 1
		}
		if err != nil || l < 0 || l > layers {
			return nil, fmt.Errorf("layer %q, want all, or numbers from %d to %d separated by commas (0 is the embeddings, -1 the last layer)", field, -layers-1, layers)
		}
		chosen = append(chosen, l)
	}
	return chosen, nil
}

// Has returns o without the outputs that the model does not have.
func (o Options) Has(m *checkpoints.Model) Options {
	parts := make(map[checkpoints.Part]bool)
	for _, info := range m.Tensors() {
		parts[checkpoints.PartOf(info.Name)] = true
	}
	o.Pooled = o.Pooled && parts[checkpoints.Pooler]
	o.MaskedLM = o.MaskedLM && parts[checkpoints.MLM]
	o.Next = o.Next && parts[checkpoints.NSP] && o.Pooled
	return o
}

// parameters lists the parameters that o needs.
func (o Options) parameters(c bert.Config) []weights.Parameter {
	all := bert.Parameters(c)
	if o.Pooled {
		all = append(all, bert.PoolerParameters(c)...)
	}
	if o.MaskedLM {
		all = append(all, heads.MaskedLMParameters(c)...)
	}
	if o.Next {
		all = append(all, heads.NextSentenceParameters(c)...)
	}
	return all
}

// Encoder runs a model over batches of one size.
type Encoder struct {
	config  bert.Config
	options Options
	rows    int // B
	length  int // S
	pad     int32
	forward *trainer.Forward
}

// New loads the parameters that o needs from m and prepares batches of rows records of length positions. It returns the
// report on a mismatch, too.
func New(b compute.Backend, m *checkpoints.Model, c bert.Config, o Options, rows, length int) (*Encoder, *checkpoints.Report, error) {
	if !m.HasWeights() {
		return nil, nil, fmt.Errorf("%s: no weights", m.Path)
	}
	store, report, err := tasks.Load(m, o.parameters(c), nil, 0)
	if err != nil {
		return nil, report, err
	}
	e := &Encoder{config: c, options: o, rows: rows, length: length, pad: m.Vocabulary.Special().Pad}
	e.forward, err = trainer.NewForward(b, store, 1, "encode", 3, e.build)
	return e, report, err
}

// build builds the outputs, in the order of kinds, for input_ids, token_type_ids and attention_mask [B,S].
func (e *Encoder) build(s *model.Scope, in []*Node) []*Node {
	o := e.options.Model
	o.Attentions = e.options.Attentions
	out := bert.Encode(s, e.config, bert.Input{InputIDs: in[0], TokenTypeIDs: in[1], AttentionMask: in[2]}, o)
	var hidden []*Node
	for _, l := range e.options.Layers {
		hidden = append(hidden, out.Hidden[l])
	}
	results := []*Node{Stack(hidden, 1)}
	if e.options.Attentions {
		results = append(results, Stack(out.Attentions, 1))
	}
	var pooled *Node
	if e.options.Pooled {
		pooled = bert.Pool(s, e.config, out.Last())
		results = append(results, pooled)
	}
	if e.options.MaskedLM {
		results = append(results, heads.MaskedLM(s, e.config, out.Words, out.Last()))
	}
	if e.options.Next {
		results = append(results, heads.NextSentence(s, pooled))
	}
	for i, r := range results {
		results[i] = ConvertDType(r, dtypes.Float32)
	}
	return results
}

// kind is a kind of tensor that every record has.
type kind struct {
	name  string
	shape []int
}

// kinds lists the outputs of build for one record.
func (e *Encoder) kinds() []kind {
	c, o := e.config, e.options
	all := []kind{{"hidden", []int{len(o.Layers), e.length, c.HiddenSize}}}
	if o.Attentions {
		all = append(all, kind{"attentions", []int{c.NumHiddenLayers, c.NumAttentionHeads, e.length, e.length}})
	}
	if o.Pooled {
		all = append(all, kind{"pooled", []int{c.HiddenSize}})
	}
	if o.MaskedLM {
		all = append(all, kind{"mlm_logits", []int{e.length, c.VocabSize}})
	}
	if o.Next {
		all = append(all, kind{"nsp_logits", []int{2}})
	}
	return all
}

// encode runs one batch of at most rows records. A missing row is [PAD], with one position that attends to itself.
func (e *Encoder) encode(records []Record) ([]*tensors.Tensor, error) {
	n := e.rows * e.length
	ids, types, mask := make([]int32, n), make([]int32, n), make([]int32, n)
	for i := range ids {
		ids[i] = e.pad
	}
	for row := range e.rows {
		at := row * e.length
		if row >= len(records) {
			mask[at] = 1
			continue
		}
		copy(ids[at:], records[row].InputIDs)
		copy(types[at:], records[row].TokenTypeIDs)
		copy(mask[at:], records[row].AttentionMask)
	}
	return e.forward.Call([]*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(ids, e.rows, e.length),
		tensors.FromFlatDataAndDimensions(types, e.rows, e.length),
		tensors.FromFlatDataAndDimensions(mask, e.rows, e.length),
	})
}

// Output returns the container of the tensors of all records. It computes a batch when one of its tensors is read, so
// reading in the order of names is efficient. Reading fails when ctx ends. done, if not nil, is called after each batch
// with the number of records computed so far. The container is not safe for concurrent use.
func (e *Encoder) Output(ctx context.Context, records []Record, done func(n int)) (*Output, error) {
	for _, r := range records {
		if len(r.InputIDs) > e.length {
			return nil, fmt.Errorf("record %q: %d positions, want at most %d", r.ID, len(r.InputIDs), e.length)
		}
	}
	return newOutput(ctx, e, records, done), nil
}
