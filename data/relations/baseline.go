package relations

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode"
)

// A baseline learns from the words of train, whose labels are known, and gives each of test one of those labels. It says
// what a corpus yields without a model. It fails with the error of ctx when that ends.

// WordOverlap gives each of test the label of the sentence of train that shares the most words with it, in proportion
// to the words of both together (Jaccard); the first of equals.
func WordOverlap(ctx context.Context, train, test []Example) ([]string, error) {
	bags := newBags(ctx, train)
	containing := make([][]int32, len(bags.ids)) // examples of train, by word
	sizes := make([]int, len(train))
	for i, e := range train {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		words := bags.known(e.Text)
		sizes[i] = len(words)
		for _, w := range words {
			containing[w] = append(containing[w], int32(i))
		}
	}
	out := make([]string, len(test))
	shared := make([]int, len(train))
	for i, e := range test {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
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
	return out, nil
}

// BagOfWords is naive Bayes over the set of a sentence's words, each counted once more than it was seen.
func BagOfWords(ctx context.Context, train, test []Example) ([]string, error) {
	bags := newBags(ctx, train)
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
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		l := slices.Index(labels, e.Label)
		examples[l]++
		for _, w := range bags.known(e.Text) {
			counts[l][w]++
			words[l]++
		}
	}
	out := make([]string, len(test))
	for i, e := range test {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
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
	return out, nil
}

// bags numbers the words of a corpus.
type bags struct{ ids map[string]int }

// newBags numbers the words of examples, or of the first ones if ctx ends.
func newBags(ctx context.Context, examples []Example) bags {
	b := bags{map[string]int{}}
	for _, e := range examples {
		if ctx.Err() != nil {
			break
		}
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
