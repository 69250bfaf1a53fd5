package preparation

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"math"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/text"
)

// Tokenizer appends the ids of the word pieces of text to dst.
type Tokenizer interface {
	Append(dst []int32, text string) []int32
}

// Splitter appends the sentences of lines of text to dst.
type Splitter interface {
	Append(dst []text.Span, lines string) []text.Span
	Name() string
}

// Encoder encodes documents for shards. It is not for concurrent use.
type Encoder struct {
	tokenizer Tokenizer
	splitter  Splitter
	unknown   int32
	spans     []text.Span
}

// NewEncoder returns an encoder; unknown is the id of [UNK].
func NewEncoder(t Tokenizer, s Splitter, unknown int32) *Encoder {
	return &Encoder{tokenizer: t, splitter: s, unknown: unknown}
}

// Encode sets dst to the sentences of d, reusing its slices. Sentences without a word piece are left out; a
// document may have no sentence at all.
func (e *Encoder) Encode(dst *shards.Document, d *corpus.Document) {
	*dst = shards.Document{Lengths: dst.Lengths[:0], IDs: dst.IDs[:0], TextBytes: d.Bytes()}
	for section := range d.Texts {
		dst.Words += text.CountWords(section)
		e.spans = e.splitter.Append(e.spans[:0], section)
		for _, span := range e.spans {
			before := len(dst.IDs)
			dst.IDs = e.tokenizer.Append(dst.IDs, span.Of(section))
			if n := len(dst.IDs) - before; n > 0 {
				dst.Lengths = append(dst.Lengths, int32(n))
			}
		}
	}
	for _, id := range dst.IDs {
		if id == e.unknown {
			dst.Unknown++
		}
	}
}

// heldOutKey separates the choice of held-out documents from other uses of the same hash. Another key would
// choose other documents.
const heldOutKey = "subbert held out 1\n"

// isHeldOut reports whether d belongs to the held-out fraction. It depends on the identifier of d, or without one on
// its text, so that the choice for a document does not depend on the other documents.
func isHeldOut(d *corpus.Document, fraction float64) bool {
	h := sha256.New()
	write(h, heldOutKey)
	write(h, d.ID)
	if d.ID == "" {
		for text := range d.Texts {
			write(h, text)
			write(h, "\n")
		}
	}
	return float64(binary.BigEndian.Uint64(h.Sum(nil))) < fraction*math.Exp2(64)
}

func write(h hash.Hash, s string) {
	io.WriteString(h, s) // a hash.Hash never fails
}
