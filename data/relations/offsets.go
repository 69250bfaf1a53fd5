package relations

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// offsets maps positions counted in characters (code points) to bytes of one text.
type offsets struct {
	text  string
	bytes []int // start of each character and, last, the length of the text; nil for ASCII
}

func newOffsets(text string) offsets {
	if isASCII(text) {
		return offsets{text: text}
	}
	at := make([]int, 0, len(text)+1)
	for i := range text {
		at = append(at, i)
	}
	return offsets{text: text, bytes: append(at, len(text))}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// len is the length of the text in characters.
func (o offsets) len() int {
	if o.bytes == nil {
		return len(o.text)
	}
	return len(o.bytes) - 1
}

// span converts characters [start, end) to bytes.
func (o offsets) span(start, end int) (Span, error) {
	if start < 0 || start >= end || end > o.len() {
		return Span{}, fmt.Errorf("characters %d to %d lie outside the text of %d", start, end, o.len())
	}
	if o.bytes == nil {
		return Span{start, end}, nil
	}
	return Span{o.bytes[start], o.bytes[end]}, nil
}

// spans parses ranges "a-b", several joined by sep; past is added to each b to make ends exclusive.
func (o offsets) spans(ranges, sep string, past int) ([]Span, error) {
	var out []Span
	for r := range strings.SplitSeq(ranges, sep) {
		from, to, ok := strings.Cut(strings.TrimSpace(r), "-")
		start, err1 := strconv.Atoi(from)
		end, err2 := strconv.Atoi(to)
		if !ok || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("offset %q, want ranges like 3-9%s12-15", ranges, sep)
		}
		s, err := o.span(start, end+past)
		if err != nil {
			return nil, fmt.Errorf("offset %q: %w", ranges, err)
		}
		out = append(out, s)
	}
	sortSpans(out)
	return out, nil
}
