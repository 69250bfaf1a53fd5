package wordpiece

import (
	"unicode"
	"unicode/utf8"

	"github.com/subbert/subbert/data/text"
)

// Span is a half-open range [Start, End) of the pieces of a text, or of the positions of a row. Ranges of bytes
// are text.Span.
type Span struct{ Start, End int }

// word is the current word in normalised form, and its pieces. It is scratch space that is reused for every
// word.
type word struct {
	letters []normal // filled by read only
	text    []byte   // the letters as UTF-8
	chars   int      // their number; counting stops above the limit
	ids     []int32  // of the pieces
	ends    []int    // bytes of text before the end of each piece
	parts   []rune
}

// normal is a character of a normalized word.
type normal struct {
	r     rune
	order uint8 // canonical combining class
	// from is its place in the text. Of the parts of a decomposed character the first has the character's
	// place, and the others an empty one at its end; a removed mark belongs to the letter before it.
	from text.Span
}

// readASCII sets w to the word text, which consists of ASCII letters and digits.
func (w *word) readASCII(s *settings, text string) {
	w.text, w.chars = w.text[:0], len(text)
	if len(text) > s.maxChars {
		return // it is too long and becomes [UNK]
	}
	for i := range len(text) {
		w.text = append(w.text, s.fold[text[i]&(utf8.RuneSelf-1)])
	}
}

// read sets w to the word line[start:end]. It may read the rest of the word's field.
func (w *word) read(s *settings, line string, start, end int) {
	w.letters, w.text = w.letters[:0], w.text[:0]
	run := 0 // the letters from here on may still be reordered
	for i := start; i < end; {
		r, n := utf8.DecodeRuneInString(line[i:end])
		from := text.Span{Start: i, End: i + n}
		i += n
		switch {
		case s.classes.classOf(r) == dropped:
		case r < utf8.RuneSelf:
			w.add(s, normal{r: rune(s.fold[r]), from: from})
			run = len(w.letters)
		case s.lower && r == capitalSigma:
			w.add(s, normal{r: s.classes.lowerSigma(line, from.Start), from: from})
			run = len(w.letters)
		case !s.strip:
			w.addKept(s, r, from)
		case s.lower:
			run = w.addDecomposed(s, unicode.ToLower(r), from, run)
		default:
			run = w.addDecomposed(s, r, from, run)
		}
	}
	w.chars = len(w.letters)
	for _, l := range w.letters {
		w.text = utf8.AppendRune(w.text, l.r)
	}
}

// add appends l. Above the limit of characters only the last one is kept, for its end.
func (w *word) add(s *settings, l normal) {
	w.letters = append(w.letters[:min(len(w.letters), s.maxChars)], l)
}

// addKept appends r, lower-cased if required, with its accents. The capital I with a dot is the only letter whose lower
// case has two characters.
func (w *word) addKept(s *settings, r rune, from text.Span) {
	if !s.lower {
		w.add(s, normal{r: r, from: from})
		return
	}
	w.add(s, normal{r: unicode.ToLower(r), from: from})
	if r == 'İ' {
		w.add(s, normal{r: '\u0307', from: text.Span{Start: from.End, End: from.End}})
	}
}

// addDecomposed appends the canonical decomposition of r without its marks. The rest of a run of combining
// characters is put in canonical order; run is the start of this run, and the result is the start of the next
// one.
func (w *word) addDecomposed(s *settings, r rune, from text.Span, run int) int {
	w.parts = appendDecomposed(w.parts[:0], r)
	for _, part := range w.parts {
		order := combiningClass(part)
		if s.classes.classOf(part) == mark {
			if len(w.letters) > 0 {
				w.letters[len(w.letters)-1].from.End = from.End
			}
		} else {
			w.add(s, normal{r: part, order: order, from: from})
			from.Start = from.End
		}
		if order == 0 {
			run = len(w.letters)
		}
		for j := len(w.letters) - 1; j > run && w.letters[j-1].order > w.letters[j].order; j-- {
			a, b := &w.letters[j-1], &w.letters[j]
			a.r, a.order, b.r, b.order = b.r, b.order, a.r, a.order // places stay in the order of the text
		}
	}
	return run
}

// cover splits w into pieces: from the left, each as long as possible.
func (w *word) cover(s *settings) {
	w.ids, w.ends = w.ids[:0], w.ends[:0]
	if w.chars == 0 {
		return
	}
	if w.chars <= s.maxChars {
		from := int32(root)
		for done := 0; done < len(w.text); from = s.vocab.trie.inner {
			id, n := s.vocab.trie.longest(from, w.text[done:])
			if n == 0 {
				w.ids, w.ends = w.ids[:0], w.ends[:0]
				break
			}
			done += n
			w.ids, w.ends = append(w.ids, id), append(w.ends, done)
		}
	}
	if len(w.ids) == 0 {
		w.ids, w.ends = append(w.ids, s.unk), append(w.ends, len(w.text))
	}
}
