package tasks

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/trainer"
)

// Relation is the classification of sentences in which two mentions are marked.
type Relation struct {
	bert    bert.Config
	options bert.Options
	head    heads.Relation
	rows    int // B, of a microbatch
	length  int // S
}

// NewRelation prepares the task for classes labels and microbatches of rows rows.
func NewRelation(c bert.Config, o bert.Options, t Config, classes, rows int) (*Relation, error) {
	head := t.Relation
	head.Classes = classes
	if err := head.Validate(); err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	return &Relation{bert: c, options: o, head: head, rows: rows, length: t.Sequence}, nil
}

// Parameters lists what the task trains.
func (r *Relation) Parameters() []weights.Parameter {
	return slices.Concat(bert.Parameters(r.bert), r.head.Parameters(r.bert))
}

// Inputs are input_ids [B,S], lengths [B], spans [B,2,2] if the pooling wants them, labels and weights [B].
func (r *Relation) Inputs() []shapes.Shape {
	i32 := dtypes.Int32
	in := []shapes.Shape{shapes.Make(i32, r.rows, r.length), shapes.Make(i32, r.rows)}
	if r.wantsSpans() {
		in = append(in, shapes.Make(i32, r.rows, 2, 2))
	}
	return append(in, shapes.Make(i32, r.rows), shapes.Make(dtypes.Float32, r.rows))
}

func (r *Relation) wantsSpans() bool { return r.head.Pooling == "mention" }

// Loss builds the cross entropy. The values observed are relation_loss and relation_accuracy.
func (r *Relation) Loss(s *model.Scope, at *trainer.Moment, in []*graph.Node) (*graph.Node, []trainer.Observed) {
	logits, _ := r.logits(s, at, in)
	sums := heads.CrossEntropy(logits, in[len(in)-2], in[len(in)-1], 0)
	return sums.Loss, observe("relation", sums)
}

func (r *Relation) logits(s *model.Scope, at *trainer.Moment, in []*graph.Node) (logits, attention *graph.Node) {
	o := r.options
	o.Dropout = masks(at)
	encoded := bert.Encode(s, r.bert, bert.Input{InputIDs: in[0], Lengths: in[1]}, o)
	pooled := heads.RelationInput{Hidden: encoded.Hidden, Lengths: in[1]}
	if r.wantsSpans() {
		pooled.Spans = in[2]
	}
	return r.head.Logits(s, r.bert, o, pooled)
}

// RelationBatches are examples in an order of their own each epoch.
type RelationBatches struct {
	task     *Relation
	examples []Example
	batch    int
	seed     uint64
	workers  int
}

// Batches gives batches of batch rows. An epoch shows every example once; its last batch may be smaller.
func (r *Relation) Batches(examples []Example, batch int, seed uint64, workers int) *RelationBatches {
	return &RelationBatches{task: r, examples: examples, batch: batch, seed: seed, workers: workers}
}

// From yields the batches of step, step+1, ...
func (b *RelationBatches) From(step int) iter.Seq2[trainer.Batch, error] {
	perEpoch := (len(b.examples) + b.batch - 1) / b.batch
	return ahead(b.workers, func(yield func(func() (trainer.Batch, error)) bool) {
		var order []int
		for number := -1; ; step++ {
			if epoch := step / perEpoch; epoch != number {
				number = epoch
				order = rand.New(rand.NewPCG(b.seed, uint64(epoch))).Perm(len(b.examples))
			}
			first := step % perEpoch * b.batch
			chosen := order[first:min(first+b.batch, len(order))]
			if !yield(func() (trainer.Batch, error) { return b.make(chosen), nil }) {
				return
			}
		}
	})
}

// make is a batch whose weights add up to one. Rows that are lacking weigh nothing.
func (b *RelationBatches) make(chosen []int) trainer.Batch {
	var batch trainer.Batch
	rows := make([]Example, len(chosen))
	for i, c := range chosen {
		rows[i] = b.examples[c]
		batch.Records = append(batch.Records, rows[i].ID)
	}
	for first := 0; first < b.batch; first += b.task.rows {
		part := rows[min(first, len(rows)):min(first+b.task.rows, len(rows))]
		batch.Micro = append(batch.Micro, b.task.tensors(part, 1/float32(len(rows))))
	}
	return batch
}

// tensors makes the inputs of a microbatch in which each example has the given weight. Rows that are lacking weigh
// nothing; they hold one [PAD] to attend to.
func (r *Relation) tensors(examples []Example, weight float32) []*tensors.Tensor {
	ids, lengths := make([]int32, r.rows*r.length), slices.Repeat([]int32{1}, r.rows)
	spans, labels, weights := make([]int32, r.rows*4), make([]int32, r.rows), make([]float32, r.rows)
	for i, e := range examples {
		copy(ids[i*r.length:(i+1)*r.length], e.IDs)
		lengths[i] = int32(len(e.IDs))
		for j, m := range e.Mentions {
			spans[i*4+j*2], spans[i*4+j*2+1] = int32(m.Start), int32(m.End)
		}
		labels[i], weights[i] = max(0, e.Label), weight
	}
	in := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(ids, r.rows, r.length), tensors.FromFlatDataAndDimensions(lengths, r.rows)}
	if r.wantsSpans() {
		in = append(in, tensors.FromFlatDataAndDimensions(spans, r.rows, 2, 2))
	}
	return append(in, tensors.FromFlatDataAndDimensions(labels, r.rows), tensors.FromFlatDataAndDimensions(weights, r.rows))
}

// Prediction is what a model says of one example.
type Prediction struct {
	Probabilities []float32 // by label
	Attention     []float32 // by position, up to the example's length; nil unless the pooling has weights
}

// Label is the index of the most probable label, the first of equals.
func (p Prediction) Label() int {
	best := 0
	for i, v := range p.Probabilities {
		if v > p.Probabilities[best] {
			best = i
		}
	}
	return best
}

// Predictor runs a relation model over examples.
type Predictor struct {
	task    *Relation
	forward *trainer.Forward
}

// NewPredictor prepares to predict; open is Trainer.Forward, or trainer.NewForward on a store.
func (r *Relation) NewPredictor(open func(name string, inputs int, build trainer.Build) (*trainer.Forward, error)) (*Predictor, error) {
	build := func(s *model.Scope, in []*graph.Node) []*graph.Node {
		logits, attention := r.logits(s, nil, in)
		out := []*graph.Node{graph.Softmax(logits)}
		if attention != nil {
			out = append(out, attention)
		}
		return out
	}
	forward, err := open("predict", len(r.Inputs())-2, build)
	return &Predictor{task: r, forward: forward}, err
}

// Predict yields a prediction for each example, in order.
func (p *Predictor) Predict(examples []Example) iter.Seq2[Prediction, error] {
	return func(yield func(Prediction, error) bool) {
		for part := range slices.Chunk(examples, p.task.rows) {
			in := p.task.tensors(part, 1)
			out, err := p.forward.Call(in[:len(in)-2])
			if err != nil {
				yield(Prediction{}, err)
				return
			}
			flat := make([][]float32, len(out))
			for i, t := range out {
				if flat[i], err = tensors.CopyFlatData[float32](t); err != nil {
					yield(Prediction{}, err)
					return
				}
			}
			for i, e := range part {
				made := Prediction{Probabilities: row2(flat[0], i, p.task.head.Classes)}
				if len(flat) > 1 {
					made.Attention = row2(flat[1], i, p.task.length)[:len(e.IDs)]
				}
				if !yield(made, nil) {
					return
				}
			}
		}
	}
}

// row2 is row i of a matrix with the given number of columns.
func row2(flat []float32, i, columns int) []float32 { return flat[i*columns : (i+1)*columns] }
