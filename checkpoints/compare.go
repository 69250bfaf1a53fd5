package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/subbert/subbert/checkpoints/host"
)

// Comparison is the difference of two models.
type Comparison struct {
	A        string      `json:"a"`
	B        string      `json:"b"`
	Equal    bool        `json:"equal"` // every tensor of each is in the other, with the same numbers
	Layers   []LayerDiff `json:"layers"`
	OnlyInA  []string    `json:"only_in_a,omitempty"`
	OnlyInB  []string    `json:"only_in_b,omitempty"`
	Unshaped []ShapeDiff `json:"shape_differs,omitempty"` // got is A's, want is B's
}

// LayerDiff is the difference of one layer's parameters.
type LayerDiff struct {
	Layer    string  `json:"layer"`
	Tensors  int     `json:"tensors"`
	Changed  int     `json:"changed"`  // tensors that differ anywhere
	Largest  float64 `json:"largest"`  // absolute difference of two finite numbers
	Relative float64 `json:"relative"` // norm of B-A over that of A; the norm of B-A where A is zero
}

// layerSums accumulates a LayerDiff.
type layerSums struct {
	LayerDiff
	difference, a float64 // squares
}

// CompareWith is Compare for m and the model at path.
func CompareWith(ctx context.Context, m *Model, path string) (_ *Comparison, err error) {
	other, _, err := Peek(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, other.Close()) }()
	return Compare(m, other)
}

// Compare compares the weights of two models as float32, a pair of tensors at a time. A stored copy of a tied parameter
// in only one of them is not a difference.
func Compare(a, b *Model) (*Comparison, error) {
	c := &Comparison{A: a.Path, B: b.Path}
	copiesA, errA := a.copies()
	copiesB, errB := b.copies()
	if err := errors.Join(errA, errB); err != nil {
		return nil, err
	}
	inB := make(map[string]Info)
	for _, info := range b.Tensors() {
		inB[info.Name] = info
	}
	sums, reading := make(map[string]*layerSums), a.begin("compared", sizeOf(a.Tensors()))
	for _, x := range a.Tensors() {
		y, ok := inB[x.Name]
		delete(inB, x.Name)
		switch {
		case !ok && copiesA[x.Name]:
		case !ok:
			c.OnlyInA = append(c.OnlyInA, x.Name)
		case !slices.Equal(x.Shape, y.Shape):
			c.Unshaped = append(c.Unshaped, ShapeDiff{Name: x.Name, Got: x.Shape, Want: y.Shape})
		case x.DType.Float() && y.DType.Float():
			layer := layerOf(x.Name)
			if sums[layer] == nil {
				sums[layer] = &layerSums{LayerDiff: LayerDiff{Layer: layer}}
				c.Layers = append(c.Layers, LayerDiff{Layer: layer}) // filled in below
			}
			if err := sums[layer].add(a, b, x, y); err != nil {
				return nil, err
			}
			reading.add(x.Bytes())
		}
	}
	for name := range inB {
		if !copiesB[name] {
			c.OnlyInB = append(c.OnlyInB, name)
		}
	}
	slices.Sort(c.OnlyInB)
	c.finish(sums)
	return c, nil
}

func (c *Comparison) finish(sums map[string]*layerSums) {
	c.Equal = len(c.OnlyInA)+len(c.OnlyInB)+len(c.Unshaped) == 0
	for i := range c.Layers {
		s := sums[c.Layers[i].Layer]
		s.Relative = math.Sqrt(s.difference)
		if s.a > 0 {
			s.Relative /= math.Sqrt(s.a)
		}
		c.Layers[i] = s.LayerDiff
		c.Equal = c.Equal && s.Changed == 0
	}
	slices.SortFunc(c.Layers, func(a, b LayerDiff) int { return layerOrder(a.Layer) - layerOrder(b.Layer) })
}

// add compares one tensor.
func (s *layerSums) add(a, b *Model, x, y Info) error {
	u, v := make([]float32, x.Elements()), make([]float32, y.Elements())
	if err := host.ReadFloat32(a.weights, x, u); err != nil {
		return fmt.Errorf("%s: %w", a.Path, err)
	}
	if err := host.ReadFloat32(b.weights, y, v); err != nil {
		return fmt.Errorf("%s: %w", b.Path, err)
	}
	changed := false
	for i := range u {
		if math.Float32bits(u[i]) != math.Float32bits(v[i]) { // equal NaNs are no change
			changed = true
		}
		d := float64(v[i]) - float64(u[i])
		if math.IsNaN(d) || math.IsInf(d, 0) {
			continue // only finite numbers count in the norm
		}
		s.difference += d * d
		s.a += float64(u[i]) * float64(u[i])
		s.Largest = max(s.Largest, math.Abs(d))
	}
	s.Tensors++
	if changed {
		s.Changed++
	}
	return nil
}

var layerNumber = regexp.MustCompile(`^bert\.encoder\.layer\.(\d+)\.`)

// layerOf names the place of a parameter in the model: embeddings, layer N, or a part.
func layerOf(name string) string {
	if found := layerNumber.FindStringSubmatch(name); found != nil {
		return "layer " + found[1]
	}
	if part := PartOf(name); part != Encoder {
		return string(part)
	}
	return "embeddings"
}

// layerOrder orders the results of layerOf from the input to the output.
func layerOrder(layer string) int {
	var n int
	if _, err := fmt.Sscanf(layer, "layer %d", &n); err == nil {
		return 1 + n
	}
	if at := slices.Index(Parts(), Part(layer)); at >= 0 {
		return math.MaxInt32 + at
	}
	return 0
}
