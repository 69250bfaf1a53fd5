package pretraining

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
)

// Task is masked language modelling and, unless switched off, next sentence prediction. Its loss is the sum of the two
// mean losses, as in Devlin et al. 2019.
type Task struct {
	bert    bert.Config
	options bert.Options
	rows    int // B, rows of a microbatch
	length  int // S
	masked  int // P
	nsp     bool
}

// New returns the task for microbatches of rows rows. In the later phases of a run the same task trains on batches made
// by tasks of other sizes.
func New(c bert.Config, o bert.Options, t Config, rows int) *Task {
	return &Task{bert: c, options: o, rows: rows, length: t.Sequence, masked: t.MaxPredictions, nsp: t.NSP}
}

// Parameters lists the parameters that the task trains.
func (p *Task) Parameters() []weights.Parameter {
	all := slices.Concat(bert.Parameters(p.bert), heads.MaskedLMParameters(p.bert))
	if p.nsp {
		all = slices.Concat(all, bert.PoolerParameters(p.bert), heads.NextSentenceParameters(p.bert))
	}
	return all
}

// Inputs are input_ids and token_type_ids [B,S], lengths [B], masked_lm_positions, _ids and _weights [B,P], and, with
// next sentence prediction, next_sentence_label and its weights [B].
func (p *Task) Inputs() []shapes.Shape {
	i32, f32 := dtypes.Int32, dtypes.Float32
	in := []shapes.Shape{
		shapes.Make(i32, p.rows, p.length), shapes.Make(i32, p.rows, p.length), shapes.Make(i32, p.rows),
		shapes.Make(i32, p.rows, p.masked), shapes.Make(i32, p.rows, p.masked), shapes.Make(f32, p.rows, p.masked),
	}
	if p.nsp {
		in = append(in, shapes.Make(i32, p.rows), shapes.Make(f32, p.rows))
	}
	return in
}

// Loss builds the sum of both losses. It observes mlm_loss, mlm_accuracy, nsp_loss and nsp_accuracy.
func (p *Task) Loss(s *model.Scope, at *trainer.Moment, in []*graph.Node) (*graph.Node, []trainer.Observed) {
	words, next := p.logits(s, at, in)
	mlm := heads.CrossEntropy(words, in[4], in[5], 0)
	loss, seen := mlm.Loss, tasks.Observe("mlm", mlm)
	if next != nil {
		nsp := heads.CrossEntropy(next, in[6], in[7], 0)
		loss, seen = graph.Add(loss, nsp.Loss), append(seen, tasks.Observe("nsp", nsp)...)
	}
	return loss, seen
}

// logits builds the logits of the masked words, [B,P,V], and of the next sentence, [B,2] or nil. It uses the shapes of
// in, not those of Inputs: a phase of another length uses the same graph code.
func (p *Task) logits(s *model.Scope, at *trainer.Moment, in []*graph.Node) (words, next *graph.Node) {
	o := p.options
	o.Dropout = tasks.Dropout(at)
	positions := in[3]
	if p.nsp { // add [CLS] in front, where the pooler expects it
		positions = graph.Concatenate([]*graph.Node{bert.AtCLS(positions), positions}, 1)
	}
	encoded := bert.Encode(s, p.bert, bert.Input{InputIDs: in[0], TokenTypeIDs: in[1], Lengths: in[2], Positions: positions}, o)
	last := encoded.Last()
	if p.nsp {
		next = heads.NextSentence(s, bert.Pool(s, p.bert, last))
		last = graph.Slice(last, graph.AxisRange(), graph.AxisRange(1))
	}
	return heads.MaskedLM(s, p.bert, encoded.Words, last), next
}

// Batches yields batches drawn from shards, epoch after epoch, each epoch in a different order.
type Batches struct {
	task    *Task
	drawer  *instances.Drawer
	batch   int
	workers int
}

// Batches returns batches of batch rows, drawn by workers goroutines.
func (p *Task) Batches(d *instances.Drawer, batch, workers int) *Batches {
	return &Batches{task: p, drawer: d, batch: batch, workers: workers}
}

// From yields the batches of step, step+1, ...: instance i of the run is row i%batch of step i/batch.
func (b *Batches) From(ctx context.Context, step int) iter.Seq2[trainer.Batch, error] {
	return tasks.Ahead(b.workers, func(yield func(func() (trainer.Batch, error)) bool) {
		walk := walk{drawer: b.drawer}
		for ; ; step++ {
			rows, err := walk.rows(ctx, step*b.batch, b.batch)
			if !yield(func() (trainer.Batch, error) {
				if err != nil {
					return trainer.Batch{}, err
				}
				return b.draw(rows)
			}) {
				return
			}
		}
	})
}

// draw makes a batch. The weights of its predictions sum to one, and so do the weights of its rows.
func (b *Batches) draw(rows []row) (trainer.Batch, error) {
	batch := trainer.Batch{}
	drawn := make([]instances.Instance, len(rows))
	predictions := 0
	for i, r := range rows {
		if err := r.epoch.Draw(r.index, &drawn[i]); err != nil {
			return batch, err
		}
		predictions += drawn[i].NumMasked
		batch.Records = append(batch.Records, fmt.Sprintf("epoch %d, instance %d", r.number, r.index))
	}
	for part := range slices.Chunk(drawn, b.task.rows) {
		batch.Micro = append(batch.Micro, b.task.tensors(part, 1/float32(max(1, predictions)), 1/float32(len(rows))))
	}
	return batch, nil
}

// Evaluate yields every instance of an epoch once, in microbatches with weight one for real predictions and rows. The
// last microbatch is padded with rows of weight zero. limit bounds the number of instances; 0 means all.
func (p Measure) Evaluate(e *instances.Epoch, limit, workers int) iter.Seq2[trainer.Batch, error] {
	n := e.Len()
	if limit > 0 {
		n = min(n, limit)
	}
	return tasks.Ahead(workers, func(yield func(func() (trainer.Batch, error)) bool) {
		for first := 0; first < n; first += p.rows {
			if !yield(func() (trainer.Batch, error) { return p.drawOnce(e, first, min(n, first+p.rows)) }) {
				return
			}
		}
	})
}

func (p Measure) drawOnce(e *instances.Epoch, first, end int) (trainer.Batch, error) {
	drawn := make([]instances.Instance, end-first)
	for i := range drawn {
		if err := e.Draw(first+i, &drawn[i]); err != nil {
			return trainer.Batch{}, err
		}
	}
	became := make([]int32, p.rows*p.masked)
	for i, d := range drawn {
		for j, kind := range d.MaskKinds[:d.NumMasked] {
			became[i*p.masked+j] = int32(kind)
		}
	}
	in := append(p.tensors(drawn, 1, 1), tensors.FromFlatDataAndDimensions(became, p.rows, p.masked))
	return trainer.Batch{Micro: [][]*tensors.Tensor{in}}, nil
}

// tensors makes the inputs of a microbatch in which each prediction and each row has the given weight. Missing rows have
// weight zero and hold one [PAD] to attend to.
func (p *Task) tensors(drawn []instances.Instance, prediction, row float32) []*tensors.Tensor {
	ids, types := make([]int32, p.rows*p.length), make([]int32, p.rows*p.length)
	lengths, next, nextWeights := slices.Repeat([]int32{1}, p.rows), make([]int32, p.rows), make([]float32, p.rows)
	positions, labels := make([]int32, p.rows*p.masked), make([]int32, p.rows*p.masked)
	predicted := make([]float32, p.rows*p.masked)
	for i := range drawn {
		d := &drawn[i]
		copy(ids[i*p.length:], d.InputIDs)
		copy(types[i*p.length:], d.TokenTypeIDs)
		lengths[i], next[i], nextWeights[i] = int32(d.Length), d.NextSentenceLabel, row
		copy(positions[i*p.masked:], d.MaskedPositions[:d.NumMasked])
		copy(labels[i*p.masked:], d.MaskedIDs[:d.NumMasked])
		for j := range d.NumMasked {
			predicted[i*p.masked+j] = prediction
		}
	}
	in := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(ids, p.rows, p.length), tensors.FromFlatDataAndDimensions(types, p.rows, p.length),
		tensors.FromFlatDataAndDimensions(lengths, p.rows),
		tensors.FromFlatDataAndDimensions(positions, p.rows, p.masked), tensors.FromFlatDataAndDimensions(labels, p.rows, p.masked),
		tensors.FromFlatDataAndDimensions(predicted, p.rows, p.masked),
	}
	if p.nsp {
		in = append(in, tensors.FromFlatDataAndDimensions(next, p.rows), tensors.FromFlatDataAndDimensions(nextWeights, p.rows))
	}
	return in
}

// row is the source of one row of a batch.
type row struct {
	epoch  *instances.Epoch
	number int // number of the epoch
	index  int // index in the epoch
}

// walk finds instances by their number in the run. Epochs differ in length, so it visits them in order.
type walk struct {
	drawer *instances.Drawer
	epoch  *instances.Epoch
	number int // number of the epoch
	first  int // number in the run of the epoch's first instance
}

// rows finds n instances of the run from first on; first must not decrease between calls.
func (w *walk) rows(ctx context.Context, first, n int) ([]row, error) {
	rows := make([]row, n)
	for i := range rows {
		for w.epoch == nil || first+i >= w.first+w.epoch.Len() {
			if err := w.advance(ctx); err != nil {
				return nil, err
			}
		}
		rows[i] = row{epoch: w.epoch, number: w.number, index: first + i - w.first}
	}
	return rows, nil
}

func (w *walk) advance(ctx context.Context) error {
	number, first := 0, 0
	if w.epoch != nil {
		number, first = w.number+1, w.first+w.epoch.Len()
	}
	epoch, err := w.drawer.Epoch(ctx, number)
	if err != nil {
		return err
	}
	if epoch.Len() == 0 {
		return fmt.Errorf("epoch %d has no instances: the shards have too little text", number)
	}
	w.epoch, w.number, w.first = epoch, number, first
	return nil
}

// FLOPs returns the cost of an update of rows rows, forward and backward, in floating point operations. It is three times
// the cost of the matrix products that the losses need: once forward and twice for the two gradients. The last layer
// counts only at the positions that a loss uses. Gathering positions, dropout and the optimizer do not count.
func (p *Task) FLOPs(rows int) float64 {
	h := float64(p.bert.HiddenSize)
	row := bert.FLOPs(p.bert, p.length, p.asked()) + 2*float64(p.masked)*(h*h+h*float64(p.bert.VocabSize))
	if p.nsp {
		row += 2 * (h*h + 2*h)
	}
	return 3 * float64(rows) * row
}

// ActivationBytes estimates the memory that a forward pass of rows rows keeps for the backward pass, with elements of
// size bytes: the encoder's activations and the logits twice. Compilers need less if they recompute values, and more if
// they tile arrays.
func (p *Task) ActivationBytes(rows, size int) int64 {
	return bert.ActivationBytes(p.bert, rows, p.length, p.asked(), size) + 4*2*int64(rows)*int64(p.masked)*int64(p.bert.VocabSize)
}

// asked returns the number of positions of a row that the losses use.
func (p *Task) asked() int {
	if p.nsp {
		return p.masked + 1
	}
	return p.masked
}
