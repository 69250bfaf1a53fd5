package relation

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
)

// Task classifies sentences with two marked mentions.
type Task struct {
	bert    bert.Config
	options bert.Options
	head    heads.Relation
	rows    int   // B, rows of a microbatch
	lengths []int // S: lengths that rows are padded to, ascending

	smoothing float64   // label smoothing
	weights   []float32 // weights of the classes; nil: 1 for each
	tuning    Tuning
}

// New returns the task for the given number of classes and microbatches of rows rows.
func New(c bert.Config, o bert.Options, t Config, classes, rows int) (*Task, error) {
	head := t.Relation
	head.Classes = classes
	if err := head.Validate(); err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	r := &Task{bert: c, options: o, head: head, rows: rows, lengths: t.lengths(), smoothing: t.LabelSmoothing, tuning: t.Tuning}
	if t.FreezeLayers > c.NumHiddenLayers {
		return nil, fmt.Errorf("task.freeze_layers = %d, but the model has %d layers", t.FreezeLayers, c.NumHiddenLayers)
	}
	if len(t.ClassWeights.Of) > 0 {
		var err error
		if r.weights, err = classWeights(t.ClassWeights.Of, t.Labels, classes); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// classWeights returns weights in the order of labels.
func classWeights(weights map[string]float64, labels []string, classes int) ([]float32, error) {
	out := slices.Repeat([]float32{1}, classes)
	for l, w := range weights {
		i := slices.Index(labels, l)
		if i < 0 {
			return nil, fmt.Errorf("task.class_weights: %q is not one of the labels %q", l, labels)
		}
		out[i] = float32(w)
	}
	return out, nil
}

// sequence returns the maximum length of a row.
func (r *Task) sequence() int { return r.lengths[len(r.lengths)-1] }

// Rate returns the factor of the learning rate for a parameter; see Tuning.
func (r *Task) Rate(parameter string) float64 {
	return r.tuning.rate(parameter, r.bert.NumHiddenLayers)
}

// Parameters lists the parameters that the task trains.
func (r *Task) Parameters() []weights.Parameter {
	return slices.Concat(bert.Parameters(r.bert), r.head.Parameters(r.bert))
}

// Inputs are, for the longest S, input_ids [B,S], lengths [B], spans [B,2,2] if the pooling needs them, labels and
// weights [B].
func (r *Task) Inputs() []shapes.Shape { return r.inputs(r.sequence()) }

// Shapes returns the shapes of the inputs of microbatches with rows padded to each of lengths.
func (r *Task) Shapes(lengths []int) [][]shapes.Shape {
	var out [][]shapes.Shape
	for _, l := range lengths {
		out = append(out, r.inputs(l))
	}
	return out
}

func (r *Task) inputs(length int) []shapes.Shape {
	i32 := dtypes.Int32
	in := []shapes.Shape{shapes.Make(i32, r.rows, length), shapes.Make(i32, r.rows)}
	if r.wantsSpans() {
		in = append(in, shapes.Make(i32, r.rows, 2, 2))
	}
	return append(in, shapes.Make(i32, r.rows), shapes.Make(dtypes.Float32, r.rows))
}

func (r *Task) wantsSpans() bool { return r.head.Pooling == "mention" }

// Loss builds the cross entropy. It observes relation_loss and relation_accuracy.
func (r *Task) Loss(s *model.Scope, at *trainer.Moment, in []*graph.Node) (*graph.Node, []trainer.Observed) {
	logits, _ := r.logits(s, at, in)
	sums := heads.CrossEntropy(logits, in[len(in)-2], in[len(in)-1], r.smoothing)
	return sums.Loss, tasks.Observe("relation", sums)
}

func (r *Task) logits(s *model.Scope, at *trainer.Moment, in []*graph.Node) (logits, attention *graph.Node) {
	o := r.options
	o.Dropout = tasks.Dropout(at)
	encoded := bert.Encode(s, r.bert, bert.Input{InputIDs: in[0], Lengths: in[1], Positions: r.head.Positions(in[0])}, o)
	pooled := heads.RelationInput{Hidden: encoded.Hidden, Lengths: in[1]}
	if r.wantsSpans() {
		pooled.Spans = in[2]
	}
	return r.head.Logits(s, r.bert, o, pooled)
}

// Batches yields batches of examples in a different random order each epoch.
type Batches struct {
	task     *Task
	examples []marked.Row
	batch    int
	seed     uint64
	workers  int
}

// Batches returns batches of batch rows. An epoch has every example once; one of its batches may be smaller.
func (r *Task) Batches(examples []marked.Row, batch int, seed uint64, workers int) *Batches {
	return &Batches{task: r, examples: examples, batch: batch, seed: seed, workers: workers}
}

// From yields the batches of step, step+1, ...
func (b *Batches) From(_ context.Context, step int) iter.Seq2[trainer.Batch, error] {
	perEpoch := (len(b.examples) + b.batch - 1) / b.batch
	return tasks.Ahead(b.workers, func(yield func(func() (trainer.Batch, error)) bool) {
		var batches [][]int
		for number := -1; ; step++ {
			if epoch := step / perEpoch; epoch != number {
				number, batches = epoch, b.order(epoch)
			}
			chosen := batches[step%perEpoch]
			if !yield(func() (trainer.Batch, error) { return b.make(chosen), nil }) {
				return
			}
		}
	})
}

// make makes a batch with weights that sum to one. Missing rows have weight zero.
func (b *Batches) make(chosen []int) trainer.Batch {
	var batch trainer.Batch
	total := float32(0)
	for _, c := range chosen {
		batch.Records = append(batch.Records, b.examples[c].ID)
		total += b.task.weight(b.examples[c])
	}
	for _, rows := range b.micros(chosen) {
		batch.Micro = append(batch.Micro, b.task.tensors(rows, 1/total))
		batch.Tokens += b.task.rows * b.task.length(rows)
	}
	return batch
}

// micros returns the examples of each microbatch of a batch. In a short batch the last microbatches have fewer examples,
// or none.
func (b *Batches) micros(chosen []int) [][]marked.Row {
	rows := make([]marked.Row, len(chosen))
	for i, c := range chosen {
		rows[i] = b.examples[c]
	}
	var out [][]marked.Row
	for first := 0; first < b.batch; first += b.task.rows {
		out = append(out, rows[min(first, len(rows)):min(first+b.task.rows, len(rows))])
	}
	return out
}

// weight returns the weight of e relative to the other examples of its batch.
func (r *Task) weight(e marked.Row) float32 {
	if r.weights == nil {
		return 1
	}
	return r.weights[max(0, e.Label)]
}

// tensors makes the inputs of a microbatch in which each example has scale times its own weight. Missing rows have weight
// zero and hold one [PAD] to attend to.
func (r *Task) tensors(examples []marked.Row, scale float32) []*tensors.Tensor {
	return r.padded(examples, r.length(examples), scale)
}

// padded is tensors with rows of the given length.
func (r *Task) padded(examples []marked.Row, length int, scale float32) []*tensors.Tensor {
	ids, lengths := make([]int32, r.rows*length), slices.Repeat([]int32{1}, r.rows)
	spans, labels, weights := make([]int32, r.rows*4), make([]int32, r.rows), make([]float32, r.rows)
	for i, e := range examples {
		copy(ids[i*length:(i+1)*length], e.IDs)
		lengths[i] = int32(len(e.IDs))
		for j, m := range e.Mentions {
			spans[i*4+j*2], spans[i*4+j*2+1] = int32(m.Start), int32(m.End)
		}
		labels[i], weights[i] = max(0, e.Label), scale*r.weight(e)
	}
	in := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(ids, r.rows, length), tensors.FromFlatDataAndDimensions(lengths, r.rows)}
	if r.wantsSpans() {
		in = append(in, tensors.FromFlatDataAndDimensions(spans, r.rows, 2, 2))
	}
	return append(in, tensors.FromFlatDataAndDimensions(labels, r.rows), tensors.FromFlatDataAndDimensions(weights, r.rows))
}

// FLOPs returns the cost of an update of rows rows of the maximum length, forward and backward, in floating point
// operations. The weights of a summary of the last layer are used at each position, those of pooler and classifier once
// per row.
func (r *Task) FLOPs(rows int) float64 {
	head := 0
	for _, p := range r.head.Parameters(r.bert) {
		switch {
		case len(p.Shape) < 2:
		case strings.HasPrefix(p.Name, "sll."):
			head += r.sequence() * p.Size()
		default:
			head += p.Size()
		}
	}
	return 3 * float64(rows) * (bert.FLOPs(r.bert, r.sequence(), r.asked()) + 2*float64(head))
}

// ActivationBytes estimates the memory that a forward pass of rows rows of the maximum length keeps for the backward
// pass, with elements of size bytes. The head needs little in comparison.
func (r *Task) ActivationBytes(rows, size int) int64 {
	return bert.ActivationBytes(r.bert, rows, r.sequence(), r.asked(), size)
}

// asked returns the number of positions of a row that the head reads.
func (r *Task) asked() int {
	if r.head.Summarises() {
		return r.sequence()
	}
	return 1
}
