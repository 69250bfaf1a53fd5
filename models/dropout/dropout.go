// Package dropout drops elements by a stateless hash instead of a random number generator.
//
// Whether an element is kept is a function of (seed, step, site, row, position in the row) alone. There is no
// state to save, and a resumed run draws the same masks as an uninterrupted one. The row is the row of the
// whole batch, so a batch split over devices (the row comes from an iota, which the partitioner splits with
// the data) or over microbatches (rowOffset) draws the same masks as the whole, without communication.
//
// The hash is a product r*c modulo 2^32 of one odd number per line (every axis but the last) and one per column
// (the last axis), each mixed to full avalanche from the keys of (seed, step, site). An element then costs one
// integer multiplication and one comparison; mixing touches lines and columns only. Comparing the product with
// rate*2^32 looks at its high bits, which depend on every bit of both factors. dropout_test.go measures the keep
// rate and the correlations between neighbours, lines, columns, the corners of rectangles, sites, steps and seeds.
package dropout

import (
	"hash/fnv"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Source draws the masks of one graph. A nil *Source drops nothing; evaluation uses it.
type Source struct {
	lineKey, columnKey *Node // uint32 scalars, from seed and step
	rowOffset          *Node // uint32 scalar, or nil for 0
	sites              map[string]bool
}

// New makes a source from graph inputs, so that one compiled graph serves every step: seed and step are uint32
// scalars. rowOffset, a uint32 scalar or nil, is the row of the batch at which this microbatch starts.
// Panics if one of them is not a uint32 scalar.
func New(seed, step, rowOffset *Node) *Source {
	for _, n := range []*Node{seed, step, rowOffset} {
		if n != nil && (n.DType() != dtypes.Uint32 || !n.IsScalar()) {
			exceptions.Panicf("dropout: seed, step and row offset: got %s, want uint32 scalars", n.Shape())
		}
	}
	key := mix(Add(mix(AddScalar(seed, uint32(lineSalt))), step))
	return &Source{lineKey: key, columnKey: mix(AddScalar(key, uint32(columnSalt))),
		rowOffset: rowOffset, sites: map[string]bool{}}
}

// The salts keep lines, columns and seed 0 apart; any two different numbers would do.
const (
	lineSalt   = 0x9e3779b9
	columnSalt = 0x85ebca6b
)

// Apply sets each element of x to zero with probability rate and divides the others by 1-rate, so that the
// expectation stays the same. Axis 0 of x is the batch. The site names the place in the model: equal sites would
// have equal masks, so each site may be used once. Panics if the site was used before, or unless 0 <= rate < 1.
func (s *Source) Apply(x *Node, rate float64, site string) *Node {
	take, scale := s.Mask(x, rate, site)
	if scale == 1 {
		return x
	}
	return take(MulScalar(x, scale))
}

// Mask is Apply in two parts, for gradients written by hand: take sets the dropped elements of a value of x's
// dimensions to zero, and scale, 1/(1-rate), is the factor for the others. Panics as Apply.
func (s *Source) Mask(x *Node, rate float64, site string) (take func(*Node) *Node, scale float64) {
	if rate < 0 || rate >= 1 || math.IsNaN(rate) {
		exceptions.Panicf("dropout: %s: rate %g, want 0 <= rate < 1", site, rate)
	}
	if s == nil || rate == 0 {
		return func(x *Node) *Node { return x }, 1
	}
	if s.sites[site] {
		exceptions.Panicf("dropout: duplicate name %s", site)
	}
	s.sites[site] = true
	keep := s.Keep(x.Graph(), x.Shape(), rate, site)
	return func(x *Node) *Node { return Where(keep, x, ScalarZero(x.Graph(), x.DType())) }, 1 / (1 - rate)
}

// Keep is the mask itself, of the dimensions of shape: true where an element stays.
//
// The barrier makes XLA mix lines and columns once. Without it, every loop that uses the mask does, forward and backward:
// two thirds of the operations that XLA:CPU compiled for a training step were this hash.
func (s *Source) Keep(g *Graph, shape shapes.Shape, rate float64, site string) *Node {
	dims := shape.Dimensions
	drawn := OptimizationBarriers(s.lines(g, dims[:len(dims)-1], site), s.columns(g, dims[len(dims)-1], site))
	lines, columns := drawn[0], drawn[1]
	for range len(dims) - 1 {
		columns = InsertAxes(columns, 0)
	}
	number := Mul(InsertAxes(lines, -1), columns) // [B,...,last]
	return GreaterOrEqual(number, Const(g, threshold(rate)))
}

// threshold is the number of 32-bit values that mean "drop".
func threshold(rate float64) uint32 {
	return uint32(min(rate*(1<<32), math.MaxUint32))
}

// lines draws an odd number for each index into dims, of which the first is the batch's.
func (s *Source) lines(g *Graph, dims []int, site string) *Node {
	index := Iota(g, shapes.Make(dtypes.Uint32, dims...), 0)
	if s.rowOffset != nil {
		index = Add(index, s.rowOffset)
	}
	for axis, dim := range dims[1:] {
		index = Add(MulScalar(index, uint32(dim)), Iota(g, shapes.Make(dtypes.Uint32, dims...), axis+1))
	}
	return odd(mix(Add(mix(BitwiseXor(index, siteKey(s.lineKey, site))), s.columnKey)))
}

// columns draws an odd number for each of n columns.
func (s *Source) columns(g *Graph, n int, site string) *Node {
	index := Iota(g, shapes.Make(dtypes.Uint32, n), 0)
	return odd(mix(Add(mix(BitwiseXor(index, siteKey(s.columnKey, site))), s.lineKey)))
}

// siteKey derives the key of a site. The name is hashed while the graph is built, so a site costs one scalar
// operation.
func siteKey(key *Node, site string) *Node {
	h := fnv.New32a()
	h.Write([]byte(site)) // a hash.Hash never fails
	return BitwiseXor(key, Const(key.Graph(), h.Sum32()))
}

func odd(x *Node) *Node { return BitwiseOr(x, Const(x.Graph(), uint32(1))) }

// mix is a bijection of 32-bit numbers in which every input bit moves every output bit with probability near one
// half: two rounds of multiply and shift with the constants "lowbias32" of Chris Wellons' hash search.
func mix(x *Node) *Node {
	x = BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(16)))
	x = MulScalar(x, uint32(0x7feb352d))
	x = BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(15)))
	x = MulScalar(x, uint32(0x846ca68b))
	return BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(16)))
}
