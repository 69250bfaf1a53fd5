package text

import (
	"strings"
	"testing"
)

func TestSameWords(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"TNF-α", "TNF-a", true},
		{"TNF-α", "TNF-alpha", true},
		{"TNF-α", "tnf-?", true},
		{"TNF-α", "TNF-β", false},
		{"TNF-α", "TNF-b", false},
		{"TNF‐alpha", "TNF-alpha", true},
		{"beta-cell  x", "beta-cell x", true},
		{"Sjögren’s", "Sjogren's", true},
		{"ﬁbrin", "fibrin", true},
		{"µ-opioid", "mu-opioid", true},
		{"IL−2\u200b", "IL-2", true},
		{" Tn", "Tnf", false},
		{"", "", false},
		{"\u200b", " ", false},
	} {
		if got := sameWords(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

// mark is words from start to end.
func mark(start, end int, words string) Marked { return Marked{[][2]int{{start, end}}, words} }

func TestLocate(t *testing.T) {
	const text = "aβc 😀 def  Gh"
	for _, test := range []struct {
		name string
		m    Marked
		want string // text before the span, or the error
	}{
		{"characters", mark(6, 9, "def"), "aβc 😀 "},
		{"UTF-16", mark(7, 10, "def"), "aβc 😀 "},
		{"bytes", mark(10, 13, "def"), "aβc 😀 "},
		{"the first that fits", mark(0, 1, "a"), ""},
		{"no words", mark(6, 9, ""), "aβc 😀 "},
		{"other case", mark(11, 13, "GH"), "aβc 😀 def  "},
		{"another letter", mark(0, 3, "abc"), ""},
		{"with the space before", mark(10, 13, "gh"), "aβc 😀 def  "},
		{"another word", mark(6, 9, "deg"), `error: "deg" at 6-9, but the text there is "def"`},
		{"off by one", mark(5, 8, "def"), `error: "def" at 5-8, but the text there is " de"`},
		{"too far", mark(6, 99, "def"), `error: "def" at 6-99: characters 6 to 99 lie outside the text of 13`},
		{"backwards", mark(3, 2, "x"), `error: "x" at 3-2: characters 3 to 2`},
		{"negative", mark(-1, 2, ""), `error: "" at -1-2`},
		{"nothing", mark(2, 2, ""), `error: "" at 2-2: the range is empty`},
		{"blank", mark(3, 4, "x"), `error: "x" at 3-4: the text there is white space`},
		{"no positions", Marked{nil, "x"}, "error: no position"},
		{"pieces", Marked{[][2]int{{0, 1}, {6, 9}}, "a def"}, ""},
		{"pieces with words between", Marked{[][2]int{{0, 1}, {6, 9}}, "a and def"}, ""},
		{"pieces within words", Marked{[][2]int{{0, 1}, {6, 9}}, "a andef"}, `error: "a andef" at 0-9`},
		{"pieces elsewhere", Marked{[][2]int{{0, 1}, {5, 8}}, "a def"}, `error: "a def" at 0-8, but the text there is "a  de"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var u Units
			spans, err := u.Locate(NewOffsets(text), test.m)
			got := ""
			if err != nil {
				got = "error: " + err.Error()
			} else {
				got = text[:spans[0].Start]
			}
			if !strings.HasPrefix(got, test.want) || (err == nil || test.want == "") && got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestUnits has words that stand at a place counted in one unit and, by accident, in another, too.
func TestUnits(t *testing.T) {
	const text = "β aaa 😀 c c d"
	for _, test := range []struct {
		name string
		seen []Marked
		m    Marked
		want int // bytes before it
		unit Unit
	}{
		{"nothing seen", nil, mark(3, 4, "a"), 4, Characters},
		{"bytes seen", []Marked{mark(12, 13, "c")}, mark(3, 4, "a"), 3, Bytes},
		{"UTF-16 seen", []Marked{mark(13, 14, "d")}, mark(11, 12, "c"), 14, UTF16},
		{"characters seen", []Marked{mark(12, 13, "d")}, mark(10, 11, "c"), 14, Characters},
		{"a later accident", []Marked{mark(12, 13, "d"), mark(8, 9, "c"), mark(12, 13, "c")}, mark(3, 4, "a"), 4, Characters},
	} {
		t.Run(test.name, func(t *testing.T) {
			var u Units
			o := NewOffsets(text)
			for _, m := range test.seen {
				u.See(o, m)
			}
			spans, err := u.Locate(o, test.m)
			if err != nil || u.Unit() != test.unit || spans[0].Start != test.want {
				t.Errorf("%v of %s, error %v; want byte %d of %s", spans, u.Unit(), err, test.want, test.unit)
			}
			if unit, ok := u.Found(); ok != (test.unit != Characters) || ok && unit != test.unit {
				t.Errorf("found %s, %v", unit, ok)
			}
		})
	}
}

func FuzzUnits(f *testing.F) {
	f.Add("aβ😀 c\x00", 1, 3, "β", 2, 4, "😀")
	f.Fuzz(func(t *testing.T, s string, a, b int, words string, c, d int, others string) {
		o := NewOffsets(s)
		var u Units
		for _, m := range []Marked{mark(a, b, words), mark(c, d, others), {[][2]int{{a, b}, {c, d}}, words}} {
			u.See(o, m)
		}
		for _, m := range []Marked{mark(a, b, words), mark(c, d, others), {[][2]int{{a, b}, {c, d}}, others}} {
			spans, err := u.Locate(o, m)
			if err != nil {
				continue
			}
			clean, move := WithoutNUL(s)
			for _, at := range spans {
				if at.Start >= at.End || at.Of(s) == "" {
					t.Errorf("span %v of %q", at, s)
				}
				_ = move(at).Of(clean) // must not panic
			}
		}
	})
}
