// Package golden compares tensors by name with fixtures that a reference implementation wrote.
//
// It is for tests only. Fixtures are safetensors files made by a script in scripts/. The package has its own
// reader, which supports only their three element types (F32, F64, I32), so that a fault in the project's reader
// of published weights cannot hide in a comparison. It imports neither gomlx nor checkpoints.
package golden

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Tensor is a row-major array; exactly one of Floats and Ints is set unless it is empty.
type Tensor struct {
	Shape  []int
	Floats []float32
	Ints   []int32
}

// Floats is a Tensor of the given values. A scalar has no dimensions.
func Floats(values []float32, shape ...int) Tensor { return Tensor{Shape: shape, Floats: values} }

// Tensors is a set of tensors by name.
type Tensors map[string]Tensor

// Tolerance bounds |got - want| for one tensor: Relative times the largest magnitude in want, plus Absolute.
// The scale is the tensor's and not the element's because rounding in a sum follows the largest term. Absolute
// is for tensors that are zero except for rounding, such as the gradient of a key's bias.
type Tolerance struct {
	Relative, Absolute float64
}

// Diff lists, in the order of the names, tensors that are missing in got, tensors that are not in want, and
// differences of shapes or values. It is empty if got equals want within tol. NaN equals nothing.
func Diff(want, got Tensors, tol Tolerance) []string {
	var faults []string
	for _, name := range union(want, got) {
		w, wanted := want[name]
		g, found := got[name]
		switch {
		case !found:
			faults = append(faults, fmt.Sprintf("%s: missing, want shape %v", name, w.Shape))
		case !wanted:
			faults = append(faults, fmt.Sprintf("%s: unexpected, got shape %v", name, g.Shape))
		default:
			if fault := compare(w, g, tol); fault != "" {
				faults = append(faults, name+": "+fault)
			}
		}
	}
	return faults
}

// Worst returns the largest difference between tensors of the same name, relative to the largest magnitude in
// want, and that name. Tensors whose largest magnitude is at most floor are left out.
func Worst(want, got Tensors, floor float64) (name string, relative float64) {
	for _, n := range union(want, got) {
		w, g := want[n], got[n]
		scale := largest(w.Floats)
		if len(w.Floats) != len(g.Floats) || scale <= floor {
			continue
		}
		if _, apart := farthest(w.Floats, g.Floats); apart/scale > relative {
			name, relative = n, apart/scale
		}
	}
	return name, relative
}

func compare(want, got Tensor, tol Tolerance) string {
	if !slices.Equal(want.Shape, got.Shape) {
		return fmt.Sprintf("got shape %v, want %v", got.Shape, want.Shape)
	}
	if !slices.Equal(want.Ints, got.Ints) {
		return fmt.Sprintf("got %v, want %v", got.Ints, want.Ints)
	}
	if len(want.Floats) != len(got.Floats) {
		return fmt.Sprintf("got %d values, want %d", len(got.Floats), len(want.Floats))
	}
	at, apart := farthest(want.Floats, got.Floats)
	scale := largest(want.Floats)
	if limit := tol.Relative*scale + tol.Absolute; !(apart <= limit) {
		return fmt.Sprintf("at %d got %g, want %g: difference %.3g, tolerance %.3g (largest %.3g)",
			at, got.Floats[at], want.Floats[at], apart, limit, scale)
	}
	return ""
}

// farthest returns the index and size of the largest difference; a NaN on either side counts as infinite.
func farthest(want, got []float32) (at int, apart float64) {
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(d) {
			return i, math.Inf(1)
		}
		if d > apart {
			at, apart = i, d
		}
	}
	return at, apart
}

func largest(values []float32) float64 {
	m := 0.0
	for _, v := range values {
		m = max(m, math.Abs(float64(v)))
	}
	return m
}

func union(a, b Tensors) []string {
	names := make([]string, 0, len(a))
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		if _, both := a[name]; !both {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}
