package heads

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
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

// TestRelationValidate expects each fault in its words, all at once.
func TestRelationValidate(t *testing.T) {
	valid := DefaultRelation()
	valid.Classes = 2
	tests := []struct {
		name   string
		change func(r *Relation)
		says   []string
	}{
		{"default", func(*Relation) {}, nil},
		{"layers of raw [CLS]", func(r *Relation) { r.Pooling, r.Layers = "cls_raw", []int{-1, 0} }, nil},
		{"summary alone", func(r *Relation) { r.Pooling, r.WithCLS = "lstm", false }, nil},
		{"pooling and mask", func(r *Relation) { r.Pooling, r.Mask = "max", "all" }, []string{
			`pooling "max", want one of attention, bilstm, cls, cls_raw, lstm, mean, mention`, `sll_mask "all", want tokens or positions`}},
		{"layers", func(r *Relation) { r.Layers = []int{1} }, []string{`layers [1] with pooling "cls", want pooling cls_raw`}},
		{"nothing left", func(r *Relation) { r.WithCLS = false }, []string{`with_cls false with pooling "cls"`}},
		{"classes", func(r *Relation) { r.Classes = 1 }, []string{"1 classes, want at least 2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := valid
			test.change(&r)
			err := r.Validate()
			if len(test.says) == 0 && err != nil {
				t.Fatal(err)
			}
			for _, says := range test.says {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("got %v, want %q", err, says)
				}
			}
		})
	}
}

// TestPools checks what no reference has: a row without tokens between [CLS] and [SEP], a mention that was cut off,
// [CLS] of several layers, and bfloat16.
func TestPools(t *testing.T) {
	const b, length, hidden = 2, 6, 3
	c := bert.Default()
	c.HiddenSize = hidden
	values := make([]float32, b*length*hidden)
	for i := range values {
		values[i] = float32(i%7) - 3
	}
	inputs := golden.Tensors{
		"hidden": golden.Floats(values, b, length, hidden), "lengths": {Shape: []int{b}, Ints: []int32{2, 6}},
		"spans": {Shape: []int{b, 2, 2}, Ints: []int32{1, 3, 0, 0, 1, 2, 3, 5}},
	}
	pool := func(r Relation, precision dtypes.DType) golden.Tensors {
		r.Mask, r.Classes = "tokens", 2
		params := golden.Tensors{}
		for _, p := range r.Parameters(c) {
			params[p.Name] = golden.Floats(weights.Initialize(1, p), p.Shape...)
		}
		return parity.Run(t, parity.Store(t, params), inputs, func(s *model.Scope, in parity.Nodes) parity.Nodes {
			x := ConvertDType(in["hidden"], precision)
			features, _ := r.pool(s, c, RelationInput{Hidden: []*Node{MulScalar(x, 10), x}, Lengths: in["lengths"], Spans: in["spans"]})
			return parity.Nodes{"features": ConvertDType(features, dtypes.Float32)}
		})
	}
	first := func(row int) []float32 { return values[row*length*hidden:][:hidden] }
	for _, pooling := range []string{"attention", "mean", "lstm", "bilstm"} {
		for _, precision := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
			got := pool(Relation{Pooling: pooling}, precision)["features"]
			width := got.Shape[1]
			if slices.ContainsFunc(got.Floats[:width], func(v float32) bool { return v != 0 }) {
				t.Errorf("%s in %s: a row without tokens gives %v, want zeros", pooling, precision, got.Floats[:width])
			}
			if !slices.ContainsFunc(got.Floats[width:], func(v float32) bool { return v != 0 }) {
				t.Errorf("%s in %s: a row with tokens gives zeros", pooling, precision)
			}
		}
	}
	mentions := pool(Relation{Pooling: "mention"}, dtypes.Float32)["features"]
	if cut := mentions.Floats[hidden : 2*hidden]; slices.Max(cut) != 0 || slices.Min(cut) != 0 {
		t.Errorf("a mention that was cut off gives %v, want zeros", cut)
	}
	layers := pool(Relation{Pooling: "cls_raw", WithCLS: true, Layers: []int{-1, 0}}, dtypes.Float32)["features"]
	var want []float32
	for row := range b {
		want = append(want, first(row)...)
		for _, v := range first(row) {
			want = append(want, 10*v)
		}
	}
	if diff := cmp.Diff(golden.Floats(want, b, 2*hidden), layers); diff != "" {
		t.Error("layers (-want +got)\n" + diff)
	}
}
