// Package weights describes the parameters of a model before there is a graph: their names, shapes and first values.
//
// Names are those of Hugging Face's files. The variable that holds "bert.pooler.dense.weight" is
// "/bert/pooler/dense/weight". First values are drawn on the host from the seed and the name, so that a seed means
// the same weights on every backend, and adding a head changes no other parameter.
package weights

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Init says how a parameter starts.
type Init int

const (
	// TruncatedNormal draws from a normal distribution of mean 0 and standard deviation Spread and draws again
	// beyond two of them, as Google's code does; the resulting standard deviation is 0.88 of Spread.
	TruncatedNormal Init = iota
	// Uniform draws from [-Spread, Spread).
	Uniform
	Ones
	Zeros
)

// Parameter describes a parameter before it has a value.
type Parameter struct {
	Name   string // dotted, as in Hugging Face's files
	Shape  []int
	Init   Init
	Spread float64 // of TruncatedNormal and Uniform
}

// Size is the number of elements.
func (p Parameter) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Path is the path of the variable that holds the parameter with the given dotted name.
func Path(name string) string { return "/" + strings.ReplaceAll(name, ".", "/") }

// Name is the dotted name of the parameter that the variable at path holds: the inverse of Path.
func Name(path string) string { return strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ".") }

// Dense lists the weight [out,in] and the bias [out] of a dense layer called name; spread is the weight's.
func Dense(name string, in, out int, spread float64) []Parameter {
	return []Parameter{Matrix(name, out, in, spread), {Name: name + ".bias", Shape: []int{out}, Init: Zeros}}
}

// Norm lists the weight and the bias [size] of a layer normalisation called name.
func Norm(name string, size int) []Parameter {
	return []Parameter{
		{Name: name + ".weight", Shape: []int{size}, Init: Ones},
		{Name: name + ".bias", Shape: []int{size}, Init: Zeros},
	}
}

// Matrix is the weight [rows,columns] of the layer called name.
func Matrix(name string, rows, columns int, spread float64) Parameter {
	return Parameter{Name: name + ".weight", Shape: []int{rows, columns}, Init: TruncatedNormal, Spread: spread}
}

// Initialize draws p's first value, row-major. It depends on seed, p's name and p's shape only: neither on the
// order of calls nor on the other parameters of the model.
func Initialize(seed uint64, p Parameter) []float32 {
	values := make([]float32, p.Size())
	h := fnv.New64a()
	h.Write([]byte(p.Name)) // a hash.Hash never fails
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	for i := range values {
		switch p.Init {
		case TruncatedNormal:
			values[i] = float32(p.Spread * truncated(rng))
		case Uniform:
			values[i] = float32(p.Spread * (2*rng.Float64() - 1))
		case Ones:
			values[i] = 1
		}
	}
	return values
}

func truncated(rng *rand.Rand) float64 {
	for {
		if x := rng.NormFloat64(); -2 <= x && x <= 2 {
			return x
		}
	}
}

// Create makes the variable of p with the given values, row-major. It fails if there are not as many
// values as p has elements, or the store has the variable already.
func Create(store *model.Store, p Parameter, values []float32) error {
	if len(values) != p.Size() {
		return fmt.Errorf("parameter %s: %d values, want %d for shape %v", p.Name, len(values), p.Size(), p.Shape)
	}
	if store.GetVariable(Path(p.Name)) != nil {
		return fmt.Errorf("parameter %s: the variable already exists", p.Name)
	}
	if _, err := store.CreateVariable(Path(p.Name), tensors.FromFlatDataAndDimensions(values, p.Shape...)); err != nil {
		return fmt.Errorf("parameter %s: %w", p.Name, err)
	}
	return nil
}
