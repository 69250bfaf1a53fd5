package request

import (
	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/relations"
)

// Sentences finds sentences with s, for relations.Options: both count bytes, half-open.
func Sentences(s *corpus.Splitter) func(text string) []relations.Span {
	return func(text string) []relations.Span {
		var out []relations.Span
		for _, span := range s.Split(text) {
			out = append(out, relations.Span{Start: span.Start, End: span.End})
		}
		return out
	}
}
