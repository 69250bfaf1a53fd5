package trainer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/trainer/optim"
)

// Paths of the trainer's variables that are not parameters of the model.
const (
	momentsM    = "/optimizer/m"
	momentsV    = "/optimizer/v"
	accumulated = "/accumulated"
	haltedPath  = "/trainer/halted" // 1 once an update was left out, unless the policy is "skip"
)

// step owns the compiled graphs that change the state: one for a whole update, or a pair. The first of a pair computes
// gradients and, if the batch has several microbatches, adds them to those of the earlier ones; the second applies
// them.
type step struct {
	backend compute.Backend
	store   *model.Store
	task    Task
	plan    Plan

	mesh   *distributed.DeviceMesh // nil on one device
	params []*model.Variable       // every parameter, by name
	used   []*model.Variable       // the parameters that the loss depends on and that are not frozen; set when the first graph is built
	names  []string                // of the values that the loss observes; set at the same time

	fused             *model.Exec // computes and applies gradients; unless plan.apart
	accumulate, apply *model.Exec // separate graphs; if plan.apart
}

// newStep prepares the graphs of task over the parameters that store holds now, and creates the moments of
// each.
func newStep(backend compute.Backend, store *model.Store, task Task, plan Plan) (*step, error) {
	s := &step{backend: backend, store: store, task: task, plan: plan}
	s.params = slices.SortedFunc(store.IterVariables(), func(a, b *model.Variable) int { return strings.Compare(a.Path(), b.Path()) })
	for _, p := range s.params {
		first := shapes.Make(plan.Optimizer.FirstMomentDType(), p.Shape().Dimensions...)
		if err := errors.Join(s.addZeros(momentsM+p.Path(), first), s.addZeros(momentsV+p.Path(), p.Shape())); err != nil {
			return nil, err
		}
		if plan.apart() {
			if err := s.addZeros(accumulated+p.Path(), p.Shape()); err != nil {
				return nil, err
			}
		}
	}
	scalars := []string{haltedPath}
	if plan.apart() {
		scalars = append(scalars, accumulated+"/loss")
	}
	for _, path := range scalars {
		if err := s.addZeros(path, shapes.Make(dtypes.Float32)); err != nil {
			return nil, err
		}
	}
	return s, s.open()
}

// addZeros creates a variable of zeros that no optimizer touches.
func (s *step) addZeros(path string, shape shapes.Shape) error {
	scope, name := model.SplitPath(path)
	v, err := s.store.Scope(scope).CreateVariable(name, tensors.FromShape(shape))
	if err != nil {
		return fmt.Errorf("variable %s: %w", path, err)
	}
	v.SetTrainable(false)
	return nil
}

// open creates the executors; they compile when first called, or by compile.
func (s *step) open() (err error) {
	if s.mesh, err = newMesh(s.plan.Devices); err != nil {
		return err
	}
	inputs := len(s.task.Inputs())
	if !s.plan.apart() {
		s.fused, err = s.exec("train", inputs, 4, s.buildFused)
		return err
	}
	if s.accumulate, err = s.exec("accumulate", inputs, 3, s.buildAccumulate); err != nil {
		return err
	}
	s.apply, err = s.exec("apply", 0, 2, s.buildApply)
	return err
}

// exec is an executor of build. Its first inputs are split over the devices, its scalars are replicated.
func (s *step) exec(name string, inputs, scalars int, build func(*model.Scope, []*graph.Node) []*graph.Node) (*model.Exec, error) {
	e, err := model.NewExec(s.backend, s.store, build)
	if err != nil {
		return nil, err
	}
	e.WithName(name)
	return e, distribute(e, s.mesh, inputs, scalars)
}

// newMesh is a mesh with one axis, over which batches are split; nil on one device.
func newMesh(devices int) (*distributed.DeviceMesh, error) {
	if devices <= 1 {
		return nil, nil
	}
	return distributed.NewDeviceMesh([]int{devices}, []string{"batch"})
}

// distribute spreads e over the devices of mesh: the first axis of its leading inputs is split, scalars and outputs are
// the same everywhere. With mesh nil it does nothing.
func distribute(e *model.Exec, mesh *distributed.DeviceMesh, inputs, scalars int) error {
	if mesh == nil {
		return nil
	}
	split, err := distributed.BuildSpec(mesh).S("batch").Done()
	if err != nil {
		return err
	}
	same := distributed.NewReplicatedShardingSpec(mesh)
	specs := slices.Concat(slices.Repeat([]*distributed.ShardingSpec{split}, inputs), slices.Repeat([]*distributed.ShardingSpec{same}, scalars))
	devices := make([]compute.DeviceNum, mesh.NumDevices())
	for i := range devices {
		devices[i] = compute.DeviceNum(i)
	}
	e.AutoSharding(mesh).WithInputShardingSpecs(specs...).WithOutputShardingSpecs(same).WithDeviceAssignment(devices)
	return nil
}

// loss builds the task's loss, records the parameters that it uses and the names that it observes, and returns
// [loss, sum, weight, sum, weight, ...].
func (s *step) loss(scope *model.Scope, at *Moment, in []*graph.Node) (loss *graph.Node, observed []*graph.Node) {
	loss, seen := lossInParts(s.backend, s.task, scope, at, in)
	observed = []*graph.Node{loss}
	s.names = s.names[:0]
	for _, o := range seen {
		s.names = append(s.names, o.Name)
		observed = append(observed, o.Sum, o.Weight)
	}
	s.used = s.used[:0]
	for _, p := range s.params {
		if p.InUseByGraph(loss.Graph()) && rateOf(s.task, parameterName(p)) > 0 {
			s.used = append(s.used, p)
		}
	}
	return loss, observed
}

// gradients of loss with respect to the used parameters, in their order.
func (s *step) gradients(loss *graph.Node) []*graph.Node {
	values := make([]*graph.Node, len(s.used))
	for i, p := range s.used {
		values[i] = p.NodeValue(loss.Graph())
	}
	return graph.Gradient(loss, values...)
}

func (s *step) buildFused(scope *model.Scope, in []*graph.Node) []*graph.Node {
	n := len(in) - 4
	at := &Moment{Seed: in[n], Step: in[n+1], Row: in[n+2]}
	loss, observed := s.loss(scope, at, in[:n])
	norm, ok := s.update(loss, s.gradients(loss), in[n+3], at.Step)
	return []*graph.Node{pack(append(observed, norm, ok))}
}

func (s *step) buildAccumulate(scope *model.Scope, in []*graph.Node) []*graph.Node {
	n := len(in) - 3
	loss, observed := s.loss(scope, &Moment{Seed: in[n], Step: in[n+1], Row: in[n+2]}, in[:n])
	add := func(path string, value *graph.Node) {
		sum := s.store.GetVariable(path)
		if s.plan.accumulates() {
			value = graph.Add(sum.NodeValue(value), value)
		}
		sum.SetNodeValue(value)
	}
	for i, g := range s.gradients(loss) {
		add(accumulated+s.used[i].Path(), g)
	}
	add(accumulated+"/loss", loss)
	return []*graph.Node{pack(observed)}
}

func (s *step) buildApply(_ *model.Scope, in []*graph.Node) []*graph.Node {
	rate, at := in[0], in[1]
	take := func(path string) *graph.Node {
		sum := s.store.GetVariable(path)
		value := sum.NodeValue(rate)
		if s.plan.accumulates() {
			sum.SetNodeValue(graph.ZerosLike(value))
		}
		return value
	}
	gradients := make([]*graph.Node, len(s.used))
	for i, p := range s.used {
		gradients[i] = take(accumulated + p.Path())
	}
	norm, ok := s.update(take(accumulated+"/loss"), gradients, rate, at)
	return []*graph.Node{pack([]*graph.Node{norm, ok})}
}

// update gives every used parameter its new value, unless loss or gradients are not finite or an earlier update was
// skipped permanently. It returns the gradients' global norm and whether the update was made (1) or left out (0).
func (s *step) update(loss *graph.Node, gradients []*graph.Node, rate, at *graph.Node) (norm, made *graph.Node) {
	g := loss.Graph()
	gradients, norm = s.plan.Optimizer.Clip(gradients, s.mesh)
	ok := graph.LogicalAnd(graph.IsFinite(norm), graph.IsFinite(loss))
	if s.plan.Run.OnNonFinite != OnNonFiniteSkip {
		halted := s.store.GetVariable(haltedPath)
		before := halted.NodeValue(g)
		ok = graph.LogicalAnd(ok, graph.Equal(before, graph.ZerosLike(before)))
		halted.SetNodeValue(graph.Where(ok, before, graph.OnesLike(before)))
	}
	when := optim.Moment{LearningRate: rate, Step: graph.ConvertDType(at, dtypes.Float32)}
	for i, p := range s.used {
		m, v := s.store.GetVariable(momentsM+p.Path()), s.store.GetVariable(momentsV+p.Path())
		when := when
		if r := rateOf(s.task, parameterName(p)); r != 1 {
			when.LearningRate = graph.MulScalar(when.LearningRate, r)
		}
		kept := m.NodeValue(g)
		old := optim.State{Name: parameterName(p), Value: p.NodeValue(g), Gradient: gradients[i], M: graph.ConvertDType(kept, dtypes.Float32), V: v.NodeValue(g)}
		value, newM, newV := s.plan.Optimizer.Update(old, when)
		p.SetNodeValue(graph.Where(ok, value, old.Value))
		m.SetNodeValue(graph.ConvertDType(graph.Where(ok, newM, old.M), kept.DType())) // rounded last: libtpu makes one pass of all three
		v.SetNodeValue(graph.Where(ok, newV, old.V))
	}
	return norm, graph.ConvertDType(ok, dtypes.Float32)
}

// parameterName is v's name in Hugging Face files: its path with dots.
func parameterName(v *model.Variable) string {
	return strings.ReplaceAll(strings.TrimPrefix(v.Path(), "/"), "/", ".")
}

// parameterPath is the inverse of parameterName.
func parameterPath(name string) string { return "/" + strings.ReplaceAll(name, ".", "/") }

// pack makes one vector of scalars, so that a step's report is one transfer.
func pack(scalars []*graph.Node) *graph.Node {
	rows := make([]*graph.Node, len(scalars))
	for i, s := range scalars {
		rows[i] = graph.Reshape(graph.ConvertDType(s, dtypes.Float32), 1)
	}
	return graph.Concatenate(rows, 0)
}

// outcome is the results of one step, on the device; fetch transfers them.
type outcome struct {
	step     int
	observed []*tensors.Tensor // one a microbatch: loss, then sums and weights
	applied  *tensors.Tensor   // norm and made; nil where the last two of observed are it
}

// run makes the update of one batch. The observed values stay on the device.
func (s *step) run(at int, batch Batch, rate float64) (outcome, error) {
	out := outcome{step: at}
	seed, now := tensors.FromScalar(s.plan.Run.Seed), tensors.FromScalar(uint32(at))
	first := 0 // row of the microbatch within the batch
	for i, in := range batch.Micro {
		row := tensors.FromScalar(uint32(first))
		first += in[0].Shape().Dim(0)
		exec, args := s.accumulate, append(slices.Clone(in), seed, now, row)
		if s.fused != nil {
			exec, args = s.fused, append(args, tensors.FromScalar(float32(rate)))
		}
		vector, err := call1(exec, s.mesh, len(in), args)
		if err != nil {
			return out, fmt.Errorf("step %d, microbatch %d: %w", at, i, err)
		}
		out.observed = append(out.observed, vector)
	}
	if s.apply != nil {
		vector, err := call1(s.apply, s.mesh, 0, []*tensors.Tensor{tensors.FromScalar(float32(rate)), now})
		if err != nil {
			return out, fmt.Errorf("step %d, update: %w", at, err)
		}
		out.applied = vector
	}
	return out, nil
}

// call1 executes e and returns its one output.
func call1(e *model.Exec, mesh *distributed.DeviceMesh, inputs int, args []*tensors.Tensor) (*tensors.Tensor, error) {
	outputs, err := call(e, mesh, inputs, args)
	if err != nil {
		return nil, err
	}
	return outputs[0], nil
}

// call executes e, whose leading inputs are split over mesh, and returns the first device's outputs.
func call(e *model.Exec, mesh *distributed.DeviceMesh, inputs int, args []*tensors.Tensor) ([]*tensors.Tensor, error) {
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a
	}
	if mesh == nil {
		return e.Call(values...)
	}
	split, err := distributed.BuildSpec(mesh).S("batch").Done()
	if err != nil {
		return nil, err
	}
	for i, a := range args {
		spec := distributed.NewReplicatedShardingSpec(mesh)
		if i < inputs {
			spec = split
		}
		if values[i], err = dtensor.ShardTensor(spec, a); err != nil {
			return nil, err
		}
	}
	outputs, err := e.Call(values...)
	if err != nil {
		return nil, err
	}
	return outputs[:len(outputs)/mesh.NumDevices()], nil
}
