package survey

import (
	"slices"
	"strings"
	"unicode"

	"github.com/subbert/subbert/data/relations"
)

// pattern is the words of a marked sentence in lower case, with gap in place of each tag that replaces a mention.
type pattern []string

const gap = ""

func patternOf(sentence string) pattern {
	var p pattern
	for i, part := range relations.Stretches(sentence) {
		if i > 0 {
			p = append(p, gap)
		}
		p = append(p, strings.FieldsFunc(strings.ToLower(part), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })...)
	}
	return p
}

// Bounds for treating two patterns as one sentence.
const (
	fewestWords  = 5   // minimum number of shared words
	leastCommon  = 0.6 // minimum fraction of shared words, of the words of the shorter pattern
	longestName  = 6   // maximum number of words that a tag replaces
	mostLikely   = 64  // maximum number of patterns that a pattern is compared with
	shingle      = 3   // consecutive words that two patterns must share to be compared
	rarestLooked = 3   // number of shingles of a pattern to look up, rarest first
)

// differsInNames reports whether p and q share most words and become the same text if names replace their gaps.
func (p pattern) differsInNames(q pattern) bool {
	if !p.resembles(q) {
		return false
	}
	failed := map[[2]int]bool{} // starts of rests of p and q that do not match
	var match func(i, j int) bool
	match = func(i, j int) bool {
		at := [2]int{i, j}
		switch {
		case i == len(p) && j == len(q):
			return true
		case i == len(p) || j == len(q) || failed[at]:
			return false
		case p[i] == q[j] && match(i+1, j+1):
			return true
		}
		for n := 1; p[i] == gap && n <= q[j:].name(); n++ {
			if match(i+1, j+n) {
				return true
			}
		}
		for n := 1; q[j] == gap && n <= p[i:].name(); n++ {
			if match(i+n, j+1) {
				return true
			}
		}
		failed[at] = true
		return false
	}
	return match(0, 0)
}

// name returns the maximum number of words at the start of p that a gap of another pattern may replace.
func (p pattern) name() int {
	n := 0
	for n < min(len(p), longestName) && p[n] != gap {
		n++
	}
	return n
}

// resembles reports whether p and q share most words, in any order.
func (p pattern) resembles(q pattern) bool {
	counts := map[string]int{}
	inP, inQ, common := 0, 0, 0
	for _, w := range p {
		if w != gap {
			inP++
			counts[w]++
		}
	}
	for _, w := range q {
		if w == gap {
			continue
		}
		inQ++
		if counts[w] > 0 {
			counts[w]--
			common++
		}
	}
	return common >= fewestWords && float64(common) >= leastCommon*float64(min(inP, inQ))
}

// known indexes the training set.
type known struct {
	labels    map[string][]string // labels of rows, by text
	documents map[string]bool
	patterns  []pattern
	holding   map[string][]int32 // indices of patterns, by shingle
}

func newKnown(examples []relations.Example) *known {
	k := &known{labels: map[string][]string{}, documents: map[string]bool{}, holding: map[string][]int32{}}
	for _, e := range examples {
		if hasDocument(e) {
			k.documents[e.Document] = true
		}
		labels, again := k.labels[e.Text]
		k.labels[e.Text] = append(labels, e.Label)
		if again {
			continue
		}
		p := patternOf(e.Text)
		for s := range p.shingles {
			if at := k.holding[s]; len(at) == 0 || at[len(at)-1] != int32(len(k.patterns)) {
				k.holding[s] = append(at, int32(len(k.patterns)))
			}
		}
		k.patterns = append(k.patterns, p)
	}
	return k
}

// shingles yields every run of shingle consecutive words of p without a gap.
func (p pattern) shingles(yield func(string) bool) {
	for i := range max(0, len(p)-shingle+1) {
		words := p[i : i+shingle]
		if !slices.Contains(words, gap) && !yield(strings.Join(words, " ")) {
			return
		}
	}
}

// share counts what set shares with the training set, which is called name.
func (k *known) share(name string, set Set) Shared {
	out := Shared{A: name, B: set.Name}
	judged := map[string]bool{} // whether a text is like a known one
	for _, e := range set.Examples {
		if hasDocument(e) && k.documents[e.Document] {
			out.Documents++
		}
		if labels, ok := k.labels[e.Text]; ok {
			out.Rows++
			if e.Label != "" && !slices.Contains(labels, e.Label) {
				out.OtherLabel++
			}
			continue
		}
		is, ok := judged[e.Text]
		if !ok {
			is = k.hasLike(patternOf(e.Text))
			judged[e.Text] = is
		}
		if is {
			out.Alike++
		}
	}
	return out
}

// hasLike reports whether p differs from a known sentence only in names. It compares p with the patterns that share its
// rarest shingles.
func (k *known) hasLike(p pattern) bool {
	var found [][]int32
	for s := range p.shingles {
		if at := k.holding[s]; at != nil {
			found = append(found, at)
		}
	}
	slices.SortStableFunc(found, func(a, b []int32) int { return len(a) - len(b) })
	looked := 0
	for _, at := range found[:min(rarestLooked, len(found))] {
		for _, i := range at {
			if looked++; looked > mostLikely {
				return false
			}
			if p.differsInNames(k.patterns[i]) {
				return true
			}
		}
	}
	return false
}
