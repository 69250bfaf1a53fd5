package heads

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/dropout"
	"github.com/subbert/subbert/models/weights"
)

// freshStore initialises a store from the lists.
func freshStore(tb testing.TB, lists ...[]weights.Parameter) *model.Store {
	tb.Helper()
	store := model.NewStore()
	for _, p := range slices.Concat(lists...) {
		if err := weights.Create(store, p, weights.Initialize(1, p)); err != nil {
			tb.Fatal(err)
		}
	}
	return store
}

// pretrainingBatch is B=8 S=128 P=20 of random ids, full rows.
func pretrainingBatch(c bert.Config) []any {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(limit int, dims ...int) *tensors.Tensor {
		n := 1
		for _, d := range dims {
			n *= d
		}
		values := make([]int32, n)
		for i := range values {
			values[i] = int32(rng.IntN(limit))
		}
		return tensors.FromFlatDataAndDimensions(values, dims...)
	}
	const b, s, p = 8, 128, 20
	lengths := tensors.FromFlatDataAndDimensions(slices.Repeat([]int32{s}, b), b)
	return []any{draw(c.VocabSize, b, s), draw(2, b, s), lengths, draw(s, b, p), draw(c.VocabSize, b, p), draw(2, b)}
}

// BenchmarkPretrainingStep is forward and backward of MLM and NSP with dropout, without an optimizer: two layers of
// 128, 8 sequences of 128, the cased vocabulary of BERT.
func BenchmarkPretrainingStep(b *testing.B) {
	for name, precision := range map[string]dtypes.DType{"float32": dtypes.Float32, "bfloat16": dtypes.BFloat16} {
		b.Run(name, func(b *testing.B) { benchmarkStep(b, precision) })
	}
}

func benchmarkStep(b *testing.B, precision dtypes.DType) {
	c := bert.Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize = 28996, 128, 2, 2, 512
	store := freshStore(b, bert.Parameters(c), bert.PoolerParameters(c), MaskedLMParameters(c), NextSentenceParameters(c))
	backend, err := parity.Backend()
	if err != nil {
		b.Fatal(err)
	}
	exec, err := model.NewExec(backend, store, func(s *model.Scope, in []*Node) []*Node {
		o := bert.Options{Precision: precision, Dropout: dropout.New(in[6], in[7], nil)}
		positions := Concatenate([]*Node{bert.AtCLS(in[3]), in[3]}, 1)
		encoded := bert.Encode(s, c, bert.Input{InputIDs: in[0], TokenTypeIDs: in[1], Lengths: in[2], Positions: positions}, o)
		mlm := CrossEntropy(MaskedLM(s, c, encoded.Words, Slice(encoded.Last(), AxisRange(), AxisRange(1))), in[4], nil, 0)
		nsp := CrossEntropy(NextSentence(s, bert.Pool(s, c, encoded.Last())), in[5], nil, 0)
		loss := Add(mlm.Mean(), nsp.Mean())
		return append([]*Node{loss, mlm.Accuracy()}, s.BuildTrainableVariablesGradientsGraph(loss)...)
	})
	if err != nil {
		b.Fatal(err)
	}
	defer exec.Finalize()
	batch, step := pretrainingBatch(c), uint32(0)
	for b.Loop() {
		call(b, exec, append(slices.Clone(batch), uint32(1), step)...)
		step++
	}
	b.ReportMetric(8*128*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// call runs exec and frees what it returns.
func call(tb testing.TB, exec *model.Exec, args ...any) {
	tb.Helper()
	out, err := exec.Call(args...)
	if err != nil {
		tb.Fatal(err)
	}
	for _, t := range out {
		t.MustFinalizeAll()
	}
}

// BenchmarkLSTM is forward and backward of the paper's LSTM over 16 rows of 128 vectors of 768.
func BenchmarkLSTM(b *testing.B) {
	c, r := bert.Default(), Relation{Pooling: "lstm", WithCLS: true, Mask: "tokens", Classes: 5}
	store := freshStore(b, r.Parameters(c))
	backend, err := parity.Backend()
	if err != nil {
		b.Fatal(err)
	}
	exec, err := model.NewExec(backend, store, func(s *model.Scope, hidden, lengths, labels *Node) []*Node {
		logits, _ := r.Logits(s, c, bert.Options{}, RelationInput{Hidden: []*Node{hidden}, Lengths: lengths})
		loss := CrossEntropy(logits, labels, nil, 0).Mean()
		return append([]*Node{loss}, s.BuildTrainableVariablesGradientsGraph(loss)...)
	})
	if err != nil {
		b.Fatal(err)
	}
	defer exec.Finalize()
	hidden := make([]float32, 16*128*768)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range hidden {
		hidden[i] = float32(rng.NormFloat64())
	}
	x := tensors.FromFlatDataAndDimensions(hidden, 16, 128, 768)
	lengths := tensors.FromFlatDataAndDimensions(slices.Repeat([]int32{100}, 16), 16)
	labels := tensors.FromFlatDataAndDimensions(make([]int32, 16), 16)
	for b.Loop() {
		call(b, exec, x, lengths, labels)
	}
}
