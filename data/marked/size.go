package marked

import (
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/wordpiece"
)

// Size is the length of a sentence in word pieces, without [CLS] and [SEP], and the place of its mentions.
type Size struct {
	Pieces, Unknown int               // Unknown counts those that are [UNK]
	Mentions        [2]wordpiece.Span // in pieces; empty for a mention that is not in the sentence
}

// Size returns the size of a sentence without cutting it.
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

// CutAt returns what sentences of these sizes lose in rows of length positions that are cut at their end.
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

// pieces returns the word pieces of the sentence of x, and the pieces of its two mentions.
func (e *Encoder) pieces(x relations.Example) ([]wordpiece.Piece, [2]wordpiece.Span) {
	pieces := e.Tokenizer.Pieces(x.Text)
	return pieces, [2]wordpiece.Span{covering(pieces, x.A.Hull()), covering(pieces, x.B.Hull())}
}
