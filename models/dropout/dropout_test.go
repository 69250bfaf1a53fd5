package dropout

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/internal/parity"
)

// drawn is one mask with the indices that tests look along.
type drawn struct {
	dims []int
	keep []float64 // 1 or 0
}

// masks draws a mask of dims for each site at each (seed, step).
func masks(t *testing.T, rate float64, dims []int, sites []string, seedSteps [][2]uint32) map[string]drawn {
	t.Helper()
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	exec, err := NewExec(backend, func(seed, step *Node) []*Node {
		source := New(seed, step, nil)
		var out []*Node
		for _, site := range sites {
			out = append(out, source.Keep(seed.Graph(), shapes.Make(dtypes.Bool, dims...), rate, site))
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	all := map[string]drawn{}
	for _, key := range seedSteps {
		out, err := exec.Call(key[0], key[1])
		if err != nil {
			t.Fatal(err)
		}
		for i, site := range sites {
			mask := drawn{dims: dims}
			for _, kept := range tensors.MustCopyFlatData[bool](out[i]) {
				mask.keep = append(mask.keep, map[bool]float64{true: 1}[kept])
			}
			all[fmt.Sprintf("%s seed %d step %d", site, key[0], key[1])] = mask
		}
	}
	return all
}

// correlation is Pearson's.
func correlation(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy, sxx, syy, sxy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
		sxx, syy, sxy = sxx+x[i]*x[i], syy+y[i]*y[i], sxy+x[i]*y[i]
	}
	return (sxy - sx*sy/n) / math.Sqrt((sxx-sx*sx/n)*(syy-sy*sy/n))
}

// TestQuality looks for what a weak hash would show: a wrong rate, uneven lines or columns, and correlations. Each
// statistic is in standard deviations of what independent draws give; 5 are exceeded once in 1.7 million, and some
// hundred statistics are looked at.
func TestQuality(t *testing.T) {
	dims := []int{16, 4, 64, 64} // rows, heads, queries, keys
	for _, rate := range []float64{0.1, 0.5} {
		all := masks(t, rate, dims, []string{"a", "b"}, [][2]uint32{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1 << 31, 0}, {7, 100000}})
		var earlier [][]float64
		for _, name := range slices.Sorted(maps.Keys(all)) {
			x := all[name].keep
			n := float64(len(x))
			found := map[string]float64{
				"keep rate":            (sum(x)/n - (1 - rate)) * math.Sqrt(n/(rate*(1-rate))),
				"neighbouring keys":    lagged(x, 1, 64),
				"neighbouring queries": lagged(x, 64, 64*64),
				"neighbouring heads":   lagged(x, 64*64, 4*64*64),
				"neighbouring rows":    lagged(x, 4*64*64, 1<<30),
				"corners":              corners(x, 64, rate),
				"evenness of lines":    dispersion(x, true, rate),
				"evenness of columns":  dispersion(x, false, rate),
			}
			for i, other := range earlier {
				found[fmt.Sprint("mask ", i)] = correlation(other, x) * math.Sqrt(n)
			}
			earlier = append(earlier, x)
			for what, deviations := range found {
				if !(math.Abs(deviations) < 5) {
					t.Errorf("rate %g, %s: %s: %.1f standard deviations", rate, name, what, deviations)
				}
			}
		}
	}
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// lagged is the correlation of neighbours stride apart that lie in the same block, in standard deviations.
func lagged(x []float64, stride, block int) float64 {
	var a, b []float64
	for i := range x {
		if j := i + stride; j < len(x) && j/block == i/block {
			a, b = append(a, x[i]), append(b, x[j])
		}
	}
	return correlation(a, b) * math.Sqrt(float64(len(a)))
}

// corners is the sum of the products of the four corners of 2x2 squares of lines and columns, each centred and scaled, in
// standard deviations: what a combination of a line's and a column's number would betray.
func corners(x []float64, columns int, rate float64) float64 {
	z := func(i int) float64 { return (x[i] - (1 - rate)) / math.Sqrt(rate*(1-rate)) }
	total, n := 0.0, 0
	for i := 0; i+columns+1 < len(x); i++ {
		if i%columns == columns-1 || i/columns%2 == 1 {
			continue
		}
		total += z(i) * z(i+1) * z(i+columns) * z(i+columns+1)
		n++
	}
	return total / math.Sqrt(float64(n))
}

// dispersion compares the spread of the sums over lines (or columns) with the binomial one, in standard deviations
// of a chi-square of as many degrees of freedom.
func dispersion(x []float64, lines bool, rate float64) float64 {
	const columns = 64
	groups, size := len(x)/columns, columns
	if !lines {
		groups, size = columns, len(x)/columns
	}
	sums := make([]float64, groups)
	for i, v := range x {
		if lines {
			sums[i/columns] += v
		} else {
			sums[i%columns] += v
		}
	}
	chi := 0.0
	for _, s := range sums {
		d := s - float64(size)*(1-rate)
		chi += d * d / (float64(size) * rate * (1 - rate))
	}
	return (chi - float64(groups)) / math.Sqrt(2*float64(groups))
}

// TestRowOffset: two microbatches draw what the batch draws, bit for bit.
func TestRowOffset(t *testing.T) {
	apply := func(rows int, offset uint32) []float32 {
		return call(t, func(seed, step, offset *Node) *Node {
			x := Ones(seed.Graph(), shapes.Make(dtypes.Float32, rows, 3, 5))
			return New(seed, step, offset).Apply(x, 0.5, "here")
		}, uint32(3), uint32(4), offset)
	}
	whole := apply(8, 0)
	parts := append(apply(4, 0), apply(4, 4)...)
	if diff := cmp.Diff(whole, parts); diff != "" {
		t.Error("(-whole +parts)\n" + diff)
	}
	if cmp.Equal(whole[:4*15], whole[4*15:]) {
		t.Error("the second half repeats the first")
	}
}

// TestApply: an element is 0 or x/(1-rate), and its gradient 0 or 1/(1-rate) with it; nothing happens without a
// source or at rate 0.
func TestApply(t *testing.T) {
	got := call(t, func(seed, step, _ *Node) *Node {
		x := AddScalar(Iota(seed.Graph(), shapes.Make(dtypes.Float32, 2, 50), 1), 1)
		y := New(seed, step, nil).Apply(x, 0.2, "here")
		grad := Gradient(ReduceAllSum(y), x)[0]
		off := (*Source)(nil).Apply(x, 0.2, "here")
		still := New(seed, step, nil).Apply(x, 0, "here")
		return Stack([]*Node{x, y, grad, off, still}, 0)
	}, uint32(1), uint32(1), uint32(0))
	kept := 0
	for i := range 100 {
		x, y, grad, off, still := got[i], got[100+i], got[200+i], got[300+i], got[400+i]
		if y != 0 {
			kept++
		}
		if (y != 0 || grad != 0) && (math.Abs(float64(y-x*1.25)) > 1e-5 || grad != 1.25) {
			t.Errorf("%d: x %g became %g with gradient %g", i, x, y, grad)
		}
		if off != x || still != x {
			t.Errorf("%d: x %g became %g without a source, %g at rate 0", i, x, off, still)
		}
	}
	if kept == 0 || kept == 100 {
		t.Errorf("kept %d of 100", kept)
	}
}

func TestPanics(t *testing.T) {
	tests := []struct {
		name string
		rate float64
		seed any
		says string
	}{
		{"rate of one", 1, uint32(0), "site: rate 1, want 0 <= rate < 1"},
		{"negative", -0.1, uint32(0), "site: rate -0.1"},
		{"nan", math.NaN(), uint32(0), "site: rate NaN"},
		{"seed type", 0.1, float32(0), "uint32 scalars"},
	}
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := CallOnce(backend, func(seed *Node) *Node {
				x := Ones(seed.Graph(), shapes.Make(dtypes.Float32, 2, 2))
				return New(seed, Const(seed.Graph(), uint32(0)), nil).Apply(x, test.rate, "site")
			}, test.seed)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

// TestSites: a place of the same name would get the same mask.
func TestSites(t *testing.T) {
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	_, err = CallOnce(backend, func(seed *Node) *Node {
		x, source := Ones(seed.Graph(), shapes.Make(dtypes.Float32, 2, 2)), New(seed, seed, nil)
		return Add(source.Apply(x, 0.5, "here"), source.Apply(x, 0.5, "here"))
	}, uint32(1))
	if err == nil || !strings.Contains(err.Error(), "duplicate name here") {
		t.Errorf("got %v", err)
	}
}

func call(t *testing.T, build func(a, b, c *Node) *Node, args ...any) []float32 {
	t.Helper()
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	out, err := CallOnce(backend, build, args...)
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out)
}

// BenchmarkApply is one layer's attention probabilities of BERT-base at eight sequences of 128.
func BenchmarkApply(b *testing.B) {
	backend, err := parity.Backend()
	if err != nil {
		b.Fatal(err)
	}
	exec, err := NewExec(backend, func(x, seed, step *Node) *Node { return New(seed, step, nil).Apply(x, 0.1, "here") })
	if err != nil {
		b.Fatal(err)
	}
	defer exec.Finalize()
	x := tensors.FromShape(shapes.Make(dtypes.Float32, 8, 12, 128, 128))
	b.SetBytes(int64(x.Size() * 4))
	for b.Loop() {
		out, err := exec.Call(x, uint32(1), uint32(2))
		if err != nil {
			b.Fatal(err)
		}
		out[0].MustFinalizeAll()
	}
}
