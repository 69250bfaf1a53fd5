package heads

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
)

// Five products and two softmaxes in float32 on both sides.
var probeTolerance = golden.Tolerance{Relative: 3e-6, Absolute: 1e-8}

// TestProbeParity compares mix, logits, loss, the gradient of every parameter and that of the activations with
// PyTorch's, for every input and every l from 0 to L; alone, and with all L+1 probes in one graph.
func TestProbeParity(t *testing.T) {
	file := parity.Open(t, "../..", "probe")
	layers := file.Tensors["activations"].Shape[1]
	inputs := golden.Tensors{}
	for _, name := range []string{"activations", "lengths", "labels"} {
		inputs[name] = file.Tensors[name]
	}
	for name, p := range map[string]Probe{
		"spans":       {Input: ProbeSpans, Projection: 5, Hidden: 7, Classes: 4},
		"plain_spans": {Input: ProbeSpans, Hidden: 7, Classes: 4},
		"all":         {Input: ProbeAll, Hidden: 7, Classes: 4},
		"cls":         {Input: ProbeCLS, Hidden: 7, Classes: 4},
	} {
		params := golden.Tensors{}
		for l := range layers {
			for parameter, value := range file.Under(fmt.Sprintf("%s/%d/param.", name, l)) {
				params[parameter] = value
			}
		}
		for l := range layers {
			t.Run(fmt.Sprintf("%s/layers 0 to %d", name, l), func(t *testing.T) {
				want := file.Under(fmt.Sprintf("%s/%d/", name, l))
				for tensor := range want {
					if strings.HasPrefix(tensor, "param.") {
						delete(want, tensor)
					}
				}
				got := parity.Run(t, parity.Store(t, params), inputs, func(s *model.Scope, in parity.Nodes) parity.Nodes {
					return probed(s, p, in, l)
				})
				for _, fault := range golden.Diff(want, got, probeTolerance) {
					t.Error(fault)
				}
			})
		}
		t.Run(name+"/in one graph", func(t *testing.T) {
			want := golden.Tensors{}
			for l := range layers {
				for tensor, value := range file.Under(fmt.Sprintf("%s/%d/grad.probe", name, l)) {
					want["grad.probe"+tensor] = value
				}
			}
			got := parity.Run(t, parity.Store(t, params), inputs, func(s *model.Scope, in parity.Nodes) parity.Nodes {
				var loss *Node
				for l := range layers {
					one := CrossEntropy(p.Logits(s, probeInput(p, in), l), in["labels"], nil, 0).Mean()
					if loss == nil {
						loss = one
					} else {
						loss = Add(loss, one)
					}
				}
				out := parity.Nodes{}
				out.Gradients(s, loss)
				return out
			})
			for _, fault := range golden.Diff(want, got, probeTolerance) {
				t.Error(fault)
			}
		})
	}
}

func probeInput(p Probe, in parity.Nodes) ProbeInput {
	x := in["activations"]
	if p.Input == ProbeCLS {
		x = Slice(x, AxisRange(), AxisRange(), AxisRange(0, 1))
	}
	return ProbeInput{Layers: x, Lengths: in["lengths"]}
}

// probed builds one probe on activations that are an input.
func probed(s *model.Scope, p Probe, in parity.Nodes, l int) parity.Nodes {
	input := probeInput(p, in)
	logits := p.Logits(s, input, l)
	loss := CrossEntropy(logits, in["labels"], nil, 0).Mean()
	out := parity.Nodes{
		"logits": logits, "loss": Reshape(loss, 1), "grad.activations": Gradient(loss, input.Layers)[0],
		"mixed": Mix(s.At("probe").At("%d", l).At("mix"), input.Layers, l),
	}
	out.Gradients(s, loss)
	return out
}

// TestProbeParameters compares what a probe lists with what the fixture has.
func TestProbeParameters(t *testing.T) {
	file := parity.Open(t, "../..", "probe")
	x := file.Tensors["activations"].Shape
	for name, p := range map[string]Probe{
		"spans": {Input: ProbeSpans, Projection: 5, Hidden: 7, Classes: 4}, "plain_spans": {Input: ProbeSpans, Hidden: 7, Classes: 4},
		"all": {Input: ProbeAll, Hidden: 7, Classes: 4}, "cls": {Input: ProbeCLS, Hidden: 7, Classes: 4},
	} {
		got := map[string][]int{}
		for _, parameter := range p.Parameters(2, x[3], x[2]) {
			got[parameter.Name] = parameter.Shape
		}
		if diff := cmp.Diff(shapesOf(file.Under(name+"/2/param.")), got); diff != "" {
			t.Errorf("%s (-fixture +listed)\n%s", name, diff)
		}
	}
}

// TestProbeActivations expects the states at the positions asked for, in all layers, and zeros for none.
func TestProbeActivations(t *testing.T) {
	x := golden.Floats(make([]float32, 2*3*4*2), 2, 3, 4, 2) // [L+1=2][B=3][S=4][H=2]
	for i := range x.Floats {
		x.Floats[i] = float32(i + 1)
	}
	positions := golden.Tensor{Shape: []int{3, 2}, Ints: []int32{0, 3, -1, 1, 2, -1}}
	got := parity.Run(t, model.NewStore(), golden.Tensors{"x": x, "at": positions}, func(_ *model.Scope, in parity.Nodes) parity.Nodes {
		var hidden []*Node
		for k := range 2 {
			hidden = append(hidden, Reshape(Slice(in["x"], AxisElem(k)), 3, 4, 2))
		}
		return parity.Nodes{"some": ProbeActivations(hidden, in["at"]), "all": ProbeActivations(hidden, nil)}
	})
	want := []float32{1, 2, 7, 8, 25, 26, 31, 32, 0, 0, 11, 12, 0, 0, 35, 36, 21, 22, 0, 0, 45, 46, 0, 0}
	if !slices.Equal(got["some"].Floats, want) {
		t.Errorf("got %v, want %v", got["some"].Floats, want)
	}
	if diff := cmp.Diff(got["all"].Shape, []int{3, 2, 4, 2}); diff != "" {
		t.Error(diff)
	}
}

// TestProbeValidate expects each fault in its words.
func TestProbeValidate(t *testing.T) {
	err := Probe{Input: "words", Projection: -1}.Validate()
	for _, says := range []string{`input "words", want spans, all or cls`, "hidden 0, projection -1", "0 classes, want at least 2"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}
