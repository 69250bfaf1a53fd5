package relations

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/subbert/subbert/data/text"
)

// spansOf parses character ranges "a-b" joined by sep. It adds past to each b to make the ends exclusive.
func spansOf(o *text.Offsets, ranges, sep string, past int) ([]text.Span, error) {
	var out []text.Span
	for r := range strings.SplitSeq(ranges, sep) {
		from, to, ok := strings.Cut(strings.TrimSpace(r), "-")
		start, err1 := strconv.Atoi(from)
		end, err2 := strconv.Atoi(to)
		if !ok || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("offset %q, want ranges like 3-9%s12-15", ranges, sep)
		}
		s, err := o.Span(text.Characters, start, end+past)
		if err != nil {
			return nil, fmt.Errorf("offset %q: %w", ranges, err)
		}
		out = append(out, s)
	}
	sortSpans(out)
	return out, nil
}
