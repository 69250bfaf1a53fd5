// Package trainer trains a Task on Batches: plan, compiled step, recording, saving, resuming, stopping.
//
// It knows nothing of BERT, of text or of files of weights. A step is a completed update; state at step n has seen n of
// them. A batch is one update, made of microbatches of one static shape; B, the first axis of every input, is the
// microbatch. State is the parameters, two moments each, and the step: what the data, the masks and dropout are at a
// step is a function of the step, so continuing equals never having stopped.
package trainer

import (
	"context"
	"iter"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Task is what gets trained.
type Task interface {
	// Inputs gives the shape of each input of one microbatch, in feeding order. The first axis of each is the microbatch.
	// Where batches come in several lengths, it is the shape of the longest.
	Inputs() []shapes.Shape

	// Loss builds the scalar loss of a microbatch and the values to record. Inputs weigh their examples such that the
	// losses of the microbatches of a batch add up to the batch's loss, and so do their gradients. It panics if shapes
	// disagree. at is nil in evaluation, where nothing is dropped.
	Loss(s *model.Scope, at *Moment, in []*graph.Node) (loss *graph.Node, seen []Observed)
}

// Rater is a Task whose parameters do not all learn at the same rate.
type Rater interface {
	// Rate is what the learning rate is multiplied by for the parameter of that Hugging Face name. At 0 it is frozen: no
	// gradient is computed for it, and it is neither updated nor decayed.
	Rate(parameter string) float64
}

// rateOf is the Rate of task, which is 1 unless it says otherwise.
func rateOf(task Task, parameter string) float64 {
	if r, ok := task.(Rater); ok {
		return r.Rate(parameter)
	}
	return 1
}

// Moment is where in the run a graph executes; whatever is random in a graph is a function of it. All are scalars of
// type uint32.
type Moment struct {
	Seed *graph.Node // of the run
	Step *graph.Node // of the update
	Row  *graph.Node // index, within the batch, of the microbatch's first row
}

// Observed is a value to record: Sum over Weight, both scalars, each added up over microbatches and devices first.
type Observed struct {
	Name        string
	Sum, Weight *graph.Node
}

// Batch is one update's data.
type Batch struct {
	// Micro holds the inputs of each microbatch, in the order of Task.Inputs. The trainer consumes them.
	Micro [][]*tensors.Tensor
	// Records says what the batch was made of, for the post-mortem of a failure: epoch and index pairs, or example ids.
	Records []string
	// Tokens is the number of positions, padding included; 0 stands for Plan.TokensPerStep.
	Tokens int
}

// Batches addresses training data by step: the same step always yields the same batch, whatever came before and on
// however many goroutines it was made.
type Batches interface {
	// From yields the batches of step, step+1, ... until the caller stops or an error ends the sequence. It ends with the
	// error of ctx, when that ends, where a batch would have to be waited for.
	From(ctx context.Context, step int) iter.Seq2[Batch, error]
}
