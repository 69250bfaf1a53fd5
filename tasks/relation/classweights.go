package relation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/marked"
)

// BalancedWeights is the value for class weights that give all labels the same total weight.
const BalancedWeights = "balanced"

// ClassWeights holds the weight of an example by its label. In TOML it is a table of weights, or the string
// BalancedWeights.
type ClassWeights struct {
	Balanced bool
	Of       map[string]float64 // by label; 1 for labels without an entry
}

// UnmarshalTOML accepts BalancedWeights or a table of numbers. The entries of a table are added to those of w.
func (w *ClassWeights) UnmarshalTOML(v any) error {
	table, ok := v.(map[string]any)
	if word, isWord := v.(string); isWord && word == BalancedWeights {
		*w = ClassWeights{Balanced: true}
		return nil
	}
	if !ok {
		return fmt.Errorf("want %q or a weight for each label, such as {effect = 2.0}, got %v", BalancedWeights, v)
	}
	of := maps.Clone(w.Of)
	if of == nil {
		of = map[string]float64{}
	}
	for label, x := range table {
		switch x := x.(type) {
		case float64:
			of[label] = x
		case int64:
			of[label] = float64(x)
		default:
			return fmt.Errorf("%s: want a number, got %v", label, x)
		}
	}
	*w = ClassWeights{Of: of}
	return nil
}

// MarshalTOML writes w as UnmarshalTOML reads it.
func (w ClassWeights) MarshalTOML() ([]byte, error) {
	if w.Balanced {
		return fmt.Appendf(nil, "%q", BalancedWeights), nil
	}
	var entries []string
	for _, l := range slices.Sorted(maps.Keys(w.Of)) {
		entries = append(entries, fmt.Sprintf("%q = %g", l, w.Of[l]))
	}
	text := "{" + strings.Join(entries, ", ") + "}"
	return []byte(text), nil
}

// Balance returns the balanced weights for examples: n/(k·n_l) for a label with n_l of n examples, where k is the number
// of labels with examples, so that the mean weight is 1. Labels without examples have weight 1. If w is not Balanced,
// Balance returns w.
func (w ClassWeights) Balance(examples []marked.Row, labels []string) ClassWeights {
	if !w.Balanced {
		return w
	}
	counts := make([]int, len(labels))
	present := 0
	for _, e := range examples {
		if counts[e.Label]++; counts[e.Label] == 1 {
			present++
		}
	}
	out := ClassWeights{Of: map[string]float64{}}
	for i, n := range counts {
		if n > 0 {
			out.Of[labels[i]] = float64(len(examples)) / float64(present*n)
		}
	}
	return out
}
