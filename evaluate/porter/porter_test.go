package porter

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// TestStemsEqualNLTK compares with stems that NLTK's PorterStemmer made in its ORIGINAL_ALGORITHM mode. The fixture is
// written by scripts/fixtures_probe.py.
func TestStemsEqualNLTK(t *testing.T) {
	f, err := os.Open("testdata/stems.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	words := 0
	for in := bufio.NewScanner(f); in.Scan(); {
		word, want, ok := strings.Cut(in.Text(), "\t")
		if !ok {
			continue // the line that says where it is from
		}
		words++
		if got := Stem(word); got != want {
			t.Errorf("%s: got %s, want %s", word, got, want)
		}
	}
	if words < 400 {
		t.Errorf("%d words, want the fixture's 400 and more", words)
	}
}

// FuzzStem: no input panics, and a stem is hardly longer than its word.
func FuzzStem(f *testing.F) {
	for _, w := range []string{"", "s", "ed", "yyy", "sses", "eed", "Étude", "ational", "ion", "ll"} {
		f.Add(w)
	}
	f.Fuzz(func(t *testing.T, w string) {
		stem := Stem(w)
		if len(stem) > len(strings.ToLower(w))+1 {
			t.Errorf("%q: stem %q is longer than the word and an e", w, stem)
		}
	})
}
