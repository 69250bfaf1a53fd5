package marked

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
)

// TestWords puts pieces together, adds weights up, and counts words to the nearest mention.
func TestWords(t *testing.T) {
	v, err := wordpiece.ReadVocabulary(strings.NewReader("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n@\nDRUG\n$\nin\n##hibit\n##s\n,\nthe\n5\nactive\n"), "test")
	if err != nil {
		t.Fatal(err)
	}
	sentence := "@DRUG$ inhibits, the 5 active @DRUG$"
	e := Row{IDs: []int32{2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 5, 6, 7, 3}, Mentions: [2]wordpiece.Span{{Start: 1, End: 4}, {Start: 11, End: 14}}}
	e.Spans = []text.Span{{}, {Start: 0, End: 1}, {Start: 1, End: 5}, {Start: 5, End: 6}, {Start: 7, End: 9}, {Start: 9, End: 14}, {Start: 14, End: 15}, {Start: 15, End: 16},
		{Start: 17, End: 20}, {Start: 21, End: 22}, {Start: 23, End: 29}, {Start: 30, End: 31}, {Start: 31, End: 35}, {Start: 35, End: 36}, {}}
	weights := []float32{9, 1, 1, 1, .25, .25, .5, 0, .125, .125, .125, 2, 2, 2, 9}
	type word struct {
		Text             string
		Weight           float64
		Mention, Letters bool
		Apart            int
	}
	var got []word
	for _, w := range Words(v, sentence, e, weights) {
		got = append(got, word{sentence[w.Span.Start:w.Span.End], w.Weight, w.Mention, w.Letters, w.Apart})
	}
	want := []word{{"@DRUG$", 3, true, false, 0}, {"inhibits", 1, false, true, 1}, {",", 0, false, false, 1}, {"the", .125, false, true, 2},
		{"5", .125, false, false, 2}, {"active", .125, false, true, 1}, {"@DRUG$", 6, true, false, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
