package extract

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/subbert/subbert/runs/result"
)

// choice collects sentences to show: of different words, and at most as many of each gold label as are shown in all.
type choice struct {
	most    int
	all     bool // take whatever is added
	seen    map[string]bool
	labels  []string // in order of first appearance
	byLabel map[string][]candidate
}

// candidate is a sentence that may be shown.
type candidate struct {
	at       int // among the examples
	sentence result.Sentence
}

// wants reports whether to add an example. It takes one of those that differ only in which mentions make the pair.
func (c *choice) wants(a Attended) bool {
	if c.all {
		return true
	}
	words := wordsOf(a)
	if c.seen[words] || len(c.byLabel[a.Example.Label]) >= c.most {
		return false
	}
	c.seen[words] = true
	return true
}

// wordsOf returns the words of an example without its mentions and without tags, which are upper case.
func wordsOf(a Attended) string {
	var words []string
	for _, w := range a.Words {
		text := a.Example.Text[w.Span.Start:w.Span.End]
		if !w.Mention && strings.ContainsFunc(text, unicode.IsLower) {
			words = append(words, text)
		}
	}
	if len(words) == 0 {
		return a.Example.Text
	}
	return strings.Join(words, " ")
}

func (c *choice) add(at int, s result.Sentence) {
	if c.byLabel[s.Gold] == nil {
		c.labels = append(c.labels, s.Gold)
	}
	c.byLabel[s.Gold] = append(c.byLabel[s.Gold], candidate{at, s})
}

// sentences returns the sentences to show in the order of the examples: one of each gold label in turn, that of no
// relation last, until there are enough.
func (c *choice) sentences(negative string) []result.Sentence {
	slices.SortStableFunc(c.labels, func(a, b string) int { return rank(a, negative) - rank(b, negative) })
	var taken []candidate
	for round, more := 0, true; more; round++ {
		more = false
		for _, l := range c.labels {
			if list := c.byLabel[l]; round < len(list) && (c.all || len(taken) < c.most) {
				taken, more = append(taken, list[round]), true
			}
		}
	}
	slices.SortFunc(taken, func(a, b candidate) int { return cmp.Compare(a.at, b.at) })
	var out []result.Sentence
	for _, t := range taken {
		out = append(out, t.sentence)
	}
	return out
}

func rank(label, negative string) int {
	if label == negative {
		return 1
	}
	return 0
}
