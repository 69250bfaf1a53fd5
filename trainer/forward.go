package trainer

import (
	"context"
	"fmt"
	"iter"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/trainer/metrics"
)

// Build makes the outputs of a graph from its inputs. It panics if shapes disagree.
type Build func(s *model.Scope, in []*graph.Node) []*graph.Node

// Forward is a compiled graph that reads parameters and changes none: evaluation, prediction, encoding. It compiles
// once for each shape of its inputs and is not for concurrent use.
type Forward struct {
	exec   *model.Exec
	mesh   *distributed.DeviceMesh
	inputs int
}

// NewForward prepares build over the parameters of store. The first axis of each of its inputs, and of each of its outputs, is
// that of the rows. The inputs are split over devices; the outputs must not be (run on one device).
func NewForward(backend compute.Backend, store *model.Store, devices int, name string, inputs int, build Build) (*Forward, error) {
	mesh, err := newMesh(devices)
	if err != nil {
		return nil, err
	}
	return newForward(backend, store, mesh, name, inputs, build)
}

func newForward(backend compute.Backend, store *model.Store, mesh *distributed.DeviceMesh, name string, inputs int, build Build) (*Forward, error) {
	return newWhole(backend, store, mesh, name, inputs, func(s *model.Scope, in []*graph.Node) []*graph.Node {
		return forwardInParts(backend, build, s, in)
	})
}

// newWhole is newForward for outputs that are not split as the inputs are.
func newWhole(backend compute.Backend, store *model.Store, mesh *distributed.DeviceMesh, name string, inputs int, build Build) (*Forward, error) {
	e, err := model.NewExec(backend, store, func(s *model.Scope, in []*graph.Node) []*graph.Node { return build(s, in) })
	if err != nil {
		return nil, err
	}
	e.WithName(name)
	return &Forward{exec: e, mesh: mesh, inputs: inputs}, distribute(e, mesh, inputs, 0)
}

// Call executes the graph.
func (f *Forward) Call(in []*tensors.Tensor) ([]*tensors.Tensor, error) {
	return call(f.exec, f.mesh, f.inputs, in)
}

// Compile compiles the graph for inputs of these shapes; later calls find it compiled.
func (f *Forward) Compile(in ...shapes.Shape) error {
	_, err := f.exec.Compile(in...)
	return err
}

// Evaluation measures a task's observed values over batches, without dropout and without learning.
type Evaluation struct {
	forward *Forward
	names   []string
}

// NewEvaluation prepares to evaluate task with the parameters of store.
func NewEvaluation(backend compute.Backend, store *model.Store, task Task, devices int) (*Evaluation, error) {
	mesh, err := newMesh(devices)
	if err != nil {
		return nil, err
	}
	return newEvaluation(backend, store, task, mesh)
}

// Evaluation prepares to evaluate task with the parameters as they are being trained.
func (t *Trainer) Evaluation(task Task) (*Evaluation, error) {
	return newEvaluation(t.step.backend, t.step.store, task, t.step.mesh)
}

func newEvaluation(backend compute.Backend, store *model.Store, task Task, mesh *distributed.DeviceMesh) (*Evaluation, error) {
	e := &Evaluation{}
	build := func(s *model.Scope, in []*graph.Node) []*graph.Node {
		loss, seen := lossInParts(backend, task, s, nil, in)
		scalars := []*graph.Node{loss}
		e.names = e.names[:0]
		for _, o := range seen {
			e.names = append(e.names, o.Name)
			scalars = append(scalars, o.Sum, o.Weight)
		}
		return []*graph.Node{pack(scalars)}
	}
	var err error
	e.forward, err = newWhole(backend, store, mesh, "evaluate", len(task.Inputs()), build)
	return e, err
}

// Run evaluates every microbatch of batches and returns the mean of each observed value over all of them. Values with
// a total weight of 0 are left out.
func (e *Evaluation) Run(ctx context.Context, batches iter.Seq2[Batch, error]) ([]metrics.Value, error) {
	var total []float64
	for batch, err := range batches {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, in := range batch.Micro {
			outputs, err := e.forward.Call(in)
			if err != nil {
				return nil, err
			}
			if total, err = addFlat(total, outputs[0]); err != nil {
				return nil, err
			}
		}
	}
	if total == nil {
		return nil, fmt.Errorf("no examples to evaluate on")
	}
	means := meansOf(total)
	values := make([]metrics.Value, 0, len(e.names))
	for i, name := range e.names {
		if weight := total[2+2*i]; weight > 0 {
			values = append(values, metrics.Value{Name: name, Value: means[1+i]})
		}
	}
	return values, nil
}
