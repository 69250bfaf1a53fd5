package trainer

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/backend"
)

// splitting is a backend that asks for parts.
type splitting struct {
	compute.Backend
	parts int
}

func (s splitting) Parts() int { return s.parts }

func TestPartsOf(t *testing.T) {
	for _, c := range []struct{ parts, rows, want int }{{1, 8, 1}, {2, 8, 2}, {2, 7, 1}, {5, 12, 4}, {4, 3, 3}, {2, 1, 1}, {0, 8, 1}} {
		if got := partsOf(splitting{nil, c.parts}, c.rows); got != c.want {
			t.Errorf("a backend that asks for %d parts, %d rows: %d parts, want %d", c.parts, c.rows, got, c.want)
		}
	}
	if got := partsOf(goBackend(t), 8); got != 1 {
		t.Errorf("another backend: %d parts, want 1", got)
	}
}

// ours is this project's Go backend, which asks for two parts.
func ours(t *testing.T) compute.Backend {
	t.Helper()
	h, err := backend.Open(t.Context(), backend.Choice{Spec: backend.Spec{Name: backend.Go}}, backend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return h.Backend
}

// sizes is a line that notes the number of rows of each of its losses.
type sizes struct {
	line
	rows *[]int
}

func (s sizes) Loss(scope *model.Scope, at *Moment, in []*graph.Node) (*graph.Node, []Observed) {
	*s.rows = append(*s.rows, in[0].Shape().Dim(0))
	return s.line.Loss(scope, at, in)
}

// TestParts trains and evaluates on a backend that asks for two parts, as TestAccumulation does with microbatches. A hidden
// feature depends on the row in the batch, so a part that starts at the wrong row is seen.
func TestParts(t *testing.T) {
	const batch, steps = 12, 20
	p := plan(t, steps, batch, batch)
	run := func(on compute.Backend) (state *State, seen memory, evaluated float64, rows []int) {
		store := model.NewStore()
		if err := addParameter(store, Array{Name: "line.weight", Shape: []int{features}, Data: make([]float32, features)}); err != nil {
			t.Fatal(err)
		}
		task := sizes{line{batch, features}, &rows}
		tr, err := New(on, store, task, p)
		if err != nil {
			t.Fatal(err)
		}
		tr.Recorder = &seen
		data := points{p, features, -1}
		state = train(t, tr, data)
		e, err := tr.Evaluation(task)
		if err != nil {
			t.Fatal(err)
		}
		values, err := e.Run(t.Context(), func(yield func(Batch, error) bool) { yield(data.batch(99), nil) })
		if err != nil {
			t.Fatal(err)
		}
		return state, seen, values[0].Value, rows
	}
	want, wantSeen, wantEvaluated, _ := run(goBackend(t))
	got, seen, evaluated, rows := run(ours(t))
	if diff := cmp.Diff([]int{6, 6, 6, 6}, rows); diff != "" {
		t.Errorf("rows of training and evaluation: -want +got\n%s", diff)
	}
	for i, w := range want.Parameters[0].Data {
		if g := got.Parameters[0].Data[i]; math.Abs(float64(g-w)) > 1e-5 {
			t.Errorf("weight %d: %v in parts, %v at once", i, g, w)
		}
	}
	for i := range wantSeen {
		for _, name := range []string{"loss", "square", "grad_norm"} {
			if g, w := seen[i][name], wantSeen[i][name]; math.Abs(g-w) > 1e-4*math.Abs(w) {
				t.Errorf("step %d: %s %v in parts, %v at once", i+1, name, g, w)
			}
		}
	}
	if math.Abs(evaluated-wantEvaluated) > 1e-5*wantEvaluated {
		t.Errorf("evaluated: %v in parts, %v at once", evaluated, wantEvaluated)
	}
}

// TestForwardInParts expects the outputs of the parts in the order of the rows.
func TestForwardInParts(t *testing.T) {
	build := func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.MulScalar(in[0], 2), graph.ReduceSum(in[0], 1)}
	}
	for name, on := range map[string]compute.Backend{"at once": goBackend(t), "in parts": ours(t)} {
		f, err := NewForward(on, model.NewStore(), 1, "double", 1, build)
		if err != nil {
			t.Fatal(err)
		}
		out, err := f.Call([]*tensors.Tensor{tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, 4, 5, 6}, 6, 1)})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]float32{{2, 4, 6, 8, 10, 12}, {1, 2, 3, 4, 5, 6}} {
			got, err := tensors.CopyFlatData[float32](out[i])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, output %d: -want +got\n%s", name, i, diff)
			}
		}
	}
}
