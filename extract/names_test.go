package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/runs/result"
)

// Sentences of any index get files of their own, with names that every file system accepts.
func TestFileNames(t *testing.T) {
	long := strings.Repeat("a", 300)
	var sentences []result.Sentence
	for _, index := range []string{"d1.s0.p0", "a/b", "a b", "A_B", "a_b-2", "..", "", long + "1", long + "2"} {
		sentences = append(sentences, result.Sentence{Index: index})
	}
	cut := strings.Repeat("a", 100)
	want := []string{"d1.s0.p0", "a_b", "a_b-2", "A_B-3", "a_b-2-2", "sentence", "sentence-2", cut, cut + "-2"}
	if diff := cmp.Diff(want, fileNames(sentences)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
