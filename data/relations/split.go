package relations

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Unit is the unit that a split or fold keeps together.
type Unit string

// The units.
const (
	ByPair     Unit = "pair"     // the paper's 20 % of DDI
	ByDocument Unit = "document" // no document on both sides
)

// Hold splits off a seeded random fraction of examples; rest and held keep the order of examples. By pair it holds out
// exactly ceil(fraction*n) examples, so that 20 % of DDI's 27,792 are the paper's 5,559. By document it holds out
// documents until they have at least that many pairs.
func Hold(examples []Example, unit Unit, fraction float64, seed uint64) (rest, held []Example, err error) {
	if !(fraction > 0 && fraction < 1) {
		return nil, nil, fmt.Errorf("held-out fraction %v, want a number between 0 and 1", fraction)
	}
	want := int(math.Ceil(fraction*float64(len(examples)) - 1e-9)) // 0.1*30 is a little more than 3
	groups, err := shuffledGroups(examples, unit, seed)
	if err != nil {
		return nil, nil, err
	}
	isHeld := make([]bool, len(examples))
	n := 0
	for _, g := range groups {
		if n >= want {
			break
		}
		for _, i := range g {
			isHeld[i] = true
		}
		n += len(g)
	}
	for i, e := range examples {
		if isHeld[i] {
			held = append(held, e)
		} else {
			rest = append(rest, e)
		}
	}
	if len(rest) == 0 {
		return nil, nil, fmt.Errorf("holding out %v of %d pairs by %s leaves no pairs to train on", fraction, len(examples), unit)
	}
	return rest, held, nil
}

// shuffledGroups returns the indices of examples grouped by unit, the groups in a seeded random order.
func shuffledGroups(examples []Example, unit Unit, seed uint64) ([][]int, error) {
	var groups [][]int
	at := map[string]int{}
	for i, e := range examples {
		switch unit {
		case ByPair:
			groups = append(groups, []int{i})
		case ByDocument:
			g, ok := at[e.Document]
			if !ok {
				g = len(groups)
				at[e.Document] = g
				groups = append(groups, nil)
			}
			groups[g] = append(groups[g], i)
		default:
			return nil, fmt.Errorf("unit %q, want %s or %s", string(unit), ByPair, ByDocument)
		}
	}
	r := rand.New(rand.NewPCG(seed, 0x73706c6974)) // a separate stream: "split"
	r.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	return groups, nil
}

// Sample returns n of examples, in their order; 0 returns all. The choice depends only on n and the number of examples:
// it is the first n in one fixed random order.
func Sample(examples []Example, n int) []Example {
	if n == 0 || n >= len(examples) {
		return examples
	}
	chosen := rand.New(rand.NewPCG(0, uint64(len(examples)))).Perm(len(examples))[:n]
	slices.Sort(chosen)
	kept := make([]Example, n)
	for i, c := range chosen {
		kept[i] = examples[c]
	}
	return kept
}

// AssignFolds returns examples with Fold set to one of k folds. It deals out the units in a seeded random order, so that
// the sizes of folds differ by at most one unit.
func AssignFolds(examples []Example, unit Unit, k int, seed uint64) ([]Example, error) {
	groups, err := shuffledGroups(examples, unit, seed)
	if err != nil {
		return nil, err
	}
	if k < 2 || len(groups) < k {
		return nil, fmt.Errorf("%d folds of %d %ss, want at least 2 folds and a %s in each", k, len(groups), unit, unit)
	}
	out := slices.Clone(examples)
	for n, g := range groups {
		for _, i := range g {
			out[i].Fold = n % k
		}
	}
	return out, nil
}

// CheckFolds returns an error if cross-validation is impossible: a fold is empty or has no positive example. A document
// may be in several folds, as in published folds of pairs; AssignFolds by document avoids this.
func CheckFolds(examples []Example, negative string) error {
	pairs, positives := map[int]int{}, map[int]int{}
	folds := 0
	for _, e := range examples {
		if e.Fold == NoFold {
			return fmt.Errorf("pair %s is in no fold", e.ID)
		}
		folds = max(folds, e.Fold+1)
		pairs[e.Fold]++
		if e.Label != negative {
			positives[e.Fold]++
		}
	}
	for f := range folds {
		if pairs[f] == 0 {
			return fmt.Errorf("fold %d: empty", f)
		}
		if positives[f] == 0 {
			return fmt.Errorf("fold %d: none of the %d pairs is positive (the negative label is %q)", f, pairs[f], negative)
		}
	}
	return nil
}

// Pick returns the examples with an id or document in names, and the names without an example.
func Pick(examples []Example, names []string) (kept []Example, unmet []string) {
	met := make(map[string]bool, len(names))
	for _, n := range names {
		met[n] = false
	}
	for _, e := range examples {
		_, byID := met[e.ID]
		_, byDocument := met[e.Document]
		if byID {
			met[e.ID] = true
		}
		if byDocument {
			met[e.Document] = true
		}
		if byID || byDocument {
			kept = append(kept, e)
		}
	}
	for _, n := range names {
		if !met[n] {
			unmet = append(unmet, n)
			met[n] = true // named twice, reported once
		}
	}
	return kept, unmet
}
