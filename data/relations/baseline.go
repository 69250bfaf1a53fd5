package relations

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode"
)

// A baseline learns from the words and labels of train and predicts one of these labels for each example of test. Its
// score shows what a corpus yields without a model. It fails with the error of ctx when ctx ends.

// WordOverlap predicts for each example of test the label of the most similar sentence of train, the first of equals.
// Similarity is the Jaccard index: the number of shared words divided by the number of words in either sentence.
func WordOverlap(ctx context.Context, train, test []Example) ([]string, error) {
	bags := newBags(ctx, train)
	containing := make([][]int32, len(bags.ids)) // indices of train, by word
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

// BagOfWords is naive Bayes over the set of words of a sentence, with add-one smoothing.
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

// bags maps the words of a corpus to numbers.
type bags struct{ ids map[string]int }

// newBags numbers the words of examples. If ctx ends it stops early.
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

// known returns the numbers of the words of text that are in b.
func (b bags) known(text string) []int {
	var out []int
	for _, w := range wordSet(text) {
		if id, ok := b.ids[w]; ok {
			out = append(out, id)
		}
	}
	return out
}

// wordSet returns the distinct words of text in lower case. Marks of mentions count as words.
func wordSet(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("@$", r)
	})
	slices.Sort(words)
	return slices.Compact(words)
}
