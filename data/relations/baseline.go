package relations

import (
	"math"
	"slices"
	"strings"
	"unicode"
)

// A baseline learns from the words of train, whose labels are known, and gives each of test one of those labels. It says
// what a corpus yields without a model.

// WordOverlap gives each of test the label of the sentence of train that shares the most words with it, in proportion
// to the words of both together (Jaccard); the first of equals.
func WordOverlap(train, test []Example) []string {
	bags := newBags(train)
	containing := make([][]int32, len(bags.ids)) // examples of train, by word
	sizes := make([]int, len(train))
	for i, e := range train {
		words := bags.known(e.Text)
		sizes[i] = len(words)
		for _, w := range words {
			containing[w] = append(containing[w], int32(i))
		}
	}
	out := make([]string, len(test))
	shared := make([]int, len(train))
	for i, e := range test {
		clear(shared)
		for _, w := range bags.known(e.Text) {
			for _, at := range containing[w] {
				shared[at]++
			}
		}
		all, best, bestAt := len(wordSet(e.Text)), -1.0, 0
		for at, n := range shared {
			if overlap := float64(n) / float64(max(1, all+sizes[at]-n)); overlap > best {
				best, bestAt = overlap, at
			}
		}
		out[i] = train[bestAt].Label
	}
	return out
}

// BagOfWords is naive Bayes over the set of a sentence's words, each counted once more than it was seen.
func BagOfWords(train, test []Example) []string {
	bags := newBags(train)
	var labels []string
	for _, e := range train {
		if !slices.Contains(labels, e.Label) {
			labels = append(labels, e.Label)
		}
	}
	examples, counts, words := make([]float64, len(labels)), make([][]float64, len(labels)), make([]float64, len(labels))
	for l := range counts {
		counts[l] = make([]float64, len(bags.ids))
	}
	for _, e := range train {
		l := slices.Index(labels, e.Label)
		examples[l]++
		for _, w := range bags.known(e.Text) {
			counts[l][w]++
			words[l]++
		}
	}
	out := make([]string, len(test))
	for i, e := range test {
		best, known := math.Inf(-1), bags.known(e.Text)
		for l := range labels {
			score := math.Log(examples[l] / float64(len(train)))
			for _, w := range known {
				score += math.Log((counts[l][w] + 1) / (words[l] + float64(len(bags.ids))))
			}
			if score > best {
				best, out[i] = score, labels[l]
			}
		}
	}
	return out
}

// bags numbers the words of a corpus.
type bags struct{ ids map[string]int }

func newBags(examples []Example) bags {
	b := bags{map[string]int{}}
	for _, e := range examples {
		for _, w := range wordSet(e.Text) {
			if _, ok := b.ids[w]; !ok {
				b.ids[w] = len(b.ids)
			}
		}
	}
	return b
}

// known are the numbers of the words of text that b has.
func (b bags) known(text string) []int {
	var out []int
	for _, w := range wordSet(text) {
		if id, ok := b.ids[w]; ok {
			out = append(out, id)
		}
	}
	return out
}

// wordSet are the words of text in lower case, each once. The marks of mentions are words like others.
func wordSet(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("@$", r)
	})
	slices.Sort(words)
	return slices.Compact(words)
}
