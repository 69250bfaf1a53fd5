package heads

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
)

// generator draws what scripts/fixtures_wide.py draws: each tensor from a seed that counts up.
type generator struct{ drawn uint32 }

func (g *generator) tensor(scale float32, dims ...int) golden.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	g.drawn++
	x, values := g.drawn, make([]float32, n)
	for i := range values {
		x = 1664525*x + 1013904223
		values[i] = (float32(x>>8)/(1<<23) - 1) * scale
	}
	return golden.Floats(values, dims...)
}

// TestWideParity compares the biLSTM with [CLS] at H=768 and S=128, rows of 128 and 77 tokens, with PyTorch: outputs,
// loss and every gradient (of each its sum of squares and every 4999th value).
//
// 126 steps of a recurrence whose products sum 768 terms, in float32 and another order than torch's; a gradient of the
// first steps has passed through all of them.
func TestWideParity(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds of matrix products")
	}
	const hidden, stride = 768, 4999
	file := parity.Open(t, "../..", "wide")
	c := bert.Default()
	c.HiddenSize = hidden
	r := Relation{Pooling: "bilstm", WithCLS: true, Mask: "tokens", Classes: 5}
	g := &generator{}
	inputs := golden.Tensors{
		"hidden": g.tensor(1, 2, 128, hidden), "lengths": {Shape: []int{2}, Ints: []int32{128, 77}}, "labels": {Shape: []int{2}, Ints: []int32{3, 1}},
	}
	params := golden.Tensors{}
	for _, direction := range []string{"", backward} {
		for _, p := range lstmParameters(hidden, direction) {
			params[p.Name] = g.tensor(0.03125, p.Shape...)
		}
	}
	params["classifier.weight"], params["classifier.bias"] = g.tensor(0.03125, 5, 3*hidden), g.tensor(0.03125, 5)
	full := parity.Run(t, parity.Store(t, params), inputs, func(s *model.Scope, in parity.Nodes) parity.Nodes {
		return classify(s, r, c, bert.Options{}, in)
	})
	got := golden.Tensors{"logits": full["logits"], "loss": full["loss"]}
	for name, gradient := range full {
		name, ok := strings.CutPrefix(name, "grad.")
		if !ok {
			continue
		}
		var sampled []float32
		squares := 0.0
		for i, v := range gradient.Floats {
			if i%stride == 0 {
				sampled = append(sampled, v)
			}
			squares += float64(v) * float64(v)
		}
		got["grad."+name], got["squares."+name] = golden.Floats(sampled, len(sampled)), golden.Floats([]float32{float32(squares)})
	}
	for _, fault := range golden.Diff(file.Tensors, got, golden.Tolerance{Relative: 5e-6, Absolute: 1e-9}) {
		t.Error(fault)
	}
	worst, by := golden.Worst(file.Tensors, got, 1e-9)
	t.Logf("worst %s: %.2g of its largest", worst, by)
}

// trainsWide makes this binary run one forward and backward pass of the LSTM at S=256, B=16 and H=768 and exit.
const trainsWide = "SUBBERT_TEST_WIDE_LSTM"

// TestLSTMMemory expects one pass of the LSTM head, forward and backward, at S=256, B=16 and H=768 to stay below 4 GB on
// the pure-Go backend. It runs in a child, whose peak the system keeps. Unrolled, S=128 alone took 15 GB.
func TestLSTMMemory(t *testing.T) {
	if os.Getenv(trainsWide) != "" {
		passWide(t)
		return
	}
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("ten seconds and more; the peak is counted in kilobytes on Linux")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^TestLSTMMemory$", "-test.count=1")
	child.Env = append(os.Environ(), trainsWide+"=1")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	usage, ok := child.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage of the child")
	}
	peak := float64(usage.Maxrss) / (1 << 20)
	t.Logf("peak %.2f GB, %v of processor time", peak, child.ProcessState.UserTime())
	if peak > 4 {
		t.Errorf("peak %.2f GB, want less than 4", peak)
	}
}

func passWide(t *testing.T) {
	c := bert.Default()
	r := Relation{Pooling: "lstm", WithCLS: true, Mask: "tokens", Classes: 5}
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	lengths, labels := make([]int32, 16), make([]int32, 16)
	for i := range lengths {
		lengths[i], labels[i] = int32(256-i), int32(i%5)
	}
	pass, err := model.NewExec(backend, freshStore(t, r.Parameters(c)), func(s *model.Scope, in []*Node) []*Node {
		logits, _ := r.Logits(s, c, bert.Options{}, RelationInput{Hidden: in[:1], Lengths: in[1]})
		loss := CrossEntropy(logits, in[2], nil, 0).Mean()
		return append([]*Node{loss, Gradient(loss, in[0])[0]}, s.BuildTrainableVariablesGradientsGraph(loss)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	hidden := (&generator{}).tensor(1, 16, 256, 768)
	if _, err := pass.Call(parity.Value(hidden), tensors.FromFlatDataAndDimensions(lengths, 16), tensors.FromFlatDataAndDimensions(labels, 16)); err != nil {
		t.Fatal(err)
	}
}
