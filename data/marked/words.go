package marked

import (
	"slices"
	"strings"
	"unicode"

	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
)

// Word is a word of an encoded sentence, or a mark of punctuation. A mention is one word however many pieces it has.
type Word struct {
	Span    text.Span // in the sentence
	Weight  float64   // of its pieces together
	Pieces  int
	Mention bool
	Letters bool // it is made of letters alone
	Apart   int  // words between it and the nearest mention, itself included; 0 for a mention; -1 if there is none
}

// Words puts the pieces of row e together again and adds up their weights, by position. E has spans. Pieces that v says
// continue a word belong to it if they follow it in the text, and those of a mention to the mention. Punctuation does not
// count as a word between.
func Words(v *wordpiece.Vocabulary, line string, e Row, weights []float32) []Word {
	var words []Word
	last := -1 // the mention that the piece before belongs to
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
	count := make([]int, len(words)) // words up to each, itself included
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

// follows reports whether nothing that can be seen stands between two spans of line; what a cut left out could be.
func follows(line string, before, after text.Span) bool {
	return strings.IndexFunc(line[before.End:max(before.End, after.Start)], unicode.IsGraphic) < 0
}

// apart is how many words word i is from the nearest mention.
func apart(words []Word, count []int, i int) int {
	best := -1
	for k, m := range words {
		if d := max(count[i]-count[k], count[k]-count[i]); m.Mention && (best < 0 || d < best) {
			best = d
		}
	}
	return best
}
