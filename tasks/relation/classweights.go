package relation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/marked"
)

// BalancedWeights is the word for class weights that make the examples of every label weigh alike.
const BalancedWeights = "balanced"

// ClassWeights says how much an example counts by its label. In TOML it is a table of weights, or the word BalancedWeights.
type ClassWeights struct {
	Balanced bool
	Of       map[string]float64 // by label; 1 where it has none
}

// UnmarshalTOML accepts a table of numbers, whose entries are added to those of w, or BalancedWeights.
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

// Balance makes balanced weights those of the examples: n/(k·n_l) for each of n_l examples of a label, of n in all with k
// labels, so that the mean weight is 1. Labels without an example keep the weight 1. Other weights stay as they are.
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
