package trainer

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Compile builds and compiles the graphs of an update of the first stage without running them; a later step finds
// them compiled. A planner calls it on a backend without devices.
func (t *Trainer) Compile() error {
	return t.step.compile(t.step.task.Inputs())
}

// compile builds and compiles the graphs of an update whose microbatches have inputs of the given shapes.
func (s *step) compile(inputs []shapes.Shape) error {
	seed, rate := shapes.Make(dtypes.Uint32), shapes.Make(dtypes.Float32)
	micro := append(s.shards(inputs), seed, seed, seed) // seed, step and row
	if s.fused != nil {
		_, err := s.fused.Compile(s.everywhere(append(micro, rate))...)
		return err
	}
	if _, err := s.accumulate.Compile(s.everywhere(micro)...); err != nil {
		return err
	}
	_, err := s.apply.Compile(s.everywhere([]shapes.Shape{rate, seed})...)
	return err
}

// compileAhead submits the graphs that the plan's steps and later measurements need, those of first before the others.
// It returns at once if the backend compiles in the background.
func (t *Trainer) compileAhead(first Batch) error {
	inputs := make([]shapes.Shape, len(first.Micro[0]))
	for i, in := range first.Micro[0] {
		inputs[i] = in.Shape()
	}
	for _, in := range append([][]shapes.Shape{inputs}, t.plan.Shapes...) {
		if err := t.step.compile(in); err != nil {
			return err
		}
	}
	for _, compile := range t.Ahead {
		if err := compile(); err != nil {
			return err
		}
	}
	return nil
}

// shards are the shapes of a task's inputs on one device.
func (s *step) shards(inputs []shapes.Shape) []shapes.Shape {
	var in []shapes.Shape
	for _, shape := range inputs {
		part := shape.Clone()
		part.Dimensions[0] /= s.plan.Devices // Plan.Validate checks that it divides
		in = append(in, part)
	}
	return in
}

// everywhere repeats the shapes of one device for all devices, in the order that an executor takes.
func (s *step) everywhere(one []shapes.Shape) []shapes.Shape {
	return slices.Repeat(one, max(1, s.plan.Devices))
}
