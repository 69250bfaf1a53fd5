// Package estimate reads the estimates in a program that a TPU's compiler has optimized: cycles by the kind of
// operation, and the collectives between devices.
//
// Cycles are of one core's clock, bytes are those of one core. The estimates are the compiler's own and are not
// calibrated; they are good for comparing one program with another, to some 30 %.
package estimate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// Estimate is the compiler's own estimate of one execution on one core.
type Estimate struct {
	Cycles map[string]int64 // by category; see Categories
	Ops    int              // operations that carry an estimate

	Collectives []Collective // between devices, sorted; they carry no estimate
}

// Collective is an operation between devices, such as an all-reduce or an all-gather.
type Collective struct {
	Opcode string
	Bytes  int64 // of the result
}

// CollectiveBytes is the sum over all collectives.
func (e Estimate) CollectiveBytes() int64 {
	var sum int64
	for _, x := range e.Collectives {
		sum += x.Bytes
	}
	return sum
}

// Categories lists the categories of operations. An operation counts under the first category that applies.
func Categories() []string { return []string{Matmul, RNG, Optimizer, Reductions, Copies, Other} }

// The categories.
const (
	Matmul     = "matmul"     // a product, with whatever is fused to it
	RNG        = "rng"        // random bits
	Optimizer  = "optimizer"  // operations without a product that make the program's results: new weights and moments
	Reductions = "reductions" // sums and maxima
	Copies     = "copies"     // moving data: copies, transposes, slices
	Other      = "other"      // element by element
)

// Total is the sum over all categories.
func (e Estimate) Total() int64 {
	var sum int64
	for _, c := range e.Cycles {
		sum += c
	}
	return sum
}

// Read reads an optimized program, an HloModuleProtoWithConfig, as the compiler returns it. It counts the
// body of a loop once, whatever the number of iterations.
func Read(program []byte) (Estimate, error) {
	m, err := readModule(program)
	if err != nil {
		return Estimate{}, fmt.Errorf("optimized program: %w", err)
	}
	e := Estimate{Cycles: map[string]int64{}}
	for _, c := range m.computations {
		if c.fusion {
			continue // counted where it is called
		}
		results := map[int64]bool{}
		if c.id == m.entry {
			results = c.results()
		}
		for _, op := range c.ops {
			if isCollective(op.opcode) {
				e.Collectives = append(e.Collectives, Collective{strings.TrimSuffix(op.opcode, "-start"), op.bytes})
			}
			if op.cycles > 0 {
				e.Ops++
				e.Cycles[m.category(op, results[op.id])] += op.cycles
			}
		}
	}
	slices.SortFunc(e.Collectives, func(a, b Collective) int {
		return cmp.Or(strings.Compare(a.Opcode, b.Opcode), cmp.Compare(a.Bytes, b.Bytes))
	})
	return e, nil
}

// isCollective reports whether an operation is a collective between cores. It does not count the second half of
// a start/done pair.
func isCollective(opcode string) bool {
	switch strings.TrimSuffix(opcode, "-start") {
	case "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute":
		return true
	}
	return false
}

// module is a program.
type module struct {
	computations map[int64]computation // by their number
	entry        int64                 // the computation of the program itself
}

type computation struct {
	id     int64
	root   int64 // the operation whose result is the computation's
	fusion bool  // it is the inside of a fusion
	ops    []op
}

type op struct {
	id       int64
	opcode   string
	bytes    int64 // of the result
	cycles   int64 // the estimate; 0: none
	operands []int64
	called   []int64
}

// results are the array operations whose values a computation returns, traced through operations that only
// forward values.
func (c computation) results() map[int64]bool {
	byID := map[int64]op{}
	for _, o := range c.ops {
		byID[o.id] = o
	}
	found, seen := map[int64]bool{}, map[int64]bool{}
	todo := []int64{c.root}
	for len(todo) > 0 {
		o := byID[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		if seen[o.id] {
			continue
		}
		seen[o.id] = true
		switch o.opcode {
		case "tuple", "get-tuple-element", "bitcast", "copy", "copy-start", "copy-done":
			todo = append(todo, o.operands...)
		default:
			found[o.id] = o.bytes > scalarBytes
		}
	}
	return found
}

// scalarBytes bounds results that are not weights or moments: the packed values that a step reports.
const scalarBytes = 256

// category is the category of an operation, or for a fusion the first category of the operations in it.
func (m module) category(o op, result bool) string {
	inside := map[string]bool{}
	m.opcodes(o, inside, map[int64]bool{})
	has := func(opcodes ...string) bool {
		for _, c := range opcodes {
			if inside[c] {
				return true
			}
		}
		return false
	}
	switch {
	case has("dot", "convolution"):
		return Matmul
	case has("rng", "rng-bit-generator"):
		return RNG
	case result:
		return Optimizer
	case has("reduce", "reduce-window"):
		return Reductions
	}
	for c := range inside {
		if !isMove(c) {
			return Other
		}
	}
	return Copies
}

func isMove(opcode string) bool {
	switch opcode {
	case "fusion", "parameter", "copy", "copy-start", "copy-done", "transpose", "bitcast", "reshape", "slice",
		"dynamic-slice", "dynamic-update-slice", "concatenate", "pad", "broadcast", "constant", "tuple", "get-tuple-element", "convert":
		return true
	}
	return false
}

// opcodes collects the opcodes of an operation and of the computations that it calls, each computation
// once.
func (m module) opcodes(o op, into map[string]bool, seen map[int64]bool) {
	into[o.opcode] = true
	for _, id := range o.called {
		if seen[id] {
			continue
		}
		seen[id] = true
		for _, inner := range m.computations[id].ops {
			m.opcodes(inner, into, seen)
		}
	}
}

// Numbers of the fields that are read, in xla/service/hlo.proto and xla/xla_data.proto.
const (
	withConfigModule    = 1
	moduleComputations  = 3
	moduleEntry         = 6
	computationOps      = 2
	computationID       = 5
	computationRoot     = 6
	computationIsFusion = 7
	opOpcode            = 2
	opShape             = 3
	opID                = 35
	opOperands          = 36
	opCalled            = 38
	opBackendConfig     = 43
	shapeElement        = 2
	shapeDimensions     = 3
	shapeTuple          = 4
)

func readModule(program []byte) (module, error) {
	m := module{computations: map[int64]computation{}}
	err := wire.Fields(program, func(n protowire.Number, _ uint64, body []byte) error {
		if n != withConfigModule {
			return nil
		}
		return wire.Fields(body, func(n protowire.Number, v uint64, body []byte) error {
			switch n {
			case moduleEntry:
				m.entry = int64(v)
			case moduleComputations:
				c, err := readComputation(body)
				m.computations[c.id] = c
				return err
			}
			return nil
		})
	})
	if err == nil && len(m.computations) == 0 {
		err = errors.New("no computation in it")
	}
	// A computation is the inside of a fusion if one calls it; not every compiler sets the field for it.
	for _, c := range m.computations {
		for _, o := range c.ops {
			for _, id := range o.called {
				if inner, ok := m.computations[id]; ok && o.opcode == "fusion" {
					inner.fusion = true
					m.computations[id] = inner
				}
			}
		}
	}
	return m, err
}

func readComputation(body []byte) (c computation, err error) {
	err = wire.Fields(body, func(n protowire.Number, v uint64, body []byte) error {
		switch n {
		case computationID:
			c.id = int64(v)
		case computationRoot:
			c.root = int64(v)
		case computationIsFusion:
			c.fusion = v != 0
		case computationOps:
			o, err := readOp(body)
			c.ops = append(c.ops, o)
			return err
		}
		return nil
	})
	return c, err
}

func readOp(body []byte) (o op, err error) {
	err = wire.Fields(body, func(n protowire.Number, v uint64, body []byte) (err error) {
		switch n {
		case opOpcode:
			o.opcode = string(body)
		case opID:
			o.id = int64(v)
		case opOperands:
			o.operands, err = appendInts(o.operands, v, body)
		case opShape:
			o.bytes, err = shapeBytes(body)
		case opCalled:
			o.called, err = appendInts(o.called, v, body)
		case opBackendConfig:
			o.cycles = readCycles(body)
		}
		return err
	})
	return o, err
}

// mostCycles is more than an hour of any clock. For some operations of newer generations libtpu writes the greatest
// int64, which means no estimate.
const mostCycles = 1 << 43

// readCycles reads the estimate in an operation's backend config, which is JSON if it has an estimate.
func readCycles(config []byte) int64 {
	var c struct {
		Window struct {
			Cycles int64 `json:"estimated_cycles,string"`
		} `json:"window_config"`
	}
	if json.Unmarshal(config, &c) != nil {
		return 0 // of another kind of operation
	}
	if c.Window.Cycles < 0 || c.Window.Cycles > mostCycles {
		return 0
	}
	return c.Window.Cycles
}

// shapeBytes is the size of an array, or of all arrays in a tuple.
func shapeBytes(body []byte) (int64, error) {
	var element uint64
	var total, elements int64 = 0, 1
	var dims []int64
	err := wire.Fields(body, func(n protowire.Number, v uint64, body []byte) (err error) {
		switch n {
		case shapeElement:
			element = v
		case shapeDimensions:
			dims, err = appendInts(dims, v, body)
		case shapeTuple:
			var part int64
			part, err = shapeBytes(body)
			total += part
		}
		return err
	})
	for _, d := range dims {
		elements *= d
	}
	return total + elements*elementBytes(element), err
}

// elementBytes is the size of an element of xla.PrimitiveType; 0 for tuples, tokens and the like.
func elementBytes(t uint64) int64 {
	switch t {
	case 1, 2, 6: // PRED, S8, U8
		return 1
	case 3, 7, 10, 16: // S16, U16, F16, BF16
		return 2
	case 4, 8, 11: // S32, U32, F32
		return 4
	case 5, 9, 12, 15: // S64, U64, F64, C64
		return 8
	case 18: // C128
		return 16
	}
	return 0
}

// appendInts appends a repeated integer field, in single or packed encoding.
func appendInts(list []int64, v uint64, packed []byte) ([]int64, error) {
	if packed == nil {
		return append(list, int64(v)), nil
	}
	for len(packed) > 0 {
		v, n := protowire.ConsumeVarint(packed)
		if n < 0 {
			return list, protowire.ParseError(n)
		}
		list = append(list, int64(v))
		packed = packed[n:]
	}
	return list, nil
}

// Add adds another estimate, counted times times.
func (e *Estimate) Add(other Estimate, times int) {
	if e.Cycles == nil {
		e.Cycles = map[string]int64{}
	}
	for category, cycles := range other.Cycles {
		e.Cycles[category] += int64(times) * cycles
	}
	e.Ops += times * other.Ops
	e.Collectives = append(e.Collectives, slices.Repeat(other.Collectives, times)...)
}
