package bert

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/dropout"
	"github.com/subbert/subbert/models/weights"
)

// nano is a config small enough for many graphs.
func nano() Config {
	c := Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize = 40, 8, 2, 2, 12
	c.MaxPositionEmbeddings, c.HiddenDropout, c.AttentionDropout = 16, 0.2, 0.3
	return c
}

// nanoStore has weights ten times as spread as BERT's, so that layers do something.
func nanoStore(t *testing.T, c Config) *model.Store {
	t.Helper()
	c.InitializerRange = 0.2
	params := golden.Tensors{}
	for _, p := range append(Parameters(c), PoolerParameters(c)...) {
		params[p.Name] = golden.Floats(weights.Initialize(3, p), p.Shape...)
	}
	return parity.Store(t, params)
}

func ids(rows, length int) golden.Tensor {
	rng := rand.New(rand.NewPCG(uint64(rows), uint64(length)))
	t := golden.Tensor{Shape: []int{rows, length}}
	for range rows * length {
		t.Ints = append(t.Ints, int32(rng.IntN(40)))
	}
	return t
}

// TestMasks: lengths, an attention mask and no padding at all are the same for the positions that count, whatever
// stands in the padding, and a row of padding alone stays finite.
func TestMasks(t *testing.T) {
	c := nano()
	store := nanoStore(t, c)
	lengths := []int32{6, 4, 0}
	full := ids(3, 6)
	mask := golden.Tensor{Shape: []int{3, 6}}
	for _, n := range lengths {
		for s := range int32(6) {
			mask.Ints = append(mask.Ints, map[bool]int32{true: 1}[s < n])
		}
	}
	other := golden.Tensor{Shape: full.Shape, Ints: slices.Clone(full.Ints)}
	other.Ints[6+4], other.Ints[6+5] = 39, 1 // padding of the second row
	inputs := golden.Tensors{"ids": full, "other": other, "mask": mask, "lengths": {Shape: []int{3}, Ints: lengths}}
	got := parity.Run(t, store, inputs, func(s *model.Scope, in parity.Nodes) parity.Nodes {
		encode := func(input Input) *Node { return Encode(s, c, input, Options{}).Last() }
		row := func(x *Node, b, n int) *Node { return Slice(x, AxisElem(b), AxisRange(0, n)) }
		byLength := encode(Input{InputIDs: in["ids"], Lengths: in["lengths"]})
		short := encode(Input{InputIDs: Slice(in["ids"], AxisElem(1), AxisRange(0, 4))})
		return parity.Nodes{
			"by length": row(byLength, 1, 4), "whole": row(byLength, 0, 6), "nothing": row(byLength, 2, 6),
			"by mask":       row(encode(Input{InputIDs: in["ids"], AttentionMask: in["mask"]}), 1, 4),
			"other padding": row(encode(Input{InputIDs: in["other"], Lengths: in["lengths"]}), 1, 4),
			"unpadded":      short,
			"unmasked":      row(encode(Input{InputIDs: in["ids"]}), 0, 6),
		}
	})
	tol := golden.Tolerance{Relative: 1e-6} // products of another size sum in another order
	same := func(a, b string) {
		t.Helper()
		for _, fault := range golden.Diff(golden.Tensors{b: got[a]}, golden.Tensors{b: got[b]}, tol) {
			t.Errorf("%s against %s: %s", a, b, fault)
		}
	}
	same("by length", "by mask")
	same("by length", "other padding")
	same("by length", "unpadded")
	same("whole", "unmasked")
	for _, fault := range golden.Diff(golden.Tensors{"x": got["nothing"]}, golden.Tensors{"x": got["nothing"]}, tol) {
		t.Errorf("a row of padding: %s", fault) // NaN equals nothing
	}
}

// TestPositions: the last layer at some positions is what the whole has there, and so are the gradients of what is made of
// it, for [CLS] alone, for a position named twice, in rows of any length.
func TestPositions(t *testing.T) {
	c := nano()
	store := nanoStore(t, c)
	for name, positions := range map[string][]int32{"cls": {0, 0, 0}, "some": {0, 5, 2, 0, 3, 3, 0, 0, 1}} {
		t.Run(name, func(t *testing.T) {
			n := len(positions) / 3
			inputs := golden.Tensors{
				"ids": ids(3, 6), "lengths": {Shape: []int{3}, Ints: []int32{6, 4, 2}}, "positions": {Shape: []int{3, n}, Ints: positions},
			}
			run := func(encode func(s *model.Scope, input Input, positions *Node) (last, attention *Node)) golden.Tensors {
				return parity.Run(t, store, inputs, func(s *model.Scope, in parity.Nodes) parity.Nodes {
					last, attention := encode(s, Input{InputIDs: in["ids"], Lengths: in["lengths"]}, in["positions"])
					out := parity.Nodes{"last": last, "attention": attention}
					toward := Sin(IotaFull(last.Graph(), last.Shape())) // another weight for each element
					out.Gradients(s, ReduceAllSum(Mul(last, toward)))
					return out
				})
			}
			o := Options{Attentions: true}
			want := run(func(s *model.Scope, input Input, positions *Node) (last, attention *Node) {
				whole := Encode(s, c, input, o)
				byPosition := TransposeAllAxes(whole.Attentions[1], 0, 2, 1, 3) // [B,S,N,S]
				flat := Reshape(byPosition, 3, 6, -1)
				picked := Reshape(Einsum("bps,bsx->bpx", OneHot(positions, 6, dtypes.Float32), flat), 3, n, 2, 6)
				return Einsum("bps,bsh->bph", OneHot(positions, 6, dtypes.Float32), whole.Last()), TransposeAllAxes(picked, 0, 2, 1, 3)
			})
			got := run(func(s *model.Scope, input Input, positions *Node) (last, attention *Node) {
				input.Positions = positions
				some := Encode(s, c, input, o)
				return some.Last(), some.Attentions[1]
			})
			for _, fault := range golden.Diff(want, got, golden.Tolerance{Relative: 5e-6, Absolute: 1e-7}) {
				t.Error(fault)
			}
		})
	}
}

// TestMicrobatches: with dropout on, the batch in two halves has the outputs and, added, the gradients of the whole.
func TestMicrobatches(t *testing.T) {
	c := nano()
	store := nanoStore(t, c)
	run := func(from, to int) golden.Tensors {
		all := ids(4, 6)
		part := golden.Tensor{Shape: []int{to - from, 6}, Ints: all.Ints[from*6 : to*6]}
		return parity.Run(t, store, golden.Tensors{"ids": part}, func(s *model.Scope, in parity.Nodes) parity.Nodes {
			g := in["ids"].Graph()
			scalar := func(v int) *Node { return Const(g, uint32(v)) }
			o := Options{Dropout: dropout.New(scalar(7), scalar(9), scalar(from))}
			encoded := Encode(s, c, Input{InputIDs: in["ids"]}, o)
			out := parity.Nodes{"hidden": encoded.Last()}
			out.Gradients(s, ReduceAllSum(Square(Pool(s, c, encoded.Last()))))
			return out
		})
	}
	whole, first, second := run(0, 4), run(0, 2), run(2, 4)
	joined := golden.Tensors{"hidden": golden.Floats(append(first["hidden"].Floats, second["hidden"].Floats...), 4, 6, 8)}
	for name, g := range first {
		if strings.HasPrefix(name, "grad.") {
			sum := golden.Floats(slices.Clone(g.Floats), g.Shape...)
			for i := range sum.Floats {
				sum.Floats[i] += second[name].Floats[i]
			}
			joined[name] = sum
		}
	}
	for _, fault := range golden.Diff(whole, joined, golden.Tolerance{Relative: 2e-6, Absolute: 1e-7}) {
		t.Error(fault)
	}
	off := parity.Run(t, store, golden.Tensors{"ids": ids(4, 6)}, func(s *model.Scope, in parity.Nodes) parity.Nodes {
		return parity.Nodes{"hidden": Encode(s, c, Input{InputIDs: in["ids"]}, Options{}).Last()}
	})
	if len(golden.Diff(golden.Tensors{"hidden": whole["hidden"]}, off, golden.Tolerance{Relative: 1e-2})) == 0 {
		t.Error("dropout changed nothing")
	}
}

// TestPanics: what is missing or has a wrong shape is named.
func TestPanics(t *testing.T) {
	c := nano()
	tests := []struct {
		name      string
		spoil     func(store *model.Store)
		length    int
		options   Options
		says      string
		positions []int // dimensions
	}{
		{"missing", func(s *model.Store) { _ = s.DeleteVariable("/bert/encoder/layer/1/output/dense/bias") }, 4, Options{},
			`variable "/bert/encoder/layer/1/output/dense/bias" is missing`, nil},
		{"shape", func(s *model.Store) {
			_ = s.DeleteVariable("/bert/embeddings/LayerNorm/weight")
			_ = weights.Create(s, weights.Parameter{Name: "bert.embeddings.LayerNorm.weight", Shape: []int{2}}, []float32{1, 1})
		}, 4, Options{}, "is (Float32)[2], want float32 [8]", nil},
		{"too long", func(*model.Store) {}, 17, Options{}, "max_position_embeddings 16", nil},
		{"precision", func(*model.Store) {}, 4, Options{Precision: dtypes.Float64}, "want float32 or bfloat16", nil},
		{"positions", func(*model.Store) {}, 4, Options{}, "positions are (Int32)[3, 1], want [B,P] for (Float32)[2, 4, 8]", []int{3, 1}},
	}
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store := nanoStore(t, c)
			test.spoil(store)
			_, err := model.CallOnce(backend, store, func(s *model.Scope, x *Node) *Node {
				input := Input{InputIDs: x}
				if test.positions != nil {
					input.Positions = Zeros(x.Graph(), shapes.Make(dtypes.Int32, test.positions...))
				}
				return Encode(s, c, input, test.options).Last()
			}, parity.Value(ids(2, test.length)))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %.300v, want %q", err, test.says)
			}
		})
	}
}

// TestProduct compares value and gradients with gomlx's own for every equation in use, and shows that sums of
// bfloat16 products are kept in more than bfloat16, which stops counting at 256.
func TestProduct(t *testing.T) {
	sizes := map[rune]int{'b': 2, 's': 3, 't': 4, 'h': 5, 'o': 6, 'n': 2, 'd': 3, 'p': 2, 'v': 7, 'm': 2, 'g': 8, 'a': 2, 'i': 5}
	for _, equation := range []string{
		"ai,oi->ao", "abi,oi->abo", "bst,th->bsh", "bnsd,bntd->bnst", "bnst,bntd->bnsd", "bnsd,hnd->bsh", "bsh,ndh->bnsd",
		"bps,bsh->bph", "bph,vh->bpv", "bsh,oh->bso", "bos,bsh->boh", "dbph,dvh->dbpv", "bms,bsh->bmh", "bth,gh->tbg",
	} {
		t.Run(equation, func(t *testing.T) {
			operands := strings.Split(strings.Split(equation, "->")[0], ",")
			store := model.NewStore()
			for i, axes := range operands {
				p := weights.Parameter{Name: fmt.Sprintf("x%d.weight", i), Init: weights.Uniform, Spread: 1}
				for _, axis := range axes {
					p.Shape = append(p.Shape, sizes[axis])
				}
				if err := weights.Create(store, p, weights.Initialize(1, p)); err != nil {
					t.Fatal(err)
				}
			}
			run := func(product func(string, *Node, *Node) *Node) golden.Tensors {
				return parity.Run(t, store, golden.Tensors{"one": golden.Floats([]float32{1})}, func(s *model.Scope, in parity.Nodes) parity.Nodes {
					x := s.At("x0").GetVariable("weight").NodeValue(in["one"])
					y := s.At("x1").GetVariable("weight").NodeValue(in["one"])
					value := product(equation, x, y)
					out := parity.Nodes{"value": value}
					out.Gradients(s, Mul(in["one"], ReduceAllSum(Square(value))))
					return out
				})
			}
			want, got := run(Einsum), run(Product)
			for _, fault := range golden.Diff(want, got, golden.Tolerance{Relative: 1e-6}) {
				t.Error(fault)
			}
			if _, found := got["grad.x1.weight"]; !found {
				t.Errorf("no gradient among %v", slices.Sorted(maps.Keys(got)))
			}
		})
	}
	t.Run("bfloat16 sums", func(t *testing.T) {
		backend, err := parity.Backend()
		if err != nil {
			t.Fatal(err)
		}
		got, err := CallOnce(backend, func(g *Graph) *Node {
			ones := Ones(g, shapes.Make(dtypes.BFloat16, 1, 4096))
			half := ConvertDType(Product("ai,oi->ao", ones, ones), dtypes.Float32)
			return Concatenate([]*Node{half, Product32("ai,oi->ao", ones, ones)}, 0)
		})
		if err != nil {
			t.Fatal(err)
		}
		if values := tensors.MustCopyFlatData[float32](got); !slices.Equal(values, []float32{4096, 4096}) {
			t.Errorf("4096 ones add to %v", values)
		}
	})
}
