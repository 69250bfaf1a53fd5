package heads

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
)

// Both sides compute in float32 and differ in the order of sums only: a few units in the last place of the largest
// term (6e-8 of it) for each of the some twenty products between an input and a gradient. The absolute part is for
// the gradients of key biases, zero but for rounding (a softmax does not see a constant).
var pretrainingTolerance = golden.Tolerance{Relative: 5e-6, Absolute: 1e-7}

// pretrain builds MLM and NSP on the nano inputs and returns everything the fixture knows; of the last layer only what the
// heads look at, if asked for.
func pretrain(s *model.Scope, c bert.Config, o bert.Options, asked bool, in parity.Nodes) parity.Nodes {
	input := bert.Input{InputIDs: in["input_ids"], TokenTypeIDs: in["token_type_ids"], Lengths: in["lengths"]}
	masked := in["masked_lm_positions"]
	if asked {
		input.Positions = Concatenate([]*Node{bert.AtCLS(masked), masked}, 1)
	}
	encoded := bert.Encode(s, c, input, o)
	last := encoded.Last()
	pooled := bert.Pool(s, c, last)
	if asked {
		last = Slice(last, AxisRange(), AxisRange(1))
	} else {
		last = bert.Pick(last, masked)
	}
	words := MaskedLM(s, c, encoded.Words, last)
	next := NextSentence(s, pooled)
	mlm := CrossEntropy(words, in["masked_lm_ids"], in["masked_lm_weights"], 0)
	nsp := CrossEntropy(next, in["next_sentence_label"], nil, 0)
	total := Add(mlm.Mean(), nsp.Mean())
	out := parity.Nodes{
		"pooled": pooled, "mlm_logits": words, "nsp_logits": next,
		"loss.mlm": mlm.Mean(), "loss.nsp": nsp.Mean(), "loss.total": total,
	}
	for k, h := range encoded.Hidden {
		out["hidden."+string(rune('0'+k))] = h
	}
	for k, a := range encoded.Attentions {
		out["attention."+string(rune('0'+k))] = a
	}
	out.Gradients(s, total)
	for name, node := range out {
		out[name] = ConvertDType(node, dtypes.Float32)
	}
	return out
}

func nanoConfig(t testing.TB, file *golden.File) bert.Config {
	t.Helper()
	var c bert.Config
	if err := json.Unmarshal([]byte(file.Metadata["config"]), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPretrainingParity compares every layer, attention, pooled output, logit, loss and gradient, by name.
func TestPretrainingParity(t *testing.T) {
	params := parity.Open(t, "../..", "pretraining_gelu").Under("param.")
	for _, test := range []struct {
		name, act string
		asked     bool
	}{{"gelu", "gelu", false}, {"gelu_new", "gelu_new", false}, {"gelu where asked", "gelu", true}} {
		t.Run(test.name, func(t *testing.T) {
			file := parity.Open(t, "../..", "pretraining_"+test.act)
			c := nanoConfig(t, file)
			want := golden.Tensors{}
			for name, tensor := range file.Tensors {
				if !strings.HasPrefix(name, "input.") && !strings.HasPrefix(name, "param.") {
					want[name] = tensor
				}
			}
			want["mlm_logits"] = pick(want["mlm_logits"], file.Tensors["input.masked_lm_positions"])
			if test.asked { // its last layer is not the fixture's
				n := c.NumHiddenLayers
				delete(want, fmt.Sprint("hidden.", n))
				delete(want, fmt.Sprint("attention.", n-1))
			}
			store := parity.Store(t, params)
			got := parity.Run(t, store, file.Under("input."), func(s *model.Scope, in parity.Nodes) parity.Nodes {
				return pretrain(s, c, bert.Options{Attentions: true}, test.asked, in)
			})
			if test.asked {
				delete(got, fmt.Sprint("hidden.", c.NumHiddenLayers))
				delete(got, fmt.Sprint("attention.", c.NumHiddenLayers-1))
			}
			for _, fault := range golden.Diff(want, got, pretrainingTolerance) {
				t.Error(fault)
			}
			name, worst := golden.Worst(want, got, 1e-4)
			t.Logf("%d tensors, worst %s: %.2g of its largest", len(want), name, worst)
		})
	}
}

// pick takes the rows at positions [B,P] of x [B,S,V].
func pick(x, positions golden.Tensor) golden.Tensor {
	s, v, p := x.Shape[1], x.Shape[2], positions.Shape[1]
	out := golden.Tensor{Shape: []int{x.Shape[0], p, v}}
	for i, position := range positions.Ints {
		row := (i/p*s + int(position)) * v
		out.Floats = append(out.Floats, x.Floats[row:row+v]...)
	}
	return out
}

// TestParameters holds the lists against the names and shapes of a model that Hugging Face made.
func TestParameters(t *testing.T) {
	file := parity.Open(t, "../..", "pretraining_gelu")
	c := nanoConfig(t, file)
	listed := map[string][]int{}
	for _, p := range slices.Concat(bert.Parameters(c), bert.PoolerParameters(c), MaskedLMParameters(c), NextSentenceParameters(c)) {
		listed[p.Name] = p.Shape
	}
	want := map[string][]int{}
	for name, tensor := range file.Under("param.") {
		want[name] = tensor.Shape
	}
	if !maps.EqualFunc(want, listed, slices.Equal) {
		t.Errorf("got %v\nwant %v", listed, want)
	}
}

// bfloat16 keeps 8 bits: 2e-3 of each value, over some twenty products. Key biases have no gradient but rounding.
var halfTolerance = golden.Tolerance{Relative: 0.08, Absolute: 3e-3}

// TestPrecision: bfloat16 activations compute the same function to their rounding, with a float32 gradient for every
// variable.
func TestPrecision(t *testing.T) {
	file := parity.Open(t, "../..", "pretraining_gelu")
	c, store := nanoConfig(t, file), parity.Store(t, file.Under("param."))
	run := func(o bert.Options) golden.Tensors {
		return parity.Run(t, store, file.Under("input."), func(s *model.Scope, in parity.Nodes) parity.Nodes {
			return pretrain(s, c, o, true, in)
		})
	}
	want := run(bert.Options{})
	for _, test := range []struct {
		name    string
		options bert.Options
		tol     golden.Tolerance
	}{
		{"bfloat16", bert.Options{Precision: dtypes.BFloat16}, halfTolerance},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := run(test.options)
			for _, fault := range golden.Diff(want, got, test.tol) {
				t.Error(fault)
			}
			name, worst := golden.Worst(want, got, 1e-4)
			t.Logf("worst %s: %.2g of its largest", name, worst)
			if worst == 0 {
				t.Error("nothing changed: the option has no effect")
			}
		})
	}
}
