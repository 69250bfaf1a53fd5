package relation

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

// nano is the smallest encoder in which no dimension is one.
func nano() bert.Config {
	c := bert.Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize, c.MaxPositionEmbeddings = 50, 8, 2, 2, 12, 64
	c.InitializerRange = 0.3
	return c
}

// numbered returns n examples with lengths from 4 to 48.
func numbered(n int) []marked.Row {
	out := make([]marked.Row, n)
	for i := range out {
		ids := make([]int32, 4+i*7%45)
		for j := range ids {
			ids[j] = int32((i + j*j) % 50)
		}
		out[i] = marked.Row{ID: fmt.Sprint(i), IDs: ids, Label: int32(i % 3), Mentions: [2]wordpiece.Span{{Start: 1, End: 2}, {Start: 2, End: 3}}}
	}
	return out
}

func relationOf(t *testing.T, change func(*Config), rows int) *Task {
	t.Helper()
	c := Default()
	c.Sequence, c.Labels, c.Negative = 64, []string{"a", "b", "c"}, "c"
	change(&c)
	r, err := New(nano(), bert.Options{}, c, 3, rows)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// host copies an input to the host.
func host(t *testing.T, x *tensors.Tensor) golden.Tensor {
	t.Helper()
	dims := slices.Clone(x.Shape().Dimensions)
	if ints, err := tensors.CopyFlatData[int32](x); err == nil {
		return golden.Tensor{Shape: dims, Ints: ints}
	}
	floats, err := tensors.CopyFlatData[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	return golden.Floats(floats, dims...)
}

// TestFit checks the lengths that a run pads to: few if compiling is the greater cost, all known ones if it is negligible.
func TestFit(t *testing.T) {
	const built, compiled, accelerated = 2e8, 1.8e11, 2e14
	base, small := bert.Default(), bert.Default()
	small.HiddenSize, small.NumHiddenLayers, small.IntermediateSize = 384, 6, 1536
	for _, tt := range []struct {
		name     string
		bert     bert.Config
		rows     int
		epochs   float64
		perLayer float64
		change   func(*Config)
		want     []int
	}{
		{"nothing", small, 0, 1, compiled, nil, []int{16}},
		{"half a minute", small, 400, 1, compiled, nil, []int{96}},
		{"two minutes", small, 1600, 1, compiled, nil, []int{56, 96}},
		{"an hour", small, 4000, 10, compiled, nil, []int{16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96}},
		{"larger model", base, 400, 1, compiled, nil, []int{56, 96}},
		{"without a compiler", small, 400, 1, built, nil, []int{16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96}},
		{"a second without a compiler", small, 10, 0.05, built, nil, []int{88}},
		{"accelerator", base, 4000, 10, accelerated, nil, []int{96}},
		{"named", small, 400, 1, compiled, func(c *Config) { c.Lengths = []int{20} }, []int{20}},
		{"full", small, 400, 1, compiled, func(c *Config) { c.Padding = PaddingFull }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			if tt.change != nil {
				tt.change(&c)
			}
			if diff := cmp.Diff(tt.want, c.Fit(tt.bert, spread(tt.rows, 10, 89), tt.epochs, tt.perLayer).Lengths); diff != "" {
				t.Errorf("lengths: -want +got\n%s", diff)
			}
		})
	}
}

// TestPredictorFit checks the lengths of predictions: few for few examples, and always one that fits the longest row there may be.
func TestPredictorFit(t *testing.T) {
	for n, want := range map[int][]int{0: nil, 100: {96, 128}, 600: {56, 96, 128}, 50000: {16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 128}} {
		p := predictorOf(t, 128, 1.8e11)
		ahead := p.Fit(spread(n, 10, 89))
		if diff := cmp.Diff(want, p.chosen); diff != "" {
			t.Errorf("%d examples: -want +got\n%s", n, diff)
		}
		if n == 100 && len(ahead) != 1 {
			t.Errorf("%d examples use %d graphs, want that of 96 positions alone", n, len(ahead))
		}
		p.choose(spread(100000, 10, 128))
		if diff := cmp.Diff(want, p.chosen); n > 0 && diff != "" {
			t.Errorf("%d examples, then others: -want +got\n%s", n, diff)
		}
	}
}

// TestPredictorChoice checks the lengths that a predictor uses for examples that come one window after the other.
func TestPredictorChoice(t *testing.T) {
	for _, tt := range []struct {
		name     string
		perLayer float64
		sequence int
		windows  []int // numbers of examples
		want     [][]int
	}{
		{"windows", 1.8e11, 128, []int{32, 64, 128, 256, 512, 16384}, [][]int{{88}, {88}, {48, 88, 128}, {48, 88, 128}, {32, 48, 72, 88, 128}, {16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 128}}},
		{"one large window", 1.8e11, 128, []int{2048}, [][]int{{32, 48, 64, 80, 96}}},
		{"accelerator", 2e14, 128, []int{32, 4096, 65536}, [][]int{{128}, {128}, {96, 128}}},
		{"without a compiler", 2e8, 128, []int{32}, [][]int{{16, 24, 32, 40, 48, 56, 64, 72, 80, 88}}},
		{"long rows that may come cost more than compiling", 1.8e11, 512, []int{320}, [][]int{{56, 96}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := predictorOf(t, tt.sequence, tt.perLayer)
			for i, n := range tt.windows {
				p.choose(spread(n, 10, 89))
				if diff := cmp.Diff(tt.want[i], p.chosen); diff != "" {
					t.Errorf("after window %d: -want +got\n%s", i, diff)
				}
			}
		})
	}
}

// TestPredictorRegret bounds what windows cost together, in padded positions and compilations, by what the lengths cost that
// are the best for all of them.
func TestPredictorRegret(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		p := predictorOf(t, 16+random.IntN(497), math.Pow(10, 8+7*random.Float64()))
		longest, total, cost := 10+random.IntN(p.task.sequence()-9), make([]int, len(p.lengths)), 0.0
		for range 1 + random.IntN(12) {
			rows := spread(1+random.IntN(2048), 4, longest)
			p.choose(rows)
			for i, n := range count(p.lengths, rows) {
				total[i] += n
				if n > 0 {
					cost += float64(n * fits(p.chosen, p.lengths[i]))
				}
			}
		}
		cost += p.each * float64(len(p.chosen))
		best := 0.0
		found := cheapest(p.lengths, total, func(int) float64 { return p.each })
		for i, n := range total {
			if n > 0 {
				best += float64(n * fits(found, p.lengths[i]))
			}
		}
		best += p.each * float64(len(found))
		if cost > 2.25*best { // another compilation, and an eighth of one as padding
			t.Errorf("lengths %d cost %.0f positions, want at most 2.25 times the %.0f of %d", p.chosen, cost, best, found)
		}
	}
}

// TestPredictorBegin: the lengths for a set of examples do not depend on the sets before; one of many sets has more of them.
func TestPredictorBegin(t *testing.T) {
	fresh, used := predictorOf(t, 128, 1.8e11), predictorOf(t, 128, 1.8e11)
	used.choose(spread(100000, 10, 128))
	var lengths [3][]int
	for i, p := range []*Predictor{fresh.Begin(1), used.Begin(1), used.Begin(16)} {
		p.choose(spread(500, 10, 89))
		lengths[i] = p.chosen
	}
	if diff := cmp.Diff(lengths[0], lengths[1]); diff != "" {
		t.Errorf("-after nothing +after other examples\n%s", diff)
	}
	if len(lengths[2]) <= len(lengths[0]) {
		t.Errorf("one of 16 sets uses %d, one alone %d", lengths[2], lengths[0])
	}
	fixed := predictorOf(t, 128, 1.8e11)
	fixed.Fit(spread(100, 10, 89))
	begun := fixed.Begin(1)
	begun.choose(spread(100000, 10, 128))
	if diff := cmp.Diff(fixed.chosen, begun.chosen); diff != "" {
		t.Errorf("-Fit +Begin after it\n%s", diff)
	}
}

// predictorOf returns a predictor of MiniLM's size.
func predictorOf(t *testing.T, sequence int, perLayer float64) *Predictor {
	t.Helper()
	c := Default()
	c.Sequence = sequence
	small := bert.Default()
	small.HiddenSize, small.NumHiddenLayers, small.IntermediateSize = 384, 6, 1536
	r, err := New(small, bert.Options{}, c, 2, 32)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.NewPredictor(func(string, int, trainer.Build) (*trainer.Forward, error) { return nil, nil }, perLayer)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// spread returns n examples with lengths from least to most.
func spread(n, least, most int) []marked.Row {
	out := make([]marked.Row, n)
	for i := range out {
		out[i].IDs = make([]int32, least+i*37%(most+1-least))
	}
	return out
}

// TestGroupedEpoch expects every example once per epoch, full batches except one, rows no longer than necessary, a
// different order each epoch, and the same batches from every starting step.
func TestGroupedEpoch(t *testing.T) {
	for _, padding := range []string{PaddingGrouped, PaddingFull} {
		t.Run(padding, func(t *testing.T) {
			r := relationOf(t, func(c *Config) { c.Padding = padding }, 4)
			b := r.Batches(numbered(103), 8, 5, 2)
			if diff := cmp.Diff(b.order(1), b.order(1)); diff != "" {
				t.Error("the same epoch twice\n" + diff)
			}
			if cmp.Equal(b.order(0), b.order(1)) {
				t.Error("two epochs have the same order")
			}
			short := 0
			for epoch := range 3 {
				var seen []int
				for _, batch := range b.order(epoch) {
					seen = append(seen, batch...)
					if len(batch) < 8 {
						short++
					}
				}
				slices.Sort(seen)
				want := make([]int, 103)
				for i := range want {
					want[i] = i
				}
				if diff := cmp.Diff(want, seen); diff != "" {
					t.Errorf("epoch %d (-want +got)\n%s", epoch, diff)
				}
			}
			if short != 3 {
				t.Errorf("%d short batches in three epochs, want 3", short)
			}
			if n := len(b.order(0)); n != 13 {
				t.Errorf("%d batches, want 13", n)
			}
			p := b.Padding(0)
			if padding == PaddingFull && (p.Positions != p.Full || len(p.Lengths) != 1) {
				t.Errorf("full: %+v", p)
			}
			if p.Tokens > p.Positions {
				t.Errorf("%d tokens on %d positions", p.Tokens, p.Positions)
			}
			if padding == PaddingGrouped && (float64(p.Positions) > 1.4*float64(p.Tokens) || len(p.Lengths) > 5) {
				t.Errorf("grouped: %+v", p)
			}
		})
	}
}

// TestRowsHoldTheirExamples expects every example whole in its row, in the shortest rows that fit its microbatch.
func TestRowsHoldTheirExamples(t *testing.T) {
	r := relationOf(t, func(*Config) {}, 4)
	for _, e := range numbered(40) {
		in := r.tensors([]marked.Row{e}, 1)
		length := in[0].Shape().Dim(1)
		if length < len(e.IDs) || length != fits(r.lengths, len(e.IDs)) {
			t.Errorf("%d ids in a row of %d positions, lengths %v", len(e.IDs), length, r.lengths)
		}
		row := tensors.MustCopyFlatData[int32](in[0])[:length]
		if diff := cmp.Diff(e.IDs, row[:min(length, len(e.IDs))]); diff != "" {
			t.Errorf("(-example +row)\n%s", diff)
		}
	}
}

// TestBatchesResume compares step 17 when read from the start and from step 17.
func TestBatchesResume(t *testing.T) {
	b := relationOf(t, func(*Config) {}, 4).Batches(numbered(50), 8, 5, 2)
	records := func(from, n int) (out [][]string) {
		for batch, err := range b.From(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			if out = append(out, batch.Records); len(out) == n {
				break
			}
		}
		return out
	}
	if diff := cmp.Diff(records(0, 20)[17:], records(17, 3)); diff != "" {
		t.Error("(-from the start +from step 17)\n" + diff)
	}
}

// TestGroupedEqualsPadded compares the loss of a batch and every gradient, once padded to the length that its rows need
// and once to the maximum. A padded position has the weight exp(-1e9) = 0 in every sum; the remaining difference is the
// order of summation of products over 64 positions instead of 16, in float32.
func TestGroupedEqualsPadded(t *testing.T) {
	examples := numbered(60)
	examples = slices.DeleteFunc(examples, func(e marked.Row) bool { return len(e.IDs) > 15 })[:4]
	for _, pooling := range []string{"cls", "attention", "mean", "mention", "lstm", "bilstm"} {
		t.Run(pooling, func(t *testing.T) {
			run := func(padding string) golden.Tensors {
				r := relationOf(t, func(c *Config) { c.Padding, c.Pooling = padding, pooling }, 4)
				params := golden.Tensors{}
				for _, p := range r.Parameters() {
					params[p.Name] = golden.Floats(weights.Initialize(3, p), p.Shape...)
				}
				inputs := golden.Tensors{}
				in := r.tensors(examples, 0.25)
				if got, want := in[0].Shape().Dim(1), map[string]int{PaddingGrouped: 16, PaddingFull: 64}[padding]; got != want {
					t.Fatalf("%s: rows of %d positions, want %d", padding, got, want)
				}
				for i, x := range in {
					inputs[fmt.Sprint(i)] = host(t, x)
				}
				return parity.Run(t, parity.Store(t, params), inputs, func(s *model.Scope, in parity.Nodes) parity.Nodes {
					var nodes []*graph.Node
					for _, name := range slices.Sorted(maps.Keys(in)) {
						nodes = append(nodes, in[name])
					}
					loss, _ := r.Loss(s, nil, nodes)
					out := parity.Nodes{"loss": loss}
					out.Gradients(s, loss)
					return out
				})
			}
			full, grouped := run(PaddingFull), run(PaddingGrouped)
			for _, fault := range golden.Diff(full, grouped, golden.Tolerance{Relative: 3e-6, Absolute: 1e-8}) {
				t.Error(fault)
			}
		})
	}
}

// TestPositionsAreNotGrouped expects rows of one length if a pooling reads the padding.
func TestPositionsAreNotGrouped(t *testing.T) {
	r := relationOf(t, func(c *Config) { c.Pooling, c.Relation.Mask = "attention", "positions" }, 4)
	if !slices.Equal(r.lengths, []int{64}) {
		t.Errorf("lengths %d, want 64 alone", r.lengths)
	}
	r = relationOf(t, func(c *Config) { c.Lengths, c.Sequence = []int{48, 20, 96}, 50 }, 4)
	if want := []int{20, 48, 50}; !slices.Equal(r.lengths, want) {
		t.Errorf("lengths %d, want %d", r.lengths, want)
	}
}

// TestPredictKeepsOrder predicts examples of all lengths together and one by one.
func TestPredictKeepsOrder(t *testing.T) {
	r := relationOf(t, func(c *Config) { c.Pooling = "attention" }, 4)
	store, err := tasks.Create(r.Parameters(), 1)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.NewPredictor(func(name string, inputs int, build trainer.Build) (*trainer.Forward, error) {
		return trainer.NewForward(backend, store, 1, name, inputs, build)
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	predict := func(examples []marked.Row) (out []Prediction) {
		for made, err := range p.Predict(t.Context(), examples) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, made)
		}
		return out
	}
	examples := numbered(11)
	var done []int
	p.Done = func(n int) { done = append(done, n) }
	together := predict(examples)
	if diff := cmp.Diff([]int{4, 8, 11}, done); diff != "" {
		t.Errorf("numbers of predicted examples: -want +got\n%s", diff)
	}
	for i, made := range together {
		alone := predict(examples[i : i+1])[0]
		if len(made.Attention) != len(examples[i].IDs) || len(made.Probabilities) != 3 {
			t.Errorf("example %d: %d weights and %d probabilities", i, len(made.Attention), len(made.Probabilities))
		}
		for l, v := range made.Probabilities {
			if d := v - alone.Probabilities[l]; d > 1e-6 || d < -1e-6 { // another length changes the order of summation
				t.Errorf("example %d: %v, alone %v", i, made.Probabilities, alone.Probabilities)
			}
		}
	}
}

// TestClassWeights expects torch's weighted mean: each example has the weight of its label, divided by the sum of weights.
func TestClassWeights(t *testing.T) {
	r := relationOf(t, func(c *Config) { c.ClassWeights = ClassWeights{Of: map[string]float64{"b": 3}} }, 4)
	b := r.Batches(numbered(4), 4, 1, 1) // labels 0 1 2 0
	batch := b.make([]int{0, 1, 2, 3})
	got := host(t, batch.Micro[0][len(batch.Micro[0])-1]).Floats
	want := []float32{1. / 6, 3. / 6, 1. / 6, 1. / 6}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float32) bool { return a-b < 1e-7 && b-a < 1e-7 })); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
	c := Default()
	c.ClassWeights = ClassWeights{Of: map[string]float64{"z": 2}}
	if _, err := New(nano(), bert.Options{}, c, 3, 4); err == nil {
		t.Error("a weight of a label that is not there was accepted")
	}
}

// TestTuningRates checks the rates of a four-layer encoder.
func TestTuningRates(t *testing.T) {
	tests := []struct {
		name      string
		tuning    Tuning
		parameter string
		want      float64
	}{
		{"head", Tuning{LayerDecay: 0.5}, "classifier.weight", 1},
		{"pooler", Tuning{LayerDecay: 0.5}, "bert.pooler.dense.weight", 1},
		{"last layer", Tuning{LayerDecay: 0.5}, "bert.encoder.layer.3.output.dense.weight", 0.5},
		{"first layer", Tuning{LayerDecay: 0.5}, "bert.encoder.layer.0.output.dense.weight", 0.0625},
		{"embeddings", Tuning{LayerDecay: 0.5}, "bert.embeddings.LayerNorm.bias", 0.03125},
		{"off", Tuning{LayerDecay: 1}, "bert.embeddings.LayerNorm.bias", 1},
		{"frozen embeddings", Tuning{LayerDecay: 1, FreezeEmbeddings: true}, "bert.embeddings.LayerNorm.bias", 0},
		{"frozen layer", Tuning{LayerDecay: 0.5, FreezeLayers: 2}, "bert.encoder.layer.1.output.dense.weight", 0},
		{"above the frozen", Tuning{LayerDecay: 0.5, FreezeLayers: 2}, "bert.encoder.layer.2.output.dense.weight", 0.25},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.tuning.rate(test.parameter, 4); got != test.want {
				t.Errorf("rate %g, want %g", got, test.want)
			}
		})
	}
}

// TestFrozenStays makes one update: frozen parameters keep their bits and have no moments, and parameters with half the
// rate move half as far.
func TestFrozenStays(t *testing.T) {
	trained := func(tuning Tuning) map[string][]float32 {
		r := relationOf(t, func(c *Config) { c.Tuning = tuning }, 4)
		store, err := tasks.Create(r.Parameters(), 1)
		if err != nil {
			t.Fatal(err)
		}
		backend, err := parity.Backend()
		if err != nil {
			t.Fatal(err)
		}
		steps, err := schedule.New(schedule.Config{Kind: schedule.Linear, Steps: 1}, 0)
		if err != nil {
			t.Fatal(err)
		}
		o := optim.Default()
		o.LearningRate, o.WeightDecay = 1e-2, 0.01
		plan := trainer.Plan{Schedule: steps, Optimizer: o, Batch: 4, MicroBatch: 4, Sequence: 64, Devices: 1,
			Recording: trainer.Recording{EverySteps: 1}, Run: trainer.DefaultRun()}
		tr, err := trainer.New(backend, store, r, plan)
		if err != nil {
			t.Fatal(err)
		}
		tr.Recorder = metrics.Tee{}
		if err := tr.Train(t.Context(), r.Batches(numbered(12), 4, 1, 1)); err != nil {
			t.Fatal(err)
		}
		state, err := tr.State()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]float32{}
		for i, p := range state.Parameters {
			out[p.Name] = slices.Concat(p.Data, state.M[i].Data)
		}
		return out
	}
	const words, first, last = "bert.embeddings.word_embeddings.weight", "bert.encoder.layer.0.output.dense.weight", "bert.encoder.layer.1.output.dense.weight"
	start := map[string][]float32{}
	for _, p := range relationOf(t, func(*Config) {}, 4).Parameters() {
		start[p.Name] = append(weights.Initialize(1, p), make([]float32, p.Size())...)
	}
	frozen := trained(Tuning{LayerDecay: 1, FreezeEmbeddings: true, FreezeLayers: 1})
	for _, name := range []string{words, first} {
		if !slices.Equal(frozen[name], start[name]) {
			t.Errorf("%s is frozen and changed", name)
		}
	}
	if slices.Equal(frozen[last], start[last]) {
		t.Errorf("%s is not frozen and did not change", last)
	}
	whole, half := trained(Tuning{LayerDecay: 1}), trained(Tuning{LayerDecay: 0.5})
	for i := range 8 {
		got, want := float64(half[last][i]-start[last][i]), 0.5*float64(whole[last][i]-start[last][i])
		if d := got - want; d > 1e-7 || d < -1e-7 { // float32 values near 0.3
			t.Errorf("%s[%d] moved by %g, want %g", last, i, got, want)
		}
	}
}
