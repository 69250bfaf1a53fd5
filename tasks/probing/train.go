package probing

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute"

	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/activations"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

// Probes trains one group of probes repeatedly, with different seeds and data, in one compiled graph.
type Probes struct {
	task      *Task
	plan      trainer.Plan
	trainer   *trainer.Trainer
	predictor *Predictor
}

// NewProbes prepares to train probes of the given depths on activations of the given shape.
func NewProbes(backend compute.Backend, p heads.Probe, depths []int, shape activations.Header, plan trainer.Plan) (*Probes, error) {
	task, err := New(p, depths, shape, plan.Batch)
	if err != nil {
		return nil, err
	}
	store, err := tasks.Create(task.Parameters(), 0)
	if err != nil {
		return nil, err
	}
	t, err := trainer.New(backend, store, task, plan)
	if err != nil {
		return nil, err
	}
	predictor, err := task.NewPredictor(t.Forward)
	return &Probes{task: task, plan: plan, trainer: t, predictor: predictor}, err
}

// Trained is the result of training one probe.
type Trained struct {
	Depth     int       // l
	Share     []float64 // softmax(alpha) for layers 0 to l
	Gamma     float64
	Loss      float64 // mean cross entropy in the last report of the last epoch, in nats
	Predicted []int   // index of the predicted label of each test example, in order
}

// Train trains the probes on train and predicts test. seed determines the initial values and the order of the examples.
func (p *Probes) Train(ctx context.Context, train, test Samples, seed uint32) ([]Trained, error) {
	if err := p.trainer.Restore(p.start(seed)); err != nil {
		return nil, err
	}
	losses := lastLosses{}
	p.trainer.Recorder = losses
	if err := p.trainer.Train(ctx, p.task.Batches(train, uint64(seed))); err != nil {
		return nil, err
	}
	predicted, err := p.predictor.Predict(test)
	if err != nil {
		return nil, err
	}
	state, err := p.trainer.State()
	if err != nil {
		return nil, err
	}
	values := map[string][]float32{}
	for _, a := range state.Parameters {
		values[a.Name] = a.Data
	}
	out := make([]Trained, len(p.task.depths))
	for i, l := range p.task.depths {
		out[i] = Trained{
			Depth: l, Predicted: predicted[i], Loss: losses[fmt.Sprintf("probe_%d_loss", l)],
			Share: softmax(values[fmt.Sprintf("probe.%d.mix.alpha", l)]),
			Gamma: float64(values[fmt.Sprintf("probe.%d.mix.gamma", l)][0]),
		}
	}
	return out, nil
}

// start returns the state before the first step: parameters drawn with seed, moments zero.
func (p *Probes) start(seed uint32) *trainer.State {
	state := &trainer.State{}
	for _, w := range p.task.Parameters() {
		add := func(to *[]trainer.Array, values []float32) {
			*to = append(*to, trainer.Array{Name: w.Name, Shape: w.Shape, Data: values})
		}
		add(&state.Parameters, weights.Initialize(uint64(seed), w))
		add(&state.M, make([]float32, w.Size()))
		add(&state.V, make([]float32, w.Size()))
	}
	return state
}

// lastLosses is a Recorder that keeps the newest value of each name.
type lastLosses map[string]float64

// Record keeps values.
func (l lastLosses) Record(_ int, values ...metrics.Value) error {
	for _, v := range values {
		l[v.Name] = v.Value
	}
	return nil
}

// Close does nothing.
func (l lastLosses) Close() error { return nil }

func softmax(x []float32) []float64 {
	top, sum := float64(slices.Max(x)), 0.0
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.Exp(float64(v) - top)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// ShuffledLabels returns labels in a random order drawn with seed.
func ShuffledLabels(labels []int32, seed uint32) []int32 {
	out := slices.Clone(labels)
	rand.New(rand.NewPCG(uint64(seed), shuffling)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// shuffling makes the order of labels independent of the order of examples, which the same seed draws.
const shuffling = 1 << 32
