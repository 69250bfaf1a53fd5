// Package parity runs graphs on the tensors of a fixture. It is for tests of models and optimizers only.
package parity

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // the backend of these tests
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/models/weights"
)

// Backend is the pure-Go backend, one for the process.
var Backend = sync.OnceValues(func() (compute.Backend, error) { return compute.NewWithConfig("go:parallelism=-1") })

// Open reads a fixture of testdata/parity; up is the path from the test's directory to the repository, such
// as "../..".
func Open(tb testing.TB, up, name string) *golden.File {
	tb.Helper()
	file, err := golden.Open(up + "/testdata/parity/" + name + ".safetensors")
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

// Store makes a store whose variables are params, by dotted name.
func Store(tb testing.TB, params golden.Tensors) *model.Store {
	tb.Helper()
	store := model.NewStore()
	for _, name := range slices.Sorted(maps.Keys(params)) {
		p := params[name]
		if err := weights.Create(store, weights.Parameter{Name: name, Shape: p.Shape}, slices.Clone(p.Floats)); err != nil {
			tb.Fatal(err)
		}
	}
	return store
}

// Value is t as an argument of an executor.
func Value(t golden.Tensor) *tensors.Tensor {
	if t.Ints != nil {
		return tensors.FromFlatDataAndDimensions(slices.Clone(t.Ints), t.Shape...)
	}
	return tensors.FromFlatDataAndDimensions(slices.Clone(t.Floats), t.Shape...)
}

// Tensor converts an output of an executor, which must be float32.
func Tensor(tb testing.TB, t *tensors.Tensor) golden.Tensor {
	tb.Helper()
	values, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		tb.Fatal(err)
	}
	return golden.Floats(values, t.Shape().Dimensions...)
}

// Run executes build once over the store's variables and returns its outputs by name. build receives the inputs
// by name.
func Run(tb testing.TB, store *model.Store, inputs golden.Tensors, build func(s *model.Scope, in Nodes) Nodes) golden.Tensors {
	tb.Helper()
	backend, err := Backend()
	if err != nil {
		tb.Fatal(err)
	}
	given := slices.Sorted(maps.Keys(inputs))
	var args []any
	for _, name := range given {
		args = append(args, Value(inputs[name]))
	}
	var returned []string
	exec, err := model.NewExec(backend, store, func(s *model.Scope, in []*model.Node) []*model.Node {
		named := Nodes{}
		for i, name := range given {
			named[name] = in[i]
		}
		out := build(s, named)
		returned = slices.Sorted(maps.Keys(out))
		var nodes []*model.Node
		for _, name := range returned {
			nodes = append(nodes, out[name])
		}
		return nodes
	})
	if err != nil {
		tb.Fatal(err)
	}
	defer exec.Finalize()
	values, err := exec.Call(args...)
	if err != nil {
		tb.Fatal(err)
	}
	got := golden.Tensors{}
	for i, name := range returned {
		got[name] = Tensor(tb, values[i])
	}
	return got
}

// Nodes are nodes of a graph by name.
type Nodes map[string]*model.Node

// Gradients adds the gradient of loss with respect to every variable of the scope, as "grad." and its dotted name.
func (n Nodes) Gradients(s *model.Scope, loss *model.Node) {
	grads := s.BuildTrainableVariablesGradientsGraph(loss)
	i := 0
	for v := range s.IterVariables() {
		if v.Trainable && v.InUseByGraph(loss.Graph()) {
			n["grad."+weights.Name(v.Path())] = grads[i]
			i++
		}
	}
}
