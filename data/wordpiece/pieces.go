package wordpiece

import (
	"unicode/utf8"

	"github.com/subbert/subbert/data/text"
)

// Piece is a token of the vocabulary at its place in a text.
type Piece struct {
	ID   int32
	Span text.Span
}

// Pieces returns the pieces of text with their places: the same ids as Append, in order; the spans are in the order
// of the text and do not overlap. A span begins and ends with a character of the piece; accents that lower-casing
// removes belong to their letter. A piece that has only later parts of a decomposed character, such as the vowel of a
// Hangul syllable, has an empty span at the end of that character.
func (t *Tokenizer) Pieces(line string) []Piece {
	var pieces []Piece
	done := 0
	for t.added != nil {
		id, at, found := t.added.next(line[done:])
		if !found {
			break
		}
		span := text.Span{Start: done + at.Start, End: done + at.End}
		pieces = append(t.textPieces(pieces, line[:span.Start], done), Piece{id, span})
		done = span.End
	}
	return t.textPieces(pieces, line, done)
}

// textPieces appends the pieces of text[next:], which has no added tokens.
func (t *Tokenizer) textPieces(pieces []Piece, text string, next int) []Piece {
	if len(t.never) == 0 {
		return t.fieldPieces(pieces, text, next)
	}
	for next < len(text) {
		f := t.field(text, next)
		if f.whole {
			pieces = append(pieces, Piece{f.id, f.span})
		} else {
			pieces = t.fieldPieces(pieces, text[:f.span.End], f.span.Start)
		}
		next = f.span.End
	}
	return pieces
}

// fieldPieces appends the pieces of text[i:], without regard to NeverSplit.
func (t *Tokenizer) fieldPieces(pieces []Piece, text string, i int) []Piece {
	for i < len(text) {
		end, kind := t.wordEnd(text, i)
		switch kind {
		case punct:
			end = t.marksEnd(text, end)
			fallthrough
		case letter, ideograph:
			t.word.read(t.settings, text, i, end)
			t.word.cover(t.settings)
			pieces = t.word.appendPieces(pieces)
		}
		i = end
	}
	return pieces
}

// marksEnd returns the end of the marks and removed characters at the start of text[i:].
func (t *Tokenizer) marksEnd(text string, i int) int {
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if k := t.classes.classOf(r); k != mark && k != dropped {
			break
		}
		i += n
	}
	return i
}

// appendPieces appends the pieces of w to dst. read and cover must have filled w.
func (w *word) appendPieces(dst []Piece) []Piece {
	piece, first, done := 0, 0, 0 // done counts bytes of w.text
	for i, l := range w.letters {
		done += utf8.RuneLen(l.r)
		if done == w.ends[piece] {
			dst = append(dst, Piece{w.ids[piece], text.Span{Start: w.letters[first].from.Start, End: l.from.End}})
			piece, first = piece+1, i+1
		}
	}
	return dst
}
