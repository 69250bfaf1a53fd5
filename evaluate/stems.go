package evaluate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/subbert/subbert/evaluate/porter"
)

// StemWeight is a row of the paper's Table 8.
type StemWeight struct {
	Stem  string  `json:"stem"`
	Word  string  `json:"word"`            // the most frequent word of the stem
	Mean  float64 `json:"mean"`            // of the weights of its words
	Times float64 `json:"times,omitempty"` // mean of the weights divided by an equal share
	Count int     `json:"count"`
}

// StemWeights accumulates the weights of words by their Porter stem. The zero value is ready to use.
type StemWeights struct {
	stems map[string]*stemSum
}

type stemSum struct {
	sum   float64
	times float64
	count int
	words map[string]int
}

// Add adds the weight of one occurrence of word, and that weight divided by an equal share. It ignores stop words.
func (s *StemWeights) Add(word string, weight, times float64) {
	if s.stems == nil {
		s.stems = map[string]*stemSum{}
	}
	word = strings.ToLower(word)
	if isStopWord(word) {
		return
	}
	stem := porter.Stem(word)
	t := s.stems[stem]
	if t == nil {
		t = &stemSum{words: map[string]int{}}
		s.stems[stem] = t
	}
	t.sum += weight
	t.times += times
	t.count++
	t.words[word]++
}

// Top returns the n stems with the greatest mean weight among those that occur at least least times, all of
// them if n is 0.
func (s *StemWeights) Top(n, least int) []StemWeight {
	var out []StemWeight
	for stem, t := range s.stems {
		if t.count >= least {
			out = append(out, StemWeight{Stem: stem, Word: t.word(), Mean: t.sum / float64(t.count), Times: t.times / float64(t.count), Count: t.count})
		}
	}
	slices.SortFunc(out, func(a, b StemWeight) int { return cmp.Or(cmp.Compare(b.Mean, a.Mean), cmp.Compare(a.Stem, b.Stem)) })
	if n > 0 && len(out) > n {
		out = out[:n]
	}
	return out
}

// word is the most frequent word; of several, the alphabetically first.
func (t *stemSum) word() string {
	best := ""
	for w, n := range t.words {
		if best == "" || n > t.words[best] || n == t.words[best] && w < best {
			best = w
		}
	}
	return best
}
