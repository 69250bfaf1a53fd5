package marked

import (
	"slices"
	"strings"
	"unicode"

	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
)

// Word is a word of an encoded sentence, or a punctuation mark. A mention is one word, whatever its number of word pieces.
type Word struct {
	Span    text.Span // in the sentence
	Weight  float64   // sum over its pieces
	Pieces  int
	Mention bool
	Letters bool // it has only letters
	Apart   int  // distance to the nearest mention in words, 1 for a neighbour; 0 for a mention; -1 without mentions
}

// Words joins the word pieces of row e to words and sums their weights, which are by position. e must have spans. A piece
// that continues a word in v joins the word before it if it directly follows it in the text; all pieces of a mention join
// the mention. Distances do not count punctuation.
func Words(v *wordpiece.Vocabulary, line string, e Row, weights []float32) []Word {
	var words []Word
	last := -1 // the mention of the previous piece
	for i, span := range e.Spans {
		if span.Start == span.End {
			continue // [CLS] or [SEP]
		}
		mention := slices.IndexFunc(e.Mentions[:], func(m wordpiece.Span) bool { return m.Start <= i && i < m.End })
		joins := len(words) > 0 && (mention >= 0 && mention == last || mention < 0 && last < 0 && v.Continues(e.IDs[i]) && follows(line, words[len(words)-1].Span, span))
		last = mention
		if joins {
			w := &words[len(words)-1]
			w.Span.End = span.End
			w.Weight += float64(weights[i])
			w.Pieces++
			continue
		}
		words = append(words, Word{Span: span, Weight: float64(weights[i]), Pieces: 1, Mention: mention >= 0})
	}
	count := make([]int, len(words)) // words up to and including each
	n := 0
	for i := range words {
		w := &words[i]
		inside := []rune(line[w.Span.Start:w.Span.End])
		w.Letters = !slices.ContainsFunc(inside, func(r rune) bool { return !unicode.IsLetter(r) })
		if w.Mention || slices.ContainsFunc(inside, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			n++
		}
		count[i] = n
	}
	for i := range words {
		words[i].Apart = apart(words, count, i)
	}
	return words
}

// follows reports whether no visible character is between two spans of line. Text that a cut removed is visible.
func follows(line string, before, after text.Span) bool {
	return strings.IndexFunc(line[before.End:max(before.End, after.Start)], unicode.IsGraphic) < 0
}

// apart returns the distance of word i to the nearest mention, in words.
func apart(words []Word, count []int, i int) int {
	best := -1
	for k, m := range words {
		if d := max(count[i]-count[k], count[k]-count[i]); m.Mention && (best < 0 || d < best) {
			best = d
		}
	}
	return best
}
