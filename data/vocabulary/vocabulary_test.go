package vocabulary

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLearn(t *testing.T) {
	text := []string{"low low low low low", "lower lower", "newest newest newest newest newest newest", "widest widest widest", "50%, §"}
	got, err := Learn(slices.Values(text), 60)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(`[PAD] [UNK] [CLS] [SEP] [MASK]
		% , 0 5 d e i l n o r s t w §
		##0 ##5 ##d ##e ##i ##l ##n ##o ##r ##s ##t ##w
		##es ##est ##ow low ##ew ##ewest newest ##dest ##idest widest ##er lower`)
	// Ties go to the first in byte order, and ## comes before letters: ##o ##w before l ##o.
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}

// A plain version that recounts every pair at every step, to compare the incremental one with.
func learnSlowly(counts map[string]int, alphabet []string, merges int) []string {
	m := newMerger(counts, alphabet)
	var out []string
	for range merges {
		pairs := map[pair]int{}
		for w, pieces := range m.words {
			for i := 1; i < len(pieces); i++ {
				pairs[pair{pieces[i-1], pieces[i]}] += m.counts[w]
			}
		}
		var q queue
		for p, n := range pairs {
			q = append(q, entry{p, n})
		}
		if len(q) == 0 {
			break
		}
		best := slices.MinFunc(q, func(a, b entry) int {
			if (queue{a, b}).Less(0, 1) {
				return -1
			}
			return 1
		})
		if best.count < minPairCount {
			break
		}
		for w := range m.words {
			m.words[w] = replace(m.words[w], best.pair, best.pair.joined())
		}
		out = append(out, best.pair.joined())
	}
	return out
}

func TestMergerEqualsRecounting(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		counts := map[string]int{}
		for range 60 {
			var w strings.Builder
			for range 1 + rng.IntN(8) {
				w.WriteByte("aab"[rng.IntN(3)])
			}
			counts[w.String()] += 1 + rng.IntN(5)
		}
		alphabet := alphabet(counts, 100)
		m := newMerger(counts, alphabet)
		var got []string
		for range 40 {
			piece, ok := m.merge()
			if !ok {
				break
			}
			got = append(got, piece)
		}
		if diff := cmp.Diff(learnSlowly(counts, alphabet, 40), got); diff != "" {
			t.Fatalf("seed %d (-recounting +incremental):\n%s", seed, diff)
		}
	}
}

func TestLearnProperties(t *testing.T) {
	lines := []string{}
	rng := rand.New(rand.NewPCG(7, 7))
	for range 400 {
		lines = append(lines, fmt.Sprintf("The drug %c%c%dmab (β-%d) was given, naïve 漢字 cells.", 'a'+rng.IntN(26), 'a'+rng.IntN(26), rng.IntN(9), rng.IntN(30)))
	}
	for _, size := range []int{60, 120, 300} {
		tokens, err := Learn(slices.Values(lines), size)
		if err != nil {
			t.Fatal(err)
		}
		if len(tokens) > size {
			t.Errorf("size %d: got %d tokens", size, len(tokens))
		}
		seen := map[string]bool{}
		for _, tok := range tokens {
			if seen[tok] || tok == "" || tok == continuation || strings.ContainsAny(tok, " \n\t") {
				t.Errorf("size %d: token %q is empty, has a space or occurs twice", size, tok)
			}
			seen[tok] = true
		}
		slices.Reverse(lines)
		again, err := Learn(slices.Values(lines), size)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tokens, again); diff != "" {
			t.Errorf("size %d depends on the order of lines:\n%s", size, diff)
		}
	}
}

func TestLearnRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		size       int
		want       string
	}{
		{"no words", " \n\x00\xff", 100, "vocabulary: the text has no words"},
		{"no room", "a word", 3, "vocabulary: size 3 is too small, want at least 20"},
		{"room for specials only", "a word", 5, "vocabulary: size 5 is too small, want at least 20"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Learn(slices.Values([]string{tt.text}), tt.size)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
}

// Characters take at most half of the vocabulary, two places each, marks one; the rarest are left out.
func TestRareCharactersAreLeftOut(t *testing.T) {
	tokens, err := Learn(slices.Values([]string{"aaaa bbb cc d , , , , ,"}), 20)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields("[PAD] [UNK] [CLS] [SEP] [MASK] , a b c d ##a ##b ##c ##d")
	if diff := cmp.Diff(want, tokens[:len(want)]); diff != "" {
		t.Errorf("size 20 (-want +got):\n%s", diff)
	}
	if tokens, err = Learn(slices.Values([]string{"aaaa bbb cc d , , , , ,"}), 12); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Fields("[PAD] [UNK] [CLS] [SEP] [MASK] , a b ##a ##b ##aa"), tokens[:11]); diff != "" {
		t.Errorf("size 12 (-want +got):\n%s", diff)
	}
}

func TestWords(t *testing.T) {
	got := slices.Collect(words("The (α,β)-form\u00a0of\tx_1\u200b $5 漢字\x00\xff!"))
	want := []string{"The", "(", "α", ",", "β", ")", "-", "form", "of", "x", "_", "1", "$", "5", "漢", "字", "!"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, []string{"[PAD]", "##a"}); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "[PAD]\n##a\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
