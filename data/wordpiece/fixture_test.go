package wordpiece

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
)

// fixtureText is a line of testdata/texts.jsonl.gz, which scripts/fixtures_wordpiece.py writes: a text and the ids that
// Google's rules give it in five settings, three of them left out where they change nothing.
type fixtureText struct {
	Text       string
	Cased      []int32
	Uncased    []int32
	Cased100   []int32 `json:"cased_100"`
	Uncased100 []int32 `json:"uncased_100"`
	NeverSplit []int32 `json:"never"`
}

type fixtureHeader struct {
	Unicode    string
	NeverSplit []string `json:"never_split"`
}

func readFixture(tb testing.TB) (fixtureHeader, []fixtureText) {
	tb.Helper()
	f, err := os.Open("testdata/texts.jsonl.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		tb.Fatal(err)
	}
	d := json.NewDecoder(z)
	var h fixtureHeader
	if err := d.Decode(&h); err != nil {
		tb.Fatal(err)
	}
	var texts []fixtureText
	for d.More() {
		var t fixtureText
		if err := d.Decode(&t); err != nil {
			tb.Fatal(err)
		}
		texts = append(texts, t)
	}
	return h, texts
}

// newTokenizer returns a tokenizer for the made-up vocabulary of a casing.
func newTokenizer(tb testing.TB, c Config) *Tokenizer {
	tb.Helper()
	path := "testdata/cased.vocab.txt"
	if c.Lower {
		path = "testdata/uncased.vocab.txt"
	}
	t, err := New(openVocabulary(tb, path), c)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestUnicodeVersion(t *testing.T) {
	h, _ := readFixture(t)
	if diff := cmp.Diff([]string{h.Unicode, h.Unicode}, []string{UnicodeVersion, norm.Version}); diff != "" {
		t.Errorf("Go has Unicode %s and x/text/unicode/norm %s, the fixtures %s: make them again with that edition (scripts/wordpiece_reference.py names it) and see what changed",
			UnicodeVersion, norm.Version, h.Unicode)
	}
}

// TestReference compares every id with Google's rules as Python runs them.
func TestReference(t *testing.T) {
	h, texts := readFixture(t)
	if len(texts) < 3000 {
		t.Fatalf("%d texts in the fixture, want at least 3000", len(texts))
	}
	or := func(ids, otherwise []int32) []int32 {
		if ids == nil {
			return otherwise
		}
		return ids
	}
	tests := []struct {
		name string
		tok  *Tokenizer
		want func(fixtureText) []int32
	}{
		{"cased", newTokenizer(t, Config{MaxWordChars: 200}), func(f fixtureText) []int32 { return f.Cased }},
		{"uncased", newTokenizer(t, Config{Lower: true, MaxWordChars: 200}), func(f fixtureText) []int32 { return f.Uncased }},
		{"cased_100", newTokenizer(t, Config{MaxWordChars: 100}), func(f fixtureText) []int32 { return or(f.Cased100, f.Cased) }},
		{"uncased_100", newTokenizer(t, Config{Lower: true, MaxWordChars: 100}), func(f fixtureText) []int32 { return or(f.Uncased100, f.Uncased) }},
		{"never", newTokenizer(t, Config{MaxWordChars: 200, NeverSplit: h.NeverSplit}), func(f fixtureText) []int32 { return or(f.NeverSplit, f.Cased) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			differ := 0
			for range 2 { // the second time from the cache
				for _, f := range texts {
					got := test.tok.Append([]int32{}, f.Text)
					if diff := cmp.Diff(test.want(f), got); diff != "" {
						t.Errorf("%+q: ids (-want +got):\n%s", f.Text, diff)
						if differ++; differ > 5 {
							t.Fatal("and maybe more")
						}
					}
				}
			}
		})
	}
}

// TestCodepoints compares, for every code point there is, how it and what stands around it are taken apart.
func TestCodepoints(t *testing.T) {
	b, err := os.ReadFile("testdata/codepoints.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Newer          [][2]rune
		Cased, Uncased []string
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	last := unicode.MaxRune + 1
	if testing.Short() {
		last = 0x20000 // nearly all that is assigned
	}
	for _, test := range []struct {
		name  string
		lower bool
		want  []string
	}{{"cased", false, want.Cased}, {"uncased", true, want.Uncased}} {
		t.Run(test.name, func(t *testing.T) {
			tok := newTokenizer(t, Config{Lower: test.lower, MaxWordChars: 200})
			for block := rune(0); block < last; block += 0x1000 {
				h := sha256.New()
				for r := block; r < block+0x1000; r++ {
					if r < 0xd800 || r > 0xdfff { // surrogates are no characters
						fmt.Fprintf(h, "%s\n\n", strings.Join(normalWords(tok, probe(r, want.Newer)), "\n"))
					}
				}
				if got := hex.EncodeToString(h.Sum(nil))[:16]; got != test.want[block/0x1000] {
					t.Errorf("code points %U to %U: words have digest %s, want %s", block, block+0xfff, got, test.want[block/0x1000])
				}
			}
		})
	}
}

// probe puts r where it shows its class, its parts, and whether it is cased or case-ignorable; the last only if r is in
// none of the stretches of code points that are newer than the reference's sigma rule.
func probe(r rune, newer [][2]rune) string {
	for _, stretch := range newer {
		if stretch[0] <= r && r <= stretch[1] {
			return fmt.Sprintf("x%[1]cy %[1]c", r)
		}
	}
	return fmt.Sprintf("x%[1]cy Α%[1]cΣ%[1]cβ Α%[1]cΣ%[1]c %[1]c", r)
}

// normalWords returns the words of text as the vocabulary is asked for them.
func normalWords(t *Tokenizer, text string) []string {
	var words []string
	for i := 0; i < len(text); {
		end, kind := t.wordEnd(text, i)
		if kind == letter || kind == punct || kind == ideograph {
			t.word.read(t.settings, text, i, end)
			words = append(words, string(t.word.text))
		}
		i = end
	}
	return words
}
