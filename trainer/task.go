// Package trainer trains a Task on Batches: plan, compiled step, recording, saving, resuming, stopping.
//
// It knows nothing of BERT, of text or of files of weights. A step is a completed update; the state at step n has seen
// n of them. A batch is the data of one update and consists of microbatches of one static shape; B, the first axis of
// every input, is the microbatch. The state is the parameters, two moments of each, and the step. Data, masks and
// dropout are functions of the step, so a resumed run equals an uninterrupted one.
package trainer

import (
	"context"
	"iter"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Task is a model with a loss to be trained.
type Task interface {
	// Inputs gives the shape of each input of one microbatch, in feeding order. The first axis of each is the
	// microbatch. If batches have several lengths, it is the shape of the longest.
	Inputs() []shapes.Shape

	// Loss builds the scalar loss of a microbatch and the values to record. The inputs weight their examples so that
	// the losses of the microbatches of a batch add up to the batch's loss, and likewise the gradients. It panics if
	// shapes disagree. at is nil in evaluation, which has no dropout.
	Loss(s *model.Scope, at *Moment, in []*graph.Node) (loss *graph.Node, seen []Observed)
}

// Rater is a Task whose parameters have different learning rates.
type Rater interface {
	// Rate is the factor of the learning rate for the parameter with the given Hugging Face name. With 0 the parameter
	// is frozen: no gradient is computed for it, and it is neither updated nor decayed.
	Rate(parameter string) float64
}

// rateOf is the Rate of task if it is a Rater, else 1.
func rateOf(task Task, parameter string) float64 {
	if r, ok := task.(Rater); ok {
		return r.Rate(parameter)
	}
	return 1
}

// Moment is the point of the run at which a graph executes; all randomness in a graph is a function of it. The
// fields are scalars of type uint32.
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
	// Records names the records of the batch, for debugging a failure: epoch and index pairs, or example ids.
	Records []string
	// Tokens is the number of positions, padding included; 0 stands for Plan.TokensPerStep.
	Tokens int
}

// Batches addresses training data by step: the same step always yields the same batch, whatever came before it and
// however many goroutines build batches.
type Batches interface {
	// From yields the batches of step, step+1, ... until the caller stops or an error ends the sequence. It ends with the
	// error of ctx, when that ends, where a batch would have to be waited for.
	From(ctx context.Context, step int) iter.Seq2[Batch, error]
}
