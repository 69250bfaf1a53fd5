package marked

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
)

// letters returns an encoder with single letters as word pieces, so that rows are easy to read.
func letters(t *testing.T, length int, truncate string) *Encoder {
	t.Helper()
	list := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nA\nB\n" + strings.Join(strings.Split("abcdefghijklmnopqrstuvwxyz", ""), "\n") + "\n"
	v, err := wordpiece.ReadVocabulary(strings.NewReader(list), "letters")
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := wordpiece.New(v, wordpiece.Default())
	if err != nil {
		t.Fatal(err)
	}
	return &Encoder{Tokenizer: tokenizer, Special: v.Special(), Length: length, Truncate: truncate, Spans: true}
}

// sentence returns n letters with the mentions A and B, which start at a and b and have long letters each.
func sentence(n, a, b, long int) relations.Example {
	words := make([]string, n)
	for i := range words {
		words[i] = string(rune('a' + i%26))
	}
	mention := func(at int, letter string) relations.Mention {
		for i := range long {
			words[at+i] = letter
		}
		return relations.Mention{Spans: []text.Span{{Start: 2 * at, End: 2*(at+long) - 1}}}
	}
	x := relations.Example{ID: fmt.Sprintf("%d letters, mentions of %d at %d and %d", n, long, a, b), A: mention(a, "A"), B: mention(b, "B")}
	x.Text = strings.Join(words, " ")
	return x
}

// TestAroundMentions encodes random sentences with around_mentions. Both mentions must be in the row, whole and at the
// recorded places. The row must keep the order of the sentence and as many pieces as fit into Length.
func TestAroundMentions(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	for range 3000 {
		long := 1 + rng.IntN(3)
		n := 2*long + rng.IntN(60)
		a := rng.IntN(n - 2*long + 1)
		b := a + long + rng.IntN(n-a-2*long+1)
		if rng.IntN(2) == 0 {
			a, b = b, a
		}
		length := 2 + 2*long + rng.IntN(30)
		e := letters(t, length, TruncateAroundMentions)
		x := sentence(n, a, b, long)
		rows, cut, err := e.Encode([]relations.Example{x})
		if err != nil {
			t.Fatal(err)
		}
		row := rows[0]
		if cut.LostOne != 0 || cut.LostBoth != 0 || (cut.Shortened == 1) != (n > length-2) {
			t.Fatalf("%s, rows of %d: %+v", x.ID, length, cut)
		}
		if want := min(length, n+2); len(row.IDs) != want {
			t.Fatalf("%s, rows of %d: %d positions, want %d", x.ID, length, len(row.IDs), want)
		}
		var at []int
		for i, s := range row.Spans[1 : len(row.Spans)-1] {
			if s.End != s.Start+1 || i > 0 && s.Start <= at[i-1] {
				t.Fatalf("%s, rows of %d: positions of the text %v", x.ID, length, row.Spans)
			}
			at = append(at, s.Start)
		}
		for i, from := range []int{a, b} {
			m := row.Mentions[i]
			if got, want := slices.Clone(row.Spans[m.Start:m.End]), long; len(got) != want || got[0].Start != 2*from {
				t.Fatalf("%s, rows of %d: mention %d at %v, text %v", x.ID, length, i, m, got)
			}
		}
	}
}

// TestTruncate checks single cuts: the place of the windows and the losses of the tail.
func TestTruncate(t *testing.T) {
	for _, test := range []struct {
		name, truncate string
		n, a, b        int
		want           string
		cut            Cut
	}{
		{"it fits", TruncateTail, 6, 1, 4, "a A c d B f", Cut{Sentences: 1}},
		{"tail", TruncateTail, 20, 1, 4, "a A c d B f g h", Cut{Sentences: 1, Shortened: 1}},
		{"tail, one lost", TruncateTail, 20, 1, 9, "a A c d e f g h", Cut{Sentences: 1, Shortened: 1, LostOne: 1}},
		{"tail, both lost", TruncateTail, 20, 11, 9, "a b c d e f g h", Cut{Sentences: 1, Shortened: 1, LostBoth: 1}},
		{"one window, as much on either side", TruncateAroundMentions, 20, 8, 11, "g h A j k B m n", Cut{Sentences: 1, Shortened: 1}},
		{"one window at the end", TruncateAroundMentions, 20, 16, 19, "m n o p A r s B", Cut{Sentences: 1, Shortened: 1}},
		{"two windows", TruncateAroundMentions, 26, 4, 20, "d A f g t B v w", Cut{Sentences: 1, Shortened: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := letters(t, 10, test.truncate)
			x := sentence(test.n, test.a, test.b, 1)
			rows, cut, err := e.Encode([]relations.Example{x})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range rows[0].Spans[1 : len(rows[0].Spans)-1] {
				got = append(got, x.Text[s.Start:s.End])
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.cut, cut); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
