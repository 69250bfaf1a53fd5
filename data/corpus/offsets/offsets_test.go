package offsets

import (
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	const text = "aβc 😀 def"
	tests := []struct {
		name       string
		start, end int
		words      string
		want       string // text before the span, or the error
	}{
		{"code points", 6, 9, "def", "aβc 😀 "},
		{"UTF-16", 7, 10, "def", "aβc 😀 "},
		{"bytes", 10, 13, "def", "aβc 😀 "},
		{"the first that fits", 0, 1, "a", ""},
		{"empty", 2, 2, "", "aβ"},
		{"another word", 6, 9, "deg", `error: "deg" at 6-9, but the text there is "def"`},
		{"too far", 6, 99, "def", `error: "def" at 6-99, but the text has 13 bytes`},
		{"backwards", 3, 2, "", `error: "" at 3-2`},
		{"negative", -1, 2, "", `error: "" at -1-2`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Locate(text, test.start, test.end, test.words)
			got := text[:s.Start]
			if err != nil {
				got = "error: " + err.Error()
			}
			if !strings.HasPrefix(got, test.want) || err == nil && (got != test.want || text[s.Start:s.End] != test.words) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
