package estimate

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/internal/plugintest"
)

// message builds a protobuf message of fields that are numbers, texts or messages.
type message []byte

func (m message) number(n protowire.Number, v uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, n, protowire.VarintType), v)
}

func (m message) bytes(n protowire.Number, v []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, n, protowire.BytesType), v)
}

const f32, bf16 = 11, 16

func shape(element uint64, dims ...uint64) message {
	m := message{}.number(shapeElement, element)
	for _, d := range dims {
		m = m.number(shapeDimensions, d)
	}
	return m
}

func operation(opcode string, cycles int, result message, called ...uint64) message {
	m := message{}.bytes(opOpcode, []byte(opcode)).bytes(opShape, result)
	if cycles != 0 {
		m = m.bytes(opBackendConfig, fmt.Appendf(nil, `{"window_config":{"estimated_cycles":"%d","other":[]}}`, cycles))
	}
	packed := message{}
	for _, id := range called {
		packed = protowire.AppendVarint(packed, id)
	}
	if len(called) > 1 {
		return m.bytes(opCalled, packed)
	}
	for _, id := range called {
		m = m.number(opCalled, id)
	}
	return m
}

func withComputations(computations ...[]message) []byte {
	m := message{}
	for id, ops := range computations {
		c := message{}.number(computationID, uint64(id))
		for _, o := range ops {
			c = c.bytes(computationOps, o)
		}
		m = m.bytes(moduleComputations, c)
	}
	return message{}.bytes(withConfigModule, m)
}

func TestRead(t *testing.T) {
	small := shape(f32, 2)
	tuple := message{}.number(shapeElement, 13).bytes(shapeTuple, shape(f32, 10, 4)).bytes(shapeTuple, shape(bf16, 3))
	program := withComputations(
		[]message{ // 0: the entry
			operation("fusion", 100, small, 1),
			operation("fusion", 20, small, 2),
			operation("fusion", 3, small, 3),
			operation("fusion", 4000, small, 4),
			operation("copy", 50000, small),
			operation("rng-bit-generator", 600000, small),
			operation("convolution", 7000000, small),
			operation("add", -1, small),
			operation("fusion", math.MaxInt64, small, 1), // no estimate
			operation("all-reduce-start", 0, tuple, 5),
			operation("all-reduce-done", 0, tuple),
			operation("all-gather", 0, shape(f32)),
			operation("while", 0, small, 3, 6),
		},
		[]message{operation("parameter", 0, small), operation("dot", 0, small), operation("reduce", 0, small, 5)},
		[]message{operation("reduce", 0, small, 5), operation("multiply", 0, small)},
		[]message{operation("transpose", 0, small), operation("bitcast", 0, small)},
		[]message{operation("multiply", 0, small), operation("add", 0, small)},
		[]message{operation("add", 0, small)},
		[]message{operation("multiply", 80000000, small)},
	)
	got, err := Read(program)
	if err != nil {
		t.Fatal(err)
	}
	want := Estimate{
		Cycles: map[string]int64{Matmul: 7000100, Reductions: 20, Copies: 50003, RNG: 600000, Other: 80004000},
		Ops:    8, Collectives: []Collective{{"all-gather", 4}, {"all-reduce", 10*4*4 + 3*2}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("estimate (-want +got):\n%s", diff)
	}
	if got.Total() != 87654123 {
		t.Errorf("total is %d, want 87654123", got.Total())
	}
	for n := 1; n < len(program); n++ {
		// Cut anywhere it is an error or an estimate, never a panic.
		if _, err := Read(program[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were read", n, len(program))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(withComputations([]message{operation("dot", 7, shape(f32, 2, 2), 1)}, []message{operation("add", 0, shape(f32))}))
	f.Add(withComputations([]message{operation("while", 7, shape(f32), 0, 0)})) // calls itself
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, program []byte) {
		if _, err := Read(program); err != nil {
			return
		}
	})
}

// TestEstimateOfCompiler reads what the real compiler says of a product.
func TestEstimateOfCompiler(t *testing.T) {
	libtpu := plugintest.Need(t, "tpu")
	if testing.Short() {
		t.Skip("compiling for TPUs takes seconds")
	}
	t.Setenv("TPU_SKIP_MDS_QUERY", "1")
	const program = `module @product {
  func.func @main(%x: tensor<3072x3072xf32>) -> tensor<3072x3072xf32> {
    %0 = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : (tensor<3072x3072xf32>, tensor<3072x3072xf32>) -> tensor<3072x3072xf32>
    return %0 : tensor<3072x3072xf32>
  }
}`
	one := message{}.number(4, 1).number(5, 1)              // one replica, one partition
	options := string(message{}.bytes(3, one).number(4, 1)) // that run on any device
	a, err := pjrt.CompileAhead(libtpu, "v3:2x2x1", program, options, nil)
	if errors.Is(err, pjrt.ErrNotLinked) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	e, err := Read(a.Optimized)
	if err != nil {
		t.Fatal(err)
	}
	// One core's matrix units do 128x128 multiply-adds twice a cycle at best: 3072^3 of them.
	const floor = 3072 * 3072 * 3072 / (2 * 128 * 128)
	if got := e.Cycles[Matmul]; got < floor || got > 3*floor {
		t.Errorf("the product is estimated at %d cycles, want %d to %d", got, floor, 3*floor)
	}
	if got := e.Cycles[Matmul] * 2; got < e.Total() {
		t.Errorf("of %d cycles %d are the product, want more than half", e.Total(), got/2)
	}
}

// numbered is an operation with a number of its own and operands.
func numbered(id uint64, opcode string, cycles int, result message, operands ...uint64) message {
	m := operation(opcode, cycles, result).number(opID, id)
	for _, o := range operands {
		m = m.number(opOperands, o)
	}
	return m
}

// TestOptimizer: what makes the results of the program, and no product, is the optimizer; through tuples, not beyond.
func TestOptimizer(t *testing.T) {
	large, small := shape(f32, 100, 100), shape(f32, 3)
	entry := message{}.number(computationID, 7).number(computationRoot, 9)
	for _, o := range []message{
		numbered(1, "multiply", 1, large),
		numbered(2, "fusion", 20, large, 1),           // weights and a moment
		numbered(3, "get-tuple-element", 0, large, 2), // of it
		numbered(4, "dot", 300, large, 1),             // a result that is a product
		numbered(5, "concatenate", 4000, small, 1),    // the report
		numbered(6, "reduce", 50000, large, 1),        // no result
		numbered(7, "copy", 600000, large, 8),         // of one
		numbered(8, "add", 7000000, large, 6),         // handed on by the copy
		numbered(9, "tuple", 0, small, 3, 4, 5, 7),
	} {
		entry = entry.bytes(computationOps, o)
	}
	program := message{}.bytes(withConfigModule, message{}.number(moduleEntry, 7).bytes(moduleComputations, entry))
	got, err := Read(program)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{Optimizer: 7000020, Matmul: 300, Copies: 604000, Reductions: 50000, Other: 1}
	if diff := cmp.Diff(want, got.Cycles); diff != "" {
		t.Errorf("cycles (-want +got):\n%s", diff)
	}
}
