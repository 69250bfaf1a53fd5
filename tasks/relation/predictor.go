package relation

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/trainer"
)

// Prediction is the output of a model for one example.
type Prediction struct {
	Probabilities []float32 // by label
	Attention     []float32 // by position, up to the example's length; nil if the pooling has no attention
}

// Label returns the index of the most probable label, the first of equals.
func (p Prediction) Label() int {
	best := 0
	for i, v := range p.Probabilities {
		if v > p.Probabilities[best] {
			best = i
		}
	}
	return best
}

// Predictor runs a relation model over examples, all at once or in parts. Each length that it pads rows to costs a compilation,
// so it uses another one once that would have saved as much padding on the examples so far.
type Predictor struct {
	Done func(examples int) // if not nil, called with the number that Predict has predicted of its examples, after each batch

	task    *Task
	forward *trainer.Forward
	each    float64 // cost of a length, in positions, each time that the model is applied
	lengths []int   // that rows may be padded to, ascending
	counts  []int   // of the examples so far, by the shortest of lengths that fits
	chosen  []int   // lengths in use, ascending
	fixed   bool    // chosen stays
}

// applied is how often a model is taken to be applied with the graphs that it compiles; only the first time compiles them.
const applied = 2

// NewPredictor returns a predictor; open is Trainer.Forward, or trainer.NewForward on a store. A layer of a training step costs
// perLayer floating point operations to compile for another length.
func (r *Task) NewPredictor(open func(name string, inputs int, build trainer.Build) (*trainer.Forward, error), perLayer float64) (*Predictor, error) {
	build := func(s *model.Scope, in []*graph.Node) []*graph.Node {
		logits, attention := r.logits(s, nil, in)
		out := []*graph.Node{graph.Softmax(logits)}
		if attention != nil {
			out = append(out, attention)
		}
		return out
	}
	forward, err := open("predict", len(r.Inputs())-2, build)
	p := &Predictor{task: r, forward: forward, lengths: r.lengths, counts: make([]int, len(r.lengths))}
	// A prediction takes a third of an update's operations, and its graph a ninth of the update's compilation.
	p.each = costOfLength(perLayer, r.bert, r.sequence()) / 3 / applied
	return p, err
}

// Fit chooses, among the lengths that p pads rows to, those with the least total cost of padding and compiling for one
// prediction of each of examples, as after a training. From then on p uses these and, for other examples, the longest. Fit
// returns functions that each compile one of the graphs, for callers who have other work meanwhile.
func (p *Predictor) Fit(examples []marked.Row) []func() error {
	if len(examples) > 0 {
		found := cheapest(p.lengths, count(p.lengths, examples), func(int) float64 { return p.each * applied })
		p.chosen, p.fixed = with(found, p.task.sequence()), true
	}
	return p.graphs(examples)
}

// Begin returns a predictor with the graphs of p for one of parts sets of examples, which share what compiling costs. It knows
// nothing of other sets, so its probabilities do not depend on them in their last digits.
func (p *Predictor) Begin(parts int) *Predictor {
	begun := *p
	begun.each, begun.counts, begun.chosen = p.each/float64(parts), make([]int, len(p.lengths)), nil
	if p.fixed {
		begun.chosen = p.chosen
	}
	return &begun
}

// choose adds to the lengths in use those that are worth it for the examples so far, these included, unless Fit was called.
func (p *Predictor) choose(examples []marked.Row) {
	if p.fixed {
		return
	}
	for i, n := range count(p.lengths, examples) {
		p.counts[i] += n
	}
	found := cheapest(p.lengths, p.counts, func(length int) float64 {
		if slices.Contains(p.chosen, length) {
			return 0
		}
		return p.each
	})
	if last := len(found) - 1; !slices.Contains(p.chosen, found[last]) {
		rows := 0 // of the last length
		for i, length := range p.lengths {
			if last == 0 || length > found[last-1] {
				rows += p.counts[i]
			}
		}
		// Longer examples may follow. If the longest length costs much less than another compilation, it serves all.
		if all := p.task.sequence(); float64(8*rows*(all-found[last])) < p.each {
			found[last] = all
		}
	}
	for _, length := range found {
		p.chosen = with(p.chosen, length)
	}
}

// with returns lengths, ascending, and length.
func with(lengths []int, length int) []int {
	if at, found := slices.BinarySearch(lengths, length); !found {
		return slices.Insert(lengths, at, length)
	}
	return lengths
}

// graphs returns functions that each compile one of the graphs for predicting examples.
func (p *Predictor) graphs(examples []marked.Row) []func() error {
	var out []func() error
	for _, in := range p.task.Shapes(p.inUse(examples)) {
		out = append(out, func() error { return p.forward.Compile(in[:len(in)-2]...) })
	}
	return out
}

// Predict yields a prediction for each example, in order. It computes all predictions, sorted by length, before it yields
// the first. It fails with the error of ctx when ctx ends.
func (p *Predictor) Predict(ctx context.Context, examples []marked.Row) iter.Seq2[Prediction, error] {
	return func(yield func(Prediction, error) bool) {
		p.choose(examples)
		for _, compile := range p.graphs(examples) { // a backend may compile several in the background
			if err := compile(); err != nil {
				yield(Prediction{}, err)
				return
			}
		}
		made, done := make([]Prediction, len(examples)), 0
		for part := range slices.Chunk(byLength(examples), p.task.rows) {
			err := ctx.Err()
			if err == nil {
				err = p.predict(examples, part, made)
			}
			if err != nil {
				yield(Prediction{}, err)
				return
			}
			if done += len(part); p.Done != nil {
				p.Done(done)
			}
		}
		for _, m := range made {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// byLength returns the indices of examples, shortest first.
func byLength(examples []marked.Row) []int {
	order := make([]int, len(examples))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(len(examples[i].IDs), len(examples[j].IDs)) })
	return order
}

// inUse returns the lengths that microbatches of examples, sorted by length, are padded to, ascending.
func (p *Predictor) inUse(examples []marked.Row) []int {
	var lengths []int
	for part := range slices.Chunk(byLength(examples), p.task.rows) {
		longest := examples[part[len(part)-1]]
		lengths = append(lengths, fits(p.chosen, max(1, len(longest.IDs))))
	}
	return slices.Compact(lengths)
}

// predict computes the predictions of the examples with indices part.
func (p *Predictor) predict(examples []marked.Row, part []int, made []Prediction) error {
	rows := make([]marked.Row, len(part))
	for i, at := range part {
		rows[i] = examples[at]
	}
	length := fits(p.chosen, longest(rows))
	in := p.task.padded(rows, length, 1)
	out, err := p.forward.Call(in[:len(in)-2])
	if err != nil {
		return err
	}
	flat := make([][]float32, len(out))
	for i, t := range out {
		if flat[i], err = tensors.CopyFlatData[float32](t); err != nil {
			return err
		}
	}
	for i, at := range part {
		made[at].Probabilities = matrixRow(flat[0], i, p.task.head.Classes)
		if len(flat) > 1 {
			made[at].Attention = matrixRow(flat[1], i, length)[:len(rows[i].IDs)]
		}
	}
	return nil
}

// matrixRow returns row i of a matrix with the given number of columns.
func matrixRow(flat []float32, i, columns int) []float32 { return flat[i*columns : (i+1)*columns] }
