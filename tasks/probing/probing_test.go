package probing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks/activations"
	"github.com/subbert/subbert/tasks/relation"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

// constructed returns an encoder with layers that return their input, except for one layer, the carrier, which adds the
// mean of all positions to every position. With blank, the output of layer 1 and all later layers is the same for every
// sentence.
func constructed(t *testing.T, carries int, blank bool) (bert.Config, *model.Store) {
	t.Helper()
	c := bert.Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize, c.MaxPositionEmbeddings = 24, 16, 3, 2, 8, 16
	store := model.NewStore()
	for _, p := range bert.Parameters(c) {
		p.Spread = 1
		values := weights.Initialize(5, p)
		layer := func(l int, rest string) bool { return p.Name == fmt.Sprintf("bert.encoder.layer.%d.%s", l, rest) }
		switch {
		case !strings.HasPrefix(p.Name, "bert.encoder"):
			if strings.Contains(p.Name, "position") || strings.Contains(p.Name, "token_type") {
				clear(values)
			}
		case layer(carries-1, "attention.self.value.weight"), layer(carries-1, "attention.output.dense.weight"):
			clear(values)
			for i := range c.HiddenSize {
				values[i*c.HiddenSize+i] = 2
			}
		case blank && layer(0, "output.LayerNorm.weight"):
			clear(values)
		case !strings.Contains(p.Name, "LayerNorm"):
			clear(values)
		}
		if err := weights.Create(store, p, values); err != nil {
			t.Fatal(err)
		}
	}
	return c, store
}

// sentences returns rows of 12 positions with two mentions. The token 20 + label determines the label. It is in the
// first mention if inside is set, else outside the mentions. All other tokens of mentions are 3.
func sentences(n int, seed uint64, inside bool) []marked.Row {
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]marked.Row, n)
	for i := range out {
		e := marked.Row{ID: fmt.Sprint(i), Label: int32(rng.IntN(2)), IDs: []int32{1}}
		for range 10 {
			e.IDs = append(e.IDs, 4+rng.Int32N(4))
		}
		e.IDs = append(e.IDs, 2)
		e.Mentions = [2]wordpiece.Span{{Start: 2, End: 4}, {Start: 7, End: 8}}
		for _, m := range e.Mentions {
			for p := m.Start; p < m.End; p++ {
				e.IDs[p] = 3
			}
		}
		told := []int{1, 5, 9}[rng.IntN(3)]
		if inside {
			told = 3
		}
		e.IDs[told] = 20 + e.Label
		out[i] = e
	}
	return out
}

// nanoProbing trains the probes of every layer of an encoder on n sentences and tests them on n others.
type nanoProbing struct {
	config  bert.Config
	encoder *FrozenEncoder
	rows    [2][]Row
	labels  [2][]int32
	plan    trainer.Plan
}

func newNanoProbing(t *testing.T, c bert.Config, store *model.Store, input string, inside bool, epochs float64) *nanoProbing {
	t.Helper()
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	p := &nanoProbing{config: c}
	for i := range p.rows {
		examples := sentences(96, uint64(i+1), inside)
		p.rows[i] = Rows(input, examples, 12, 0)
		for _, e := range examples {
			p.labels[i] = append(p.labels[i], e.Label)
		}
	}
	if p.encoder, err = NewFrozenEncoder(backend, store, c, bert.Options{}, input, p.rows[0][0], 12, 40); err != nil {
		t.Fatal(err)
	}
	steps, err := schedule.New(schedule.Config{Kind: schedule.Constant, Epochs: epochs}, 6)
	if err != nil {
		t.Fatal(err)
	}
	o := optim.Default()
	o.LearningRate, o.ClipNorm = 5e-3, 0
	p.plan = trainer.Plan{Schedule: steps, Optimizer: o, Batch: 16, MicroBatch: 16, Sequence: 12, Devices: 1, Recording: trainer.Recording{EverySteps: 100}, Run: trainer.DefaultRun()}
	return p
}

// train trains groups of probes on activations from.
func (p *nanoProbing) train(t *testing.T, input string, groups [][]int, from [2]Activations) []Trained {
	t.Helper()
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	head := heads.Probe{Input: input, Projection: 8, Hidden: 12, Classes: 2}
	var out []Trained
	for _, depths := range groups {
		probes, err := NewProbes(backend, head, depths, p.encoder.Header("", activations.Float32, p.rows[0]), p.plan)
		if err != nil {
			t.Fatal(err)
		}
		// Earlier seeds must not matter: the graph is the same, and the state is reset.
		for _, seed := range []uint32{9, 1} {
			learn := Samples{From: from[0], Rows: p.rows[0], Labels: p.labels[0], Workers: 2}
			try := Samples{From: from[1], Rows: p.rows[1], Labels: p.labels[1]}
			trained, err := probes.Train(t.Context(), learn, try, seed)
			if err != nil {
				t.Fatal(err)
			}
			if seed == 1 {
				out = append(out, trained...)
			}
		}
	}
	return out
}

// live returns activations that are encoded again for every batch.
func (p *nanoProbing) live() [2]Activations {
	return [2]Activations{p.encoder.Live(p.rows[0]), p.encoder.Live(p.rows[1])}
}

func (p *nanoProbing) accuracy(trained []Trained) []float64 {
	var out []float64
	for _, one := range trained {
		right := 0
		for i, l := range one.Predicted {
			if int32(l) == p.labels[1][i] {
				right++
			}
		}
		out = append(out, 100*float64(right)/float64(len(one.Predicted)))
	}
	return out
}

// TestDeltaPointsAtTheLayer checks that if the label is readable only after layer k mixes the positions, Delta_k has the
// jump and the expected layer is k. If only the embeddings contain it, P_0 is perfect and the mix prefers the embeddings.
func TestDeltaPointsAtTheLayer(t *testing.T) {
	for k := range 4 {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			c, store := constructed(t, k, k == 0)
			p := newNanoProbing(t, c, store, heads.ProbeSpans, k == 0, 12)
			before, err := p.encoder.Hash()
			if err != nil {
				t.Fatal(err)
			}
			trained := p.train(t, heads.ProbeSpans, [][]int{{0, 1, 2, 3}}, p.live())
			scores := p.accuracy(trained)
			t.Logf("accuracy by layer %.0f, shares %.2f", scores, trained[3].Share)
			series, err := evaluate.LayersOf([][]float64{scores}, []int{0, 1, 2, 3})
			if err != nil {
				t.Fatal(err)
			}
			for l, s := range scores {
				if l < k && s > 70 || l >= k && s < 95 {
					t.Errorf("layer %d: accuracy %.0f, want chance before layer %d and nearly all from there", l, s, k)
				}
			}
			if k > 0 && math.Abs(series.Expected.Mean-float64(k)) > 0.5 {
				t.Errorf("expected layer %.2f, want %d", series.Expected.Mean, k)
			}
			if k == 0 && slices.Max(trained[3].Share) != trained[3].Share[0] {
				t.Errorf("shares %v, want most of the embeddings", trained[3].Share)
			}
			after, err := p.encoder.Hash()
			if err != nil || after != before {
				t.Errorf("the encoder changed: %s, %s, %v", before, after, err)
			}
		})
	}
}

// TestCachedEqualsUncached checks that activations stored in float32 train the same probes as encoding every batch, and
// those in float16 nearly the same. The encoder sums the same products in any batch, so float32 differs only by the order
// of summation in the backend.
func TestCachedEqualsUncached(t *testing.T) {
	for _, input := range []string{heads.ProbeSpans, heads.ProbeAll, heads.ProbeCLS} {
		c, store := constructed(t, 2, false)
		p := newNanoProbing(t, c, store, input, false, 2)
		groups := [][]int{{0, 2}, {3}}
		want := p.train(t, input, groups, p.live())
		for kind, tolerance := range map[string]float64{activations.Float32: 1e-5, activations.Float16: 1e-2} {
			t.Run(input+"/"+kind, func(t *testing.T) {
				dir := t.TempDir()
				got := p.train(t, input, groups, p.kept(t, dir, kind, len(p.rows[0])))
				p.kept(t, dir, kind, 0) // the second time no example is encoded
				for i := range want {
					if apart := math.Abs(want[i].Loss-got[i].Loss) / want[i].Loss; apart > tolerance {
						t.Errorf("probe %d: loss %g, uncached %g", i, got[i].Loss, want[i].Loss)
					}
					if kind == activations.Float32 {
						if diff := cmp.Diff(want[i].Predicted, got[i].Predicted); diff != "" {
							t.Errorf("probe %d (-uncached +cached)\n%s", i, diff)
						}
					}
				}
			})
		}
	}
}

// kept opens the activations of both halves in dir and checks the number of examples of each that are encoded.
func (p *nanoProbing) kept(t *testing.T, dir, kind string, encoded int) (from [2]Activations) {
	t.Helper()
	hash, err := p.encoder.Hash()
	if err != nil {
		t.Fatal(err)
	}
	for i, rows := range p.rows {
		last := 0
		cache, err := p.encoder.Keep(dir, p.encoder.Header(hash, kind, rows), rows, func(done int) error { last = done; return nil })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cache.Close() })
		if last != encoded {
			t.Errorf("%d examples encoded, want %d", last, encoded)
		}
		from[i] = cache
	}
	return from
}

// TestTogetherEqualsAlone checks that a probe learns the same in its own graph and in a graph with others.
func TestTogetherEqualsAlone(t *testing.T) {
	c, store := constructed(t, 1, false)
	p := newNanoProbing(t, c, store, heads.ProbeSpans, false, 2)
	together := p.train(t, heads.ProbeSpans, [][]int{{0, 1, 3}}, p.live())
	alone := p.train(t, heads.ProbeSpans, [][]int{{0}, {1}, {3}}, p.live())
	for i := range alone {
		if apart := math.Abs(alone[i].Loss-together[i].Loss) / alone[i].Loss; apart > 1e-5 {
			t.Errorf("probe of layer %d: loss %g together, %g alone", alone[i].Depth, together[i].Loss, alone[i].Loss)
		}
	}
}

// TestRows checks mentions side by side, a mention that was cut off, and a mention longer than its width.
func TestRows(t *testing.T) {
	examples := []marked.Row{
		{ID: "a", IDs: make([]int32, 9), Mentions: [2]wordpiece.Span{{Start: 5, End: 8}, {Start: 1, End: 2}}},
		{ID: "b", IDs: make([]int32, 4), Mentions: [2]wordpiece.Span{{Start: 1, End: 3}, {}}},
	}
	spans := Rows(heads.ProbeSpans, examples, 10, 2)
	if diff := cmp.Diff([][]int32{{5, 6, 1, -1}, {1, 2, -1, -1}}, [][]int32{spans[0].Positions, spans[1].Positions}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][2]int32{{2, 1}, {2, 0}}, [][2]int32{spans[0].Lengths, spans[1].Lengths}); diff != "" {
		t.Error(diff)
	}
	if all := Rows(heads.ProbeAll, examples, 10, 0); len(all[0].Positions) != 10 || all[0].Lengths[0] != 9 {
		t.Errorf("all: %+v", all[0])
	}
	if MentionWidth(examples) != 3 || MentionWidth(nil) != 1 {
		t.Errorf("widths %d and %d", MentionWidth(examples), MentionWidth(nil))
	}
}

func TestProbeGroups(t *testing.T) {
	c := DefaultSettings()
	c.Classes = 5
	depths, err := c.Depths(12)
	if err != nil || len(depths) != 13 {
		t.Fatal(depths, err)
	}
	if groups := c.Groups(depths, 768, 12); len(groups) != 1 {
		t.Errorf("spans of BERT-base in %d graphs, want one", len(groups))
	}
	c.Input = heads.ProbeAll
	if groups := c.Groups(depths, 768, 128); len(groups) != 13 {
		t.Errorf("all positions of BERT-base in %d graphs, want one a probe: each takes a gigabyte", len(groups))
	}
	c.Together = 5
	if groups := c.Groups(depths, 768, 128); len(groups) != 3 {
		t.Errorf("five together: %v", groups)
	}
	c.Layers = []int{4, 13}
	if _, err := c.Depths(12); err == nil || !strings.Contains(err.Error(), "layers 0 (embeddings) to 12") {
		t.Errorf("layer 13 of 12: %v", err)
	}
}

func TestSettingsValidate(t *testing.T) {
	if err := DefaultSettings().Validate(); err != nil {
		t.Error(err)
	}
	bad := &Settings{Probe: heads.Probe{Input: "x"}, Layers: []int{1, 1}, Controls: []string{"y"}, Activations: "z", Together: -1}
	for _, says := range []string{`input "x"`, "layers [1 1]", `controls: unknown "y"`, `activations: unknown "z"`, "together = -1"} {
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

func TestShuffledLabels(t *testing.T) {
	labels := []int32{0, 0, 0, 0, 0, 1, 1, 2, 2, 2}
	one, two := ShuffledLabels(labels, 1), ShuffledLabels(labels, 2)
	if slices.Equal(one, labels) || slices.Equal(one, two) || !slices.Equal(one, ShuffledLabels(labels, 1)) {
		t.Errorf("%v and %v of %v", one, two, labels)
	}
	if diff := cmp.Diff(labels, slices.Sorted(slices.Values(one))); diff != "" {
		t.Error(diff)
	}
}

// TestHeadAttention checks that the constructed encoder attends evenly from every position.
func TestHeadAttention(t *testing.T) {
	c, store := constructed(t, 1, false)
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	examples := sentences(5, 1, false)
	examples[1].IDs = examples[1].IDs[:8] // shorter, and its second mention is cut off
	examples[1].Mentions[1] = wordpiece.Span{}
	for _, from := range []string{relation.FromCLS, relation.FromMentions} {
		for head := range 3 {
			h, err := relation.NewHeadAttention(backend, store, c, bert.Options{}, 2, head, from, 2, 12)
			if err != nil {
				t.Fatal(err)
			}
			i := 0
			for weights, err := range h.Weights(t.Context(), examples) {
				if err != nil {
					t.Fatal(err)
				}
				n := len(examples[i].IDs)
				for p, w := range weights {
					if math.Abs(float64(w)-1/float64(n)) > 1e-6 {
						t.Errorf("from %s, head %d, sentence %d, position %d: %g, want 1/%d", from, head, i, p, w, n)
					}
				}
				if len(weights) != n {
					t.Errorf("%d weights of %d positions", len(weights), n)
				}
				i++
			}
			if i != len(examples) {
				t.Errorf("%d sentences, want %d", i, len(examples))
			}
		}
	}
	if _, err := relation.NewHeadAttention(backend, store, c, bert.Options{}, 4, 0, relation.FromCLS, 2, 12); err == nil {
		t.Error("layer 4 of 3 accepted")
	}
}
