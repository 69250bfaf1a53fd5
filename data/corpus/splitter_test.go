package corpus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/text"
)

func newSplitter(t testing.TB) *Splitter {
	t.Helper()
	s, err := NewSplitter()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSplitMarkedSentences(t *testing.T) {
	texts := linesOf(t, "testdata/sentences.txt")
	s := newSplitter(t)
	for _, marked := range texts {
		text := strings.ReplaceAll(marked, "|", "")
		var want []string
		for sentence := range strings.SplitSeq(marked, "|") {
			want = append(want, strings.TrimSpace(sentence))
		}
		var got []string
		for _, span := range s.Split(text) {
			got = append(got, text[span.Start:span.End])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n(-want +got):\n%s", text, diff)
		}
	}
	if len(texts) < 40 {
		t.Errorf("tested %d texts, want at least 40", len(texts))
	}
}

func TestSplitTrimsAndBreaksAtLineEnds(t *testing.T) {
	lines := "\r\n  A heading \n\n\tOne. Two\u00a0\r\nthree\n"
	want := []text.Span{{Start: 4, End: 13}, {Start: 17, End: 21}, {Start: 22, End: 25}, {Start: 29, End: 34}}
	if diff := cmp.Diff(want, newSplitter(t).Split(lines)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAbbreviationsBeforeLineEnds goes on in the next line where an abbreviation that something must follow ends the line.
func TestAbbreviationsBeforeLineEnds(t *testing.T) {
	s := newSplitter(t)
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"a figure", "It grew, as in Fig.\n2 and 3. It fell.\n", []string{"It grew, as in Fig.\n2 and 3.", "It fell."}},
		{"Windows", "It is e.g.\r\n  a kinase.\r\n", []string{"It is e.g.\r\n  a kinase."}},
		{"two in a row", "See Fig.\n2 of Dr.\nRetinov.\nNext.", []string{"See Fig.\n2 of Dr.\nRetinov.", "Next."}},
		{"a citation", "It was seen by Zalor et al.\n(2004) as well.", []string{"It was seen by Zalor et al.\n(2004) as well."}},
		{"a genus", "Growth of E.\ncoli slowed.", []string{"Growth of E.\ncoli slowed."}},
		{"a number", "Its accession no.\n5 is old.", []string{"Its accession no.\n5 is old."}},
		{"an end", "It was made by Zalor Inc.\nThe rest was not.", []string{"It was made by Zalor Inc.", "The rest was not."}},
		{"a name", "They lacked cyclin D.\nRetinoids act.", []string{"They lacked cyclin D.", "Retinoids act."}},
		{"a number in a list", "1.\nWash them.", []string{"1.", "Wash them."}},
		{"cells of a table", "n.s.\n7 (6-8)\nNo.\n312\nLactobacillus spp.\n0/8 of them\n95% C.I.\np", []string{"n.s.", "7 (6-8)", "No.", "312", "Lactobacillus spp.", "0/8 of them", "95% C.I.", "p"}},
		{"a blank line", "See Fig.\n\n2 is a number.", []string{"See Fig.", "2 is a number."}},
		{"no abbreviation", "It fell.\nit rose.", []string{"It fell.", "it rose."}},
		{"the last line", "See Fig.\n", []string{"See Fig."}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, span := range s.Split(test.text) {
				got = append(got, span.Of(test.text))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			first, _, _ := strings.Cut(test.text, "\n")
			if len(got) > 0 && strings.Contains(got[0], "\n") && !s.Unfinished(first+"\n") {
				t.Errorf("%q is said to be finished", first)
			}
		})
	}
}

// TestCases are the shared ones, and the same here.
func TestCases(t *testing.T) {
	s := newSplitter(t)
	for _, test := range []struct{ name, text string }{
		{"05/a", "Blots showed cyclin D.| Retinoids act."}, {"05/b", "Ferrets had influenza A.| Vaccines help."},
		{"05/c", "It needed NF-kappa B.| Phosphorylation rose."}, {"06/a", "It fell.|CONCLUSIONS: It helped."}, {"06/b", "Doses fell (P < 0.001).|Conclusions: It helped."},
	} {
		want, whole := ends(test.text)
		shared, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "cases", filepath.FromSlash(test.name)+".txt"))
		if err == nil && strings.TrimSpace(string(shared)) != whole {
			t.Errorf("%s is not the shared text", test.name)
		}
		for _, span := range s.Split(whole) {
			if !want[span.End] {
				t.Errorf("%s: a sentence ends after %q", test.name, whole[:span.End])
			}
			delete(want, span.End)
		}
		if len(want) > 0 {
			t.Errorf("%s: %d ends missed", test.name, len(want))
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("We did. (Not) et al. [1] A.B. 1.2 p53. «x.» \n y")
	f.Add("(.[.)].\"?!.12–3 A")
	s := newSplitter(f)
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		covered := 0
		for _, span := range s.Split(text) {
			if span.Start < last || span.End <= span.Start || span.End > len(text) {
				t.Fatalf("span %v after %d in %q", span, last, text)
			}
			if utf8.ValidString(text) && !utf8.ValidString(text[span.Start:span.End]) {
				t.Fatalf("span %v cuts a character of %q", span, text)
			}
			last = span.End
			covered += len(strings.Join(strings.Fields(text[span.Start:span.End]), ""))
		}
		if want := len(strings.Join(strings.Fields(text), "")); covered != want {
			t.Fatalf("sentences hold %d bytes besides white space, want %d: %q", covered, want, text)
		}
	})
}

// TestSplitTakesLinearTime feeds what would take hours if a mark looked at everything before or after it.
func TestSplitTakesLinearTime(t *testing.T) {
	s := newSplitter(t)
	for _, unit := range []string{".", "(.", "(. ", "A. ", ". ", "?)", "[1].", "a.1", "a.", "A.b.", "é.", "a.B: ", "kappa A. ", "A and B. ", "e.g.\n", "Fig.\n\r", ".\"", strings.Repeat("a.", 1000) + " "} {
		took := func(n int) time.Duration {
			text := strings.Repeat(unit, n/len(unit)+1)
			started := time.Now()
			s.Split(text)
			return time.Since(started)
		}
		short := took(1 << 14)
		if long := took(1 << 18); long > 160*short+time.Second {
			t.Errorf("%.20q: 16 times the text takes %v, not %v", unit, long, 16*short)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	s := newSplitter(b)
	real := realText(b, "citation-screening-abstracts.jsonl.xz", 4<<20)
	var spans []text.Span
	b.SetBytes(int64(len(real)))
	for b.Loop() {
		spans = s.Append(spans[:0], real)
	}
}

// realText returns the first n bytes or so of a file of published text.
func realText(tb testing.TB, name string, n int) string {
	dir := os.Getenv("SUBBERT_DATA")
	if dir == "" {
		tb.Skip("SUBBERT_DATA does not name the directory with the real data")
	}
	var b strings.Builder
	for d, err := range Open(tb.Context(), filepath.Join(dir, "pubtext", name)) {
		if err != nil {
			tb.Fatal(err)
		}
		for text := range d.Texts {
			b.WriteString(text)
			b.WriteByte('\n')
		}
		if b.Len() >= n {
			break
		}
	}
	return b.String()
}
