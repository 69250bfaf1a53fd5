package probing

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/activations"
	"github.com/subbert/subbert/tasks/relation"
	"github.com/subbert/subbert/trainer"
)

// Activations gives access to the activations of examples by number. It is safe for concurrent use.
type Activations interface {
	// ReadRows copies the activations [L+1,P,H] of each of rows to dst.
	ReadRows(rows []int, dst []float32) error
}

// Task trains probes of several depths on the same activations. The probes share no parameters and their losses are
// summed, so each learns as it would alone, provided the optimizer does not clip by the global norm.
type Task struct {
	probe  heads.Probe
	depths []int // l of each probe
	shape  activations.Header
	rows   int // B
}

// New returns a task that trains probes of the given depths on activations of the given shape, in batches of rows rows.
func New(p heads.Probe, depths []int, shape activations.Header, rows int) (*Task, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("task.probe: %w", err)
	}
	return &Task{probe: p, depths: depths, shape: shape, rows: rows}, nil
}

// Parameters lists the parameters of the probes.
func (p *Task) Parameters() []weights.Parameter {
	var all []weights.Parameter
	for _, l := range p.depths {
		all = append(all, p.probe.Parameters(l, p.shape.Hidden, p.shape.Positions)...)
	}
	return all
}

// Inputs are activations [B,L+1,P,H], lengths [B,2], labels and weights [B].
func (p *Task) Inputs() []shapes.Shape {
	return []shapes.Shape{
		shapes.Make(dtypes.Float32, p.rows, p.shape.Layers, p.shape.Positions, p.shape.Hidden), shapes.Make(dtypes.Int32, p.rows, 2),
		shapes.Make(dtypes.Int32, p.rows), shapes.Make(dtypes.Float32, p.rows),
	}
}

// Loss returns the sum of the probes' cross entropies. It observes the values probe_<l>_loss.
func (p *Task) Loss(s *model.Scope, _ *trainer.Moment, in []*graph.Node) (*graph.Node, []trainer.Observed) {
	var total *graph.Node
	var seen []trainer.Observed
	for _, l := range p.depths {
		logits := p.probe.Logits(s, heads.ProbeInput{Layers: in[0], Lengths: in[1]}, l)
		sums := heads.CrossEntropy(logits, in[2], in[3], 0)
		seen = append(seen, trainer.Observed{Name: fmt.Sprintf("probe_%d_loss", l), Sum: sums.Loss, Weight: sums.Weight})
		if total == nil {
			total = sums.Loss
		} else {
			total = graph.Add(total, sums.Loss)
		}
	}
	return total, seen
}

// Samples holds the examples on which probes are trained or tested.
type Samples struct {
	From    Activations
	Rows    []Row   // by number
	Labels  []int32 // label of each row
	Workers int     // goroutines that make batches
}

// Batches yields batches of examples in a different random order each epoch.
type Batches struct {
	task *Task
	data Samples
	seed uint64
}

// Batches returns batches of data in orders drawn with seed. An epoch has every example once; its last batch may be
// smaller.
func (p *Task) Batches(data Samples, seed uint64) *Batches {
	return &Batches{task: p, data: data, seed: seed}
}

// From yields the batches of step, step+1, ...
func (b *Batches) From(_ context.Context, step int) iter.Seq2[trainer.Batch, error] {
	rows := b.task.rows
	perEpoch := (len(b.data.Rows) + rows - 1) / rows
	return tasks.Ahead(b.data.Workers, func(yield func(func() (trainer.Batch, error)) bool) {
		var order []int
		for number := -1; ; step++ {
			if epoch := step / perEpoch; epoch != number {
				number = epoch
				order = rand.New(rand.NewPCG(b.seed, uint64(epoch))).Perm(len(b.data.Rows))
			}
			first := step % perEpoch * rows
			chosen := order[first:min(first+rows, len(order))]
			if !yield(func() (trainer.Batch, error) { return b.make(chosen) }) {
				return
			}
		}
	})
}

func (b *Batches) make(chosen []int) (trainer.Batch, error) {
	in, err := b.task.tensors(b.data, chosen)
	batch := trainer.Batch{Micro: [][]*tensors.Tensor{in}}
	for _, i := range chosen {
		batch.Records = append(batch.Records, b.data.Rows[i].ID)
	}
	return batch, err
}

// tensors makes the inputs of a batch with weights that sum to one. Missing rows have weight zero.
func (p *Task) tensors(data Samples, chosen []int) ([]*tensors.Tensor, error) {
	values := make([]float32, p.rows*p.shape.RowLen())
	if err := data.From.ReadRows(chosen, values[:len(chosen)*p.shape.RowLen()]); err != nil {
		return nil, err
	}
	lengths, labels, shares := make([]int32, p.rows*2), make([]int32, p.rows), make([]float32, p.rows)
	for k, i := range chosen {
		copy(lengths[2*k:], data.Rows[i].Lengths[:])
		labels[k], shares[k] = max(0, data.Labels[i]), 1/float32(len(chosen))
	}
	return []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(values, p.rows, p.shape.Layers, p.shape.Positions, p.shape.Hidden),
		tensors.FromFlatDataAndDimensions(lengths, p.rows, 2), tensors.FromFlatDataAndDimensions(labels, p.rows),
		tensors.FromFlatDataAndDimensions(shares, p.rows),
	}, nil
}

// Predictor predicts labels with each probe.
type Predictor struct {
	task    *Task
	forward *trainer.Forward
}

// NewPredictor returns a predictor; open is Trainer.Forward.
func (p *Task) NewPredictor(open func(name string, inputs int, build trainer.Build) (*trainer.Forward, error)) (*Predictor, error) {
	build := func(s *model.Scope, in []*graph.Node) []*graph.Node {
		logits := make([]*graph.Node, len(p.depths))
		for i, l := range p.depths {
			logits[i] = graph.InsertAxes(p.probe.Logits(s, heads.ProbeInput{Layers: in[0], Lengths: in[1]}, l), 0)
		}
		return []*graph.Node{graph.Concatenate(logits, 0)} // [probes,B,C]
	}
	forward, err := open("predict", len(p.Inputs())-2, build)
	return &Predictor{task: p, forward: forward}, err
}

// Predict returns, for each probe, the index of the predicted label of each example of data.
func (p *Predictor) Predict(data Samples) ([][]int, error) {
	all := make([]int, len(data.Rows))
	for i := range all {
		all[i] = i
	}
	t := p.task
	labels := make([][]int, len(t.depths))
	for part := range slices.Chunk(all, t.rows) {
		in, err := t.tensors(data, part)
		if err != nil {
			return nil, err
		}
		out, err := p.forward.Call(in[:2])
		if err != nil {
			return nil, err
		}
		logits, err := tensors.CopyFlatData[float32](out[0])
		if err != nil {
			return nil, err
		}
		for probe := range t.depths {
			for k := range part {
				made := relation.Prediction{Probabilities: logits[(probe*t.rows+k)*t.probe.Classes:][:t.probe.Classes]}
				labels[probe] = append(labels[probe], made.Label())
			}
		}
	}
	return labels, nil
}
