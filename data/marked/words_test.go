package marked

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
)

// TestWords joins word pieces, sums weights, and counts words to the nearest mention.
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

// TestWordsAcrossACut checks that a piece that continues a word does not join the word before a cut.
func TestWordsAcrossACut(t *testing.T) {
	v, err := wordpiece.ReadVocabulary(strings.NewReader("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nraises\nin\n##hibit\n##s\n"), "test")
	if err != nil {
		t.Fatal(err)
	}
	line := "raises in some cases inhibits"
	e := Row{IDs: []int32{2, 5, 7, 8, 3}, Spans: []text.Span{{}, {Start: 0, End: 6}, {Start: 23, End: 28}, {Start: 28, End: 29}, {}}}
	var got []string
	for _, w := range Words(v, line, e, make([]float32, 5)) {
		got = append(got, line[w.Span.Start:w.Span.End])
	}
	if diff := cmp.Diff([]string{"raises", "hibits"}, got); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

// TestCutsKeepWordsWhole checks that around_mentions keeps whole words at the start and end, also in the two windows of
// mentions that are far apart, and keeps both mentions.
func TestCutsKeepWordsWhole(t *testing.T) {
	v, err := wordpiece.ReadVocabulary(strings.NewReader("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n@\nDRUG\n$\nin\n##hibit\n##s\n##or\n"), "test")
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := wordpiece.New(v, wordpiece.Default())
	if err != nil {
		t.Fatal(err)
	}
	filler := strings.Repeat("inhibits inhibitor ", 6)
	texts := []string{
		"@DRUG$ " + filler + "@DRUG$",
		filler + "@DRUG$ " + filler + "@DRUG$ " + filler,
		filler + "@DRUG$ inhibits @DRUG$ " + filler,
	}
	for _, line := range texts {
		first, last := strings.Index(line, "@"), strings.LastIndex(line, "@")
		x := relations.Example{Text: line, Label: "x"}
		x.A.Spans, x.B.Spans = []text.Span{{Start: first, End: first + 6}}, []text.Span{{Start: last, End: last + 6}}
		for length := 10; length < 40; length++ {
			e := Encoder{Tokenizer: tokenizer, Special: v.Special(), Length: length, Truncate: TruncateAroundMentions, Labels: []string{"x"}, Spans: true}
			rows, cut, err := e.Encode([]relations.Example{x})
			if err != nil || cut.LostOne+cut.LostBoth > 0 {
				t.Fatalf("%d positions: %v, %+v", length, err, cut)
			}
			for _, w := range Words(v, line, rows[0], make([]float32, len(rows[0].IDs))) {
				if got := line[w.Span.Start:w.Span.End]; !strings.Contains("@DRUG$ inhibits inhibitor", got) || got == "in" || strings.HasPrefix(got, "hibit") {
					t.Errorf("%d positions of %q: a word is %q", length, line, got)
				}
			}
		}
	}
}
