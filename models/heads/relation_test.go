package heads

import (
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
)

// Two or three products and, for the LSTMs, six steps of them, in float32 on both sides.
var relationTolerance = golden.Tolerance{Relative: 3e-6, Absolute: 1e-8}

// relationCases are the cases of the fixture, named as there.
func relationCases() map[string]Relation {
	cases := map[string]Relation{
		"cls":         {Pooling: "cls", WithCLS: true, Mask: "tokens"},
		"cls_raw":     {Pooling: "cls_raw", WithCLS: true, Mask: "tokens"},
		"mention":     {Pooling: "mention", Mask: "tokens"},
		"mention+cls": {Pooling: "mention", WithCLS: true, Mask: "tokens"},
	}
	for _, pooling := range []string{"attention", "mean", "lstm", "bilstm"} {
		for _, mask := range []string{"tokens", "positions"} {
			cases[pooling+"-"+mask] = Relation{Pooling: pooling, Mask: mask}
			cases[pooling+"-"+mask+"+cls"] = Relation{Pooling: pooling, Mask: mask, WithCLS: true}
		}
	}
	return cases
}

// TestRelationParity compares logits, loss, attention weights, the gradient of every parameter and that of the
// hidden states with PyTorch's, for every head in both masks, with [CLS] and without.
func TestRelationParity(t *testing.T) {
	file := parity.Open(t, "../..", "relation")
	hidden := file.Tensors["hidden"]
	config := bert.Default()
	config.HiddenSize = hidden.Shape[2]
	inputs := golden.Tensors{}
	for _, name := range []string{"hidden", "lengths", "labels", "spans"} {
		inputs[name] = file.Tensors[name]
	}
	for name, relation := range relationCases() {
		relation.Classes = 3
		t.Run(name, func(t *testing.T) {
			params, want := file.Under(name+"/param."), golden.Tensors{}
			for tensor, value := range file.Under(name + "/") {
				if !strings.HasPrefix(tensor, "param.") {
					want[tensor] = value
				}
			}
			if diff := cmp.Diff(shapesOf(params), listed(relation, config)); diff != "" {
				t.Error("parameters (-fixture +listed)\n" + diff)
			}
			got := parity.Run(t, parity.Store(t, params), inputs, func(s *model.Scope, in parity.Nodes) parity.Nodes {
				return classify(s, relation, config, bert.Options{}, in)
			})
			for _, fault := range golden.Diff(want, got, relationTolerance) {
				t.Error(fault)
			}
			worst, apart := golden.Worst(want, got, 1e-5)
			t.Logf("worst %s: %.2g of its largest", worst, apart)
		})
	}
}

// classify builds a relation head on hidden states that are an input.
func classify(s *model.Scope, r Relation, c bert.Config, o bert.Options, in parity.Nodes) parity.Nodes {
	logits, attention := r.Logits(s, c, o, RelationInput{
		Hidden: []*Node{in["hidden"]}, Lengths: in["lengths"], Spans: in["spans"]})
	loss := CrossEntropy(logits, in["labels"], nil, 0).Mean()
	out := parity.Nodes{"logits": logits, "loss": loss, "grad.hidden": Gradient(loss, in["hidden"])[0]}
	if attention != nil {
		out["weights"] = attention
	}
	out.Gradients(s, loss)
	return out
}

func shapesOf(params golden.Tensors) map[string][]int {
	shapes := map[string][]int{}
	for name, p := range params {
		shapes[name] = p.Shape
	}
	return shapes
}

func listed(r Relation, c bert.Config) map[string][]int {
	shapes := map[string][]int{}
	for _, p := range r.Parameters(c) {
		shapes[p.Name] = p.Shape
	}
	return shapes
}
