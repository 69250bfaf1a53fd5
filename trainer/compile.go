package trainer

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Compile builds and compiles the graphs of an update of the first stage without running them; a later step finds
// them compiled. A planner calls it on a backend without devices.
func (t *Trainer) Compile() error {
	s := t.step
	seed, rate := shapes.Make(dtypes.Uint32), shapes.Make(dtypes.Float32)
	micro := append(s.shards(), seed, seed, seed) // seed, step and row
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

// shards are the shapes of the task's inputs on one device.
func (s *step) shards() []shapes.Shape {
	var in []shapes.Shape
	for _, shape := range s.task.Inputs() {
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
