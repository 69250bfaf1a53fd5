package tasks

import (
	"errors"
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
	"github.com/subbert/subbert/tasks/activations"
	"github.com/subbert/subbert/trainer"
)

// Controls beside the probes of the encoder in question.
const (
	ControlRandom   = "random"   // an encoder of the same shape that learned nothing
	ControlShuffled = "shuffled" // training labels in another order: what a probe gets from label frequencies alone
)

// ActivationsNone is the value of ProbeConfig.Activations that keeps nothing: the encoder runs for every batch.
const ActivationsNone = "none"

// ProbeConfig is the [task.probe] table of a run.
type ProbeConfig struct {
	heads.Probe
	Layers      []int    `toml:"layers"`      // the l of the probes; empty: 0 to the encoder's last
	Controls    []string `toml:"controls"`    // some of "random", "shuffled"
	Activations string   `toml:"activations"` // kept as "float16" or "float32", or "none"
	Together    int      `toml:"together"`    // probes of one graph; 0: as many as fit in half a gigabyte
}

// DefaultProbe is the paper's probe with both controls.
func DefaultProbe() *ProbeConfig {
	return &ProbeConfig{
		Probe: heads.DefaultProbe(), Controls: []string{ControlRandom, ControlShuffled}, Activations: activations.Float16,
	}
}

// Validate returns every fault of c at once.
func (c *ProbeConfig) Validate() error {
	probe := c.Probe
	probe.Classes = 2 // known once the labels are
	faults := []error{probe.Validate()}
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if twice(c.Layers) || twice(c.Controls) {
		fault("layers %v, controls %q: one of them is named twice", c.Layers, c.Controls)
	}
	for _, name := range c.Controls {
		if name != ControlRandom && name != ControlShuffled {
			fault("controls: unknown %q, want %s or %s", name, ControlRandom, ControlShuffled)
		}
	}
	if !slices.Contains([]string{activations.Float16, activations.Float32, ActivationsNone}, c.Activations) {
		fault("activations: unknown %q, want %s, %s or %s", c.Activations, activations.Float16, activations.Float32, ActivationsNone)
	}
	if c.Together < 0 {
		fault("together = %d: want no negative number", c.Together)
	}
	return errors.Join(faults...)
}

func twice[T comparable](values []T) bool {
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			return true
		}
	}
	return false
}

// Depths is the l of every probe of an encoder of so many layers, in ascending order.
func (c *ProbeConfig) Depths(layers int) ([]int, error) {
	if len(c.Layers) == 0 {
		all := make([]int, layers+1)
		for l := range all {
			all[l] = l
		}
		return all, nil
	}
	for _, l := range c.Layers {
		if l < 0 || l > layers {
			return nil, fmt.Errorf("task.probe.layers: %d, but the encoder has layers 0 (embeddings) to %d", l, layers)
		}
	}
	return slices.Sorted(slices.Values(c.Layers)), nil
}

// stateBytes is how much of parameters and moments one graph may hold.
const stateBytes = 512 << 20

// Groups splits depths into those that are trained in one graph. Several pay: the activations of a batch are read once
// for all of them. They are as many as the state of stateBytes has room for, at least one.
func (c *ProbeConfig) Groups(depths []int, hidden, positions int) [][]int {
	if c.Together > 0 {
		return slices.Collect(slices.Chunk(depths, c.Together))
	}
	var groups [][]int
	room := 0
	for _, l := range depths {
		size := 0
		for _, p := range c.Probe.Parameters(l, hidden, positions) {
			size += 12 * p.Size() // a value and two moments of four bytes
		}
		if len(groups) == 0 || size > room {
			groups, room = append(groups, nil), stateBytes
		}
		last := len(groups) - 1
		groups[last], room = append(groups[last], l), room-size
	}
	return groups
}

// Activations gives the activations of examples, by number. It may be called from several goroutines.
type Activations interface {
	// ReadRows puts the activations [L+1,P,H] of each of rows into dst.
	ReadRows(rows []int, dst []float32) error
}

// Probing trains probes of several depths on the same activations. Their parameters are apart and their losses add up, so
// none learns otherwise than alone, provided the optimizer does not clip by the norm of all.
type Probing struct {
	probe  heads.Probe
	depths []int // the l of each
	shape  activations.Header
	rows   int // B
}

// NewProbing prepares to train probes of those depths on activations of that shape, in batches of rows.
func NewProbing(p heads.Probe, depths []int, shape activations.Header, rows int) (*Probing, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("task.probe: %w", err)
	}
	return &Probing{probe: p, depths: depths, shape: shape, rows: rows}, nil
}

// Parameters lists what the probes train.
func (p *Probing) Parameters() []weights.Parameter {
	var all []weights.Parameter
	for _, l := range p.depths {
		all = append(all, p.probe.Parameters(l, p.shape.Hidden, p.shape.Positions)...)
	}
	return all
}

// Inputs are activations [B,L+1,P,H], lengths [B,2], labels and weights [B].
func (p *Probing) Inputs() []shapes.Shape {
	return []shapes.Shape{
		shapes.Make(dtypes.Float32, p.rows, p.shape.Layers, p.shape.Positions, p.shape.Hidden), shapes.Make(dtypes.Int32, p.rows, 2),
		shapes.Make(dtypes.Int32, p.rows), shapes.Make(dtypes.Float32, p.rows),
	}
}

// Loss is the sum of the probes' cross entropies. The values observed are probe_<l>_loss.
func (p *Probing) Loss(s *model.Scope, _ *trainer.Moment, in []*graph.Node) (*graph.Node, []trainer.Observed) {
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

// ProbeData is what probes learn from or are tried on.
type ProbeData struct {
	From    Activations
	Rows    []ProbeRow // by number
	Labels  []int32    // of each
	Workers int        // goroutines that make batches
}

// ProbeBatches are examples in an order of their own each epoch.
type ProbeBatches struct {
	task *Probing
	data ProbeData
	seed uint64
}

// Batches gives batches of data in the order of seed. An epoch shows every example once; its last batch may be smaller.
func (p *Probing) Batches(data ProbeData, seed uint64) *ProbeBatches {
	return &ProbeBatches{task: p, data: data, seed: seed}
}

// From yields the batches of step, step+1, ...
func (b *ProbeBatches) From(step int) iter.Seq2[trainer.Batch, error] {
	rows := b.task.rows
	perEpoch := (len(b.data.Rows) + rows - 1) / rows
	return ahead(b.data.Workers, func(yield func(func() (trainer.Batch, error)) bool) {
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

func (b *ProbeBatches) make(chosen []int) (trainer.Batch, error) {
	in, err := b.task.tensors(b.data, chosen)
	batch := trainer.Batch{Micro: [][]*tensors.Tensor{in}}
	for _, i := range chosen {
		batch.Records = append(batch.Records, b.data.Rows[i].ID)
	}
	return batch, err
}

// tensors makes the inputs of a batch whose weights add up to one. Rows that are lacking weigh nothing.
func (p *Probing) tensors(data ProbeData, chosen []int) ([]*tensors.Tensor, error) {
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

// ProbePredictor says which label each probe gives.
type ProbePredictor struct {
	task    *Probing
	forward *trainer.Forward
}

// NewPredictor prepares to predict; open is Trainer.Forward.
func (p *Probing) NewPredictor(open func(name string, inputs int, build trainer.Build) (*trainer.Forward, error)) (*ProbePredictor, error) {
	build := func(s *model.Scope, in []*graph.Node) []*graph.Node {
		logits := make([]*graph.Node, len(p.depths))
		for i, l := range p.depths {
			logits[i] = graph.InsertAxes(p.probe.Logits(s, heads.ProbeInput{Layers: in[0], Lengths: in[1]}, l), 0)
		}
		return []*graph.Node{graph.Concatenate(logits, 0)} // [probes,B,C]
	}
	forward, err := open("predict", len(p.Inputs())-2, build)
	return &ProbePredictor{task: p, forward: forward}, err
}

// Predict returns, for each probe, the index of the label it gives each example of data.
func (p *ProbePredictor) Predict(data ProbeData) ([][]int, error) {
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
				made := Prediction{Probabilities: logits[(probe*t.rows+k)*t.probe.Classes:][:t.probe.Classes]}
				labels[probe] = append(labels[probe], made.Label())
			}
		}
	}
	return labels, nil
}
