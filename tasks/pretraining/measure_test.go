package pretraining

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

// plain is a vocabulary that alternates whole words and continuations.
type plain int

func (v plain) Size() int               { return int(v) }
func (v plain) Continues(id int32) bool { return id > 10 && id%2 == 0 }
func (v plain) Special() wordpiece.Special {
	return wordpiece.Special{Pad: 0, Unk: 1, CLS: 2, SEP: 3, Mask: 4}
}

const plainSize = plain(60)

// small is the smallest encoder in which no dimension is one, with plain's vocabulary.
func small() bert.Config {
	c := bert.Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize, c.MaxPositionEmbeddings = int(plainSize), 8, 2, 2, 12, 64
	c.InitializerRange = 0.3
	return c
}

// texts returns n documents of ids.
func texts(n int) [][][]int32 {
	documents := make([][][]int32, n)
	for d := range documents {
		for s := range 6 {
			sentence := make([]int32, 4+(d+s)%9)
			for i := range sentence {
				sentence[i] = int32(5 + (d*7+s*3+i*i)%(int(plainSize)-5))
			}
			documents[d] = append(documents[d], sentence)
		}
	}
	return documents
}

func newDrawer(t testing.TB, documents int, c instances.Config) *instances.Drawer {
	t.Helper()
	memory, err := instances.NewMemory(texts(documents))
	if err != nil {
		t.Fatal(err)
	}
	d, err := instances.New(memory, plainSize, c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// measureFresh measures a randomly initialised nano model on an epoch, in microbatches of rows rows.
func measureFresh(t *testing.T, rows int) map[string]float64 {
	t.Helper()
	config := Default()
	config.Sequence, config.MaxPredictions = 32, 6
	p := New(small(), bert.Options{}, config, rows)
	store, err := tasks.Create(p.Parameters(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return measured(t, store, Measure{p}, config)
}

func measured(t *testing.T, store *model.Store, m Measure, config Config) map[string]float64 {
	t.Helper()
	backend, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	e, err := trainer.NewEvaluation(backend, store, m, 1)
	if err != nil {
		t.Fatal(err)
	}
	epoch, err := newDrawer(t, 30, config.Instances(3)).Epoch(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	values, err := e.Run(t.Context(), m.Evaluate(epoch, 0, 2))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, v := range values {
		out[v.Name] = v.Value
	}
	return out
}

// TestMeasureDoesNotDependOnRows checks that the number of rows of a forward pass changes only the order of summation, by a
// few units in the last place of float32.
func TestMeasureDoesNotDependOnRows(t *testing.T) {
	want := measureFresh(t, 7) // the last microbatch is padded
	for _, name := range []string{"mlm_loss", "mlm_accuracy", "nsp_loss", "nsp_accuracy", "mlm_mask_loss", "mlm_random_loss", "mlm_kept_accuracy"} {
		if _, ok := want[name]; !ok {
			t.Errorf("no %s in %v", name, slices.Sorted(maps.Keys(want)))
		}
	}
	got := measureFresh(t, 4)
	for name, w := range want {
		if math.Abs(got[name]-w) > 2e-6*math.Abs(w) {
			t.Errorf("%s: %v by fours, %v by sevens", name, got[name], w)
		}
	}
}

// TestKindsAddUp checks that the loss is the mean of the losses of the kinds, weighted by their numbers of positions.
func TestKindsAddUp(t *testing.T) {
	config := Default()
	config.Sequence, config.MaxPredictions = 32, 6
	got := measureFresh(t, 5)
	epoch, err := newDrawer(t, 30, config.Instances(3)).Epoch(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	called := map[uint8]string{instances.Masked: "mask", instances.Replaced: "random", instances.Kept: "kept"}
	counts := map[string]float64{}
	var all float64
	var in instances.Instance
	for i := range epoch.Len() {
		if err := epoch.Draw(i, &in); err != nil {
			t.Fatal(err)
		}
		for _, k := range in.MaskKinds[:in.NumMasked] {
			counts[called[k]]++
			all++
		}
	}
	for _, what := range []string{"loss", "accuracy"} {
		var sum float64
		for _, k := range kinds {
			sum += got["mlm_"+k.name+"_"+what] * counts[k.name] / all
		}
		if want := got["mlm_"+what]; math.Abs(sum-want) > 1e-5*max(1, want) {
			t.Errorf("%s: kinds make %v, want %v", what, sum, want)
		}
	}
}

func TestEntropy(t *testing.T) {
	for _, test := range []struct {
		name   string
		counts []int64
		want   float64
	}{
		{"nothing", []int64{0, 0}, 0},
		{"one piece", []int64{0, 7}, 0},
		{"two alike", []int64{5, 5}, math.Log(2)},
		{"uneven", []int64{1, 0, 3}, 0.25*math.Log(4) + 0.75*math.Log(4.0/3)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := entropy(test.counts); math.Abs(got-test.want) > 1e-12 {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPerplexityPerWord(t *testing.T) {
	text := Text{Tokens: 300, Words: 200, UnigramEntropy: 2}
	if got, want := text.PerplexityPerWord(math.Log(4)), 8.0; math.Abs(got-want) > 1e-9 {
		t.Errorf("a piece and a half a word at log 4 each: %v, want %v", got, want)
	}
	values := text.Complete([]metrics.Value{{Name: "mlm_loss", Value: math.Log(4)}})
	if len(values) != 3 || values[1].Name != "perplexity_per_word" || values[2] != (metrics.Value{Name: "unigram_entropy", Value: 2}) {
		t.Errorf("completed to %v", values)
	}
}

// TestReadText counts shards with known content.
func TestReadText(t *testing.T) {
	set, err := shards.Open(writeShards(t, map[string][][][]int32{
		shards.Train:   {{{5, 5}, {6}}, {{6, 6, 6}}},
		shards.HeldOut: {{{7, 8}}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for _, test := range []struct {
		splits []string
		tokens int64
		want   float64
	}{
		{[]string{shards.Train}, 6, entropy([]int64{2, 4})},
		{[]string{shards.HeldOut}, 2, math.Log(2)},
		{[]string{shards.Train, shards.HeldOut}, 8, entropy([]int64{2, 4, 1, 1})},
	} {
		text, err := ReadText(t.Context(), set, test.splits...)
		if err != nil {
			t.Fatal(err)
		}
		if text.Tokens != test.tokens || math.Abs(text.UnigramEntropy-test.want) > 1e-12 {
			t.Errorf("%v: %+v, want %d tokens and entropy %v", test.splits, text, test.tokens, test.want)
		}
	}
}

// writeShards writes shards of ids below plainSize; each piece is a word.
func writeShards(t *testing.T, splits map[string][][][]int32) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shards")
	w, err := shards.Create(dir, shards.Header{Vocabulary: shards.Vocabulary{Hash: "plain", Size: int(plainSize)}})
	if err != nil {
		t.Fatal(err)
	}
	for name, documents := range splits {
		for _, d := range documents {
			document := &shards.Document{}
			for _, s := range d {
				document.Lengths = append(document.Lengths, int32(len(s)))
				document.IDs = append(document.IDs, s...)
			}
			document.Words = len(document.IDs)
			if err := w.Add(name, document); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := w.Commit(nil); err != nil {
		t.Fatal(err)
	}
	return dir
}
