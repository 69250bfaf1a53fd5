package trainer

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// A splitter is a backend that computes nodes side by side, but most of them on one core each. Its graphs process a
// microbatch in parts, which do not wait for each other.
type splitter interface {
	// Parts returns the number of parts. It is the same on every machine, since it decides in which order gradients are
	// added up.
	Parts() int
}

// partsOf returns the number of equal parts to process rows rows in.
func partsOf(backend compute.Backend, rows int) int {
	s, splits := backend.(splitter)
	if !splits {
		return 1
	}
	n := max(1, s.Parts())
	for rows%n != 0 {
		n--
	}
	return n
}

// split divides the first axis of in into n equal parts. rows is the number of rows of each.
func split(in []*graph.Node, n int) (parts [][]*graph.Node, rows int) {
	rows = in[0].Shape().Dim(0) / n
	if n == 1 {
		return [][]*graph.Node{in}, rows
	}
	for i := range n {
		part := make([]*graph.Node, len(in))
		for j, x := range in {
			part[j] = graph.Slice(x, graph.AxisRange(i*rows, (i+1)*rows))
		}
		parts = append(parts, part)
	}
	return parts, rows
}

// lossInParts builds the loss of task. The loss and the observed values of the parts of a microbatch add up to those of
// the whole, as those of microbatches do.
func lossInParts(backend compute.Backend, task Task, scope *model.Scope, at *Moment, in []*graph.Node) (loss *graph.Node, seen []Observed) {
	parts, rows := split(in, partsOf(backend, in[0].Shape().Dim(0)))
	for i, part := range parts {
		here := at
		if at != nil && i > 0 {
			here = &Moment{Seed: at.Seed, Step: at.Step, Row: graph.AddScalar(at.Row, uint32(i*rows))}
		}
		l, s := task.Loss(scope, here, part)
		if i == 0 {
			loss, seen = l, s
			continue
		}
		loss = graph.Add(loss, l)
		for j, o := range s {
			seen[j].Sum, seen[j].Weight = graph.Add(seen[j].Sum, o.Sum), graph.Add(seen[j].Weight, o.Weight)
		}
	}
	return loss, seen
}

// forwardInParts builds the outputs of build, whose first axis is that of in.
func forwardInParts(backend compute.Backend, build Build, scope *model.Scope, in []*graph.Node) []*graph.Node {
	parts, _ := split(in, partsOf(backend, in[0].Shape().Dim(0)))
	var outputs [][]*graph.Node // by output, then by part
	for _, part := range parts {
		for j, out := range build(scope, part) {
			if j == len(outputs) {
				outputs = append(outputs, nil)
			}
			outputs[j] = append(outputs[j], out)
		}
	}
	all := make([]*graph.Node, len(outputs))
	for j, of := range outputs {
		if all[j] = of[0]; len(of) > 1 {
			all[j] = graph.Concatenate(of, 0)
		}
	}
	return all
}
