package corpus

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	f, err := os.Open("testdata/sentences.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := newSplitter(t)
	tested := 0
	for scan := bufio.NewScanner(f); scan.Scan(); {
		marked := scan.Text()
		if strings.HasPrefix(marked, "#") {
			continue
		}
		tested++
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
	if tested < 40 {
		t.Errorf("tested %d texts, want at least 40", tested)
	}
}

func TestSplitTrimsAndBreaksAtLineEnds(t *testing.T) {
	lines := "\r\n  A heading \n\n\tOne. Two\u00a0\r\nthree\n"
	want := []text.Span{{Start: 4, End: 13}, {Start: 17, End: 21}, {Start: 22, End: 25}, {Start: 29, End: 34}}
	if diff := cmp.Diff(want, newSplitter(t).Split(lines)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
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
	for _, unit := range []string{".", "(.", "(. ", "A. ", ". ", "?)", "[1].", "a.1"} {
		s.Split(strings.Repeat(unit, 1<<18/len(unit)))
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
	for d, err := range Open(filepath.Join(dir, "pubtext", name)) {
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
