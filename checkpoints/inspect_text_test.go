package checkpoints

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestInspectionText(t *testing.T) {
	in := &Inspection{
		Path: "m", Kind: KindSafetensors, Faults: []string{"no vocab.txt"}, Parameters: 6, DTypes: map[string]int{"F32": 2},
		Parts: []PartSize{{Part: "encoder", Tensors: 2, Parameters: 6}}, Notes: []string{"odd"},
		Ignored: []Ignored{{Why: "step counter"}, {Why: "optimizer state"}, {Why: "optimizer state"}},
		Tensors: []TensorStats{{Name: "a", DType: "F32", Shape: []int{2, 2}, Mean: 1}, {Name: "b", DType: "F32", Shape: []int{2}, NonFinite: 1}},
	}
	for _, test := range []struct {
		name       string
		tensors    bool
		against    *Comparison
		want, lack string
	}{
		{name: "without tensors", want: `model      m
FAULT      no vocab.txt
weights    safetensors, 6 parameters, 2 tensors of F32
  encoder  6 in 2 tensors
  ignored  2 x optimizer state
  ignored  1 x step counter
  note     odd
unusual    a is 1 everywhere; b has 1 numbers that are not finite
`, lack: "sd"},
		{name: "with tensors", tensors: true, want: "\na       F32   [2 2]  1.00000  0.00000  0      0\n", lack: "against"},
		{name: "an equal model", against: &Comparison{B: "n", Equal: true}, want: "against n: the same weights\n", lack: "layer"},
		{name: "another model", against: &Comparison{A: "m", B: "n", Layers: []LayerDiff{{Layer: "layer 0", Tensors: 2, Changed: 1}}, OnlyInB: []string{"c"}}, want: "only in n", lack: "only in m"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in.Against = test.against
			var b strings.Builder
			if err := in.Text(&b, test.tensors); err != nil {
				t.Fatal(err)
			}
			if got := b.String(); !strings.Contains(got, test.want) || strings.Contains(got, test.lack) {
				t.Errorf("%s\nwant it with %q and without %q", got, test.want, test.lack)
			}
		})
	}
}

func TestUnusable(t *testing.T) {
	errNone := errors.New("none")
	hinted := errors.New("m/config.json: broken")
	for _, test := range []struct {
		name   string
		faults []error
		want   string
		wraps  bool
	}{
		{"no fault", nil, "", false},
		{"weights alone", []error{fmt.Errorf("x: %w", ErrAlone)}, "", false},
		{"a fault that names the model", []error{hinted}, "m/config.json: broken", false},
		{"a fault that does not", []error{ErrAlone, errNone}, "m: none", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			err := Unusable("m", test.faults)
			if err != nil {
				got = err.Error()
			}
			if got != test.want || errors.Is(err, errNone) != test.wraps || errors.Is(err, hinted) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
