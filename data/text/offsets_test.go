package text

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// random is a text of characters that take from one to four bytes, and one or two units of UTF-16.
func random(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(20) {
		b.WriteString([]string{"a", " ", "é", "e\u0301", "漢", "\x00", "😀", "𝛽", "\n"}[r.IntN(9)])
	}
	return b.String()
}

// encodings are the units of s, one by one.
func encodings(s string) map[Unit]int {
	return map[Unit]int{Characters: len([]rune(s)), UTF16: len(utf16.Encode([]rune(s))), Bytes: len(s)}
}

func TestOffsets(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		s := random(r)
		runes := []rune(s)
		from := r.IntN(len(runes))
		to := from + 1 + r.IntN(len(runes)-from)
		before, within := encodings(string(runes[:from])), encodings(string(runes[from:to]))
		o := NewOffsets(s)
		for unit := range numUnits {
			at, err := o.Span(unit, before[unit], before[unit]+within[unit])
			if err != nil {
				t.Fatal(err)
			}
			if want := string(runes[from:to]); at.Of(s) != want {
				t.Fatalf("%s from %d of %q are %q, want %q", unit, before[unit], s, at.Of(s), want)
			}
			if _, err := o.Span(unit, before[unit], encodings(s)[unit]+1); err == nil {
				t.Fatalf("%q: an end behind the text is accepted", s)
			}
		}
		for start, end := range InCharacters(s, []Span{{len(string(runes[:from])), len(string(runes[:to]))}}) {
			if start != from || end != to {
				t.Fatalf("%q: characters %d to %d, want %d to %d", s, start, end, from, to)
			}
		}
	}
}

func TestOffsetsRefuse(t *testing.T) {
	for _, test := range []struct {
		name       string
		unit       Unit
		start, end int
		want       string
	}{
		{"negative", Characters, -1, 2, "characters -1 to 2 lie outside the text of 4"},
		{"backwards", Characters, 2, 1, "characters 2 to 1 lie outside"},
		{"empty", Characters, 1, 1, "characters 1 to 1 lie outside"},
		{"too far", Bytes, 1, 9, "bytes 1 to 9 lie outside the text of 8"},
		{"within a character", Bytes, 2, 3, "bytes 2 to 3 split a character"},
		{"within a pair", UTF16, 3, 5, "UTF-16 units 3 to 5 split a character"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := NewOffsets("aβ😀b").Span(test.unit, test.start, test.end); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

func TestWithoutNUL(t *testing.T) {
	const s = "a\x00b\x00\x00c"
	clean, move := WithoutNUL(s)
	if clean != "abc" {
		t.Errorf("got %q", clean)
	}
	for at, want := range map[Span]string{{0, 1}: "a", {0, 2}: "a", {1, 2}: "", {1, 3}: "b", {2, 6}: "bc", {5, 6}: "c"} {
		if got := move(at).Of(clean); got != want {
			t.Errorf("%q became %q, want %q", at.Of(s), got, want)
		}
	}
}

func TestCountWords(t *testing.T) {
	for s, want := range map[string]int{"": 0, " ": 0, "a": 1, " a\tb\n": 2, "α β": 2} {
		if got := CountWords(s); got != want {
			t.Errorf("%q: %d words, want %d", s, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	a, b := Span{2, 5}, Span{4, 9}
	got := fmt.Sprint(a.Len(), a.Overlaps(b), a.Overlaps(Span{5, 6}), a.Holds(Span{3, 5}), a.Holds(b), a.Union(b), a.Shift(3), Compare(a, b), Compare(Span{2, 6}, a))
	if diff := cmp.Diff("3 true false true false {2 9} {5 8} -1 -1", got); diff != "" {
		t.Error(diff)
	}
}
