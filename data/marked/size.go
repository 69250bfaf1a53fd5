package marked

import (
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/wordpiece"
)

// Size is how long a sentence is, in pieces without [CLS] and [SEP], and where its mentions are.
type Size struct {
	Pieces, Unknown int               // Unknown of them are [UNK]
	Mentions        [2]wordpiece.Span // pieces; empty for a mention that the sentence does not show
}

// Size measures a sentence without cutting it.
func (e *Encoder) Size(x relations.Example) Size {
	pieces, mentions := e.pieces(x)
	unknown := 0
	for _, p := range pieces {
		if p.ID == e.Special.Unk {
			unknown++
		}
	}
	return Size{len(pieces), unknown, mentions}
}

// CutAt is what rows of length positions, cut at their end, lose of sentences of these sizes.
func CutAt(sizes []Size, length int) Cut {
	cut := Cut{Sentences: len(sizes)}
	room := length - 2
	for _, s := range sizes {
		if s.Pieces <= room {
			continue
		}
		cut.Shortened++
		kept := s.Mentions
		for i, m := range kept {
			if m.End > room {
				kept[i] = wordpiece.Span{}
			}
		}
		cut.count(s.Mentions, kept)
	}
	return cut
}

// pieces are those of the sentence of x, and which of them its mentions are.
func (e *Encoder) pieces(x relations.Example) ([]wordpiece.Piece, [2]wordpiece.Span) {
	pieces := e.Tokenizer.Pieces(x.Text)
	return pieces, [2]wordpiece.Span{covering(pieces, x.A.Hull()), covering(pieces, x.B.Hull())}
}
