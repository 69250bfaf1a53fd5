package wordpiece

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const specialLines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

// read makes a vocabulary of the special tokens and those in lines.
func read(tb testing.TB, lines string) *Vocabulary {
	tb.Helper()
	v, err := ReadVocabulary(strings.NewReader(specialLines+lines), "v.txt")
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestVocabulary(t *testing.T) {
	v, err := ReadVocabulary(strings.NewReader("go\n[MASK]\n##ing\n[SEP]\n[UNK]\n[PAD]\n[CLS]\n##\n"), "v.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Special{Pad: 5, Unk: 4, CLS: 6, SEP: 3, Mask: 1}, v.Special()); diff != "" {
		t.Errorf("special tokens (-want +got):\n%s", diff)
	}
	if v.Size() != 8 || v.Name() != "v.txt" || v.Token(2) != "##ing" {
		t.Errorf("got size %d, name %q, token 2 %q; want 8, v.txt, ##ing", v.Size(), v.Name(), v.Token(2))
	}
	if id, ok := v.ID("##ing"); id != 2 || !ok {
		t.Errorf("id of ##ing: got %d, %v; want 2, true", id, ok)
	}
	if _, ok := v.ID("ing"); ok {
		t.Error("ing has an id")
	}
	if v.Continues(0) || !v.Continues(2) {
		t.Errorf("continues: go %v, ##ing %v; want false, true", v.Continues(0), v.Continues(2))
	}
}

func TestVocabularyForms(t *testing.T) {
	want := read(t, "a\n##é\n")
	for _, test := range []struct{ name, file string }{
		{"CR LF", strings.ReplaceAll(specialLines+"a\n##é\n", "\n", "\r\n")},
		{"no newline at the end", specialLines + "a\n##é"},
		{"byte order mark", "\ufeff" + specialLines + "a\n##é\n"},
		{"spaces around", specialLines + " a\t\n##é \n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ReadVocabulary(strings.NewReader(test.file), "v.txt")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.tokens, got.tokens); diff != "" {
				t.Errorf("tokens (-want +got):\n%s", diff)
			}
			if got.Hash() != want.Hash() {
				t.Errorf("hash %s, want %s", got.Hash(), want.Hash())
			}
		})
	}
}

func TestVocabularyHash(t *testing.T) {
	file, err := os.ReadFile("testdata/cased.vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	if got, want := openVocabulary(t, "testdata/cased.vocab.txt").Hash(), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("got %s, want the hash of the file, %s", got, want)
	}
}

func TestVocabularyRefused(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"empty", "", "v.txt: empty; a vocabulary has one token a line"},
		{"twice", specialLines + "a\nb\na\n", `v.txt: line 8: token "a" occurs twice, first on line 6`},
		{"blank twice", specialLines + "\nb\n\n", `v.txt: line 8: token "" occurs twice, first on line 6`},
		{"no mask", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n", "v.txt: no token [MASK] in a vocabulary of 5"},
		{"none special", "the\n", "v.txt: no token [PAD], [UNK], [CLS], [SEP], [MASK] in a vocabulary of 1"},
		{"not UTF-8", specialLines + "caf\xe9\n", "v.txt: line 6: not UTF-8; a vocabulary is a text file, one token a line"},
		{"binary", "\x7fELF\x02\x01\x01\n", `v.txt: line 1: control character U+007F in "\x7fELF\x02\x01\x01"; a vocabulary is a text file, one token a line`},
		{"NUL", specialLines + "a\x00\n", `v.txt: line 6: control character U+0000 in "a\x00"; a vocabulary is a text file, one token a line`},
		{"one long line", specialLines + strings.Repeat("x", 1025), "v.txt: line 6: more than 1024 bytes; a vocabulary has one token a line"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadVocabulary(strings.NewReader(test.file), "v.txt")
			if err == nil || err.Error() != test.want {
				t.Errorf("got error %v, want %s", err, test.want)
			}
		})
	}
	t.Run("longest line", func(t *testing.T) {
		read(t, strings.Repeat("x", 1024)+"\r\n")
	})
	t.Run("broken reader", func(t *testing.T) {
		_, err := ReadVocabulary(iotest.ErrReader(errors.New("broken")), "v.txt")
		if err == nil || err.Error() != "v.txt: broken" {
			t.Errorf("got error %v, want v.txt: broken", err)
		}
	})
	t.Run("no file", func(t *testing.T) {
		_, err := OpenVocabulary("testdata/none.txt")
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got error %v, want that the file does not exist", err)
		}
	})
}

func TestCased(t *testing.T) {
	many := strings.Repeat("x", 200)
	lower := ""
	for i := range many {
		lower += many[:i+1] + "\n"
	}
	for _, test := range []struct {
		name, lines string
		want        bool
	}{
		{"special only", "", false},
		{"unused", "[unused1]\n[X]\n", false},
		{"one of few", "the\nThe\n", true},
		{"within", "the\n##eR\n", true},
		{"Greek", "Γ\n", true},
		{"no lower case", "𝐀\n中\n", false},
		{"two tags in two hundred", lower + "@GENE$\n@DRUG$\n", false},
		{"three tags in two hundred", lower + "@GENE$\n@DRUG$\n@CHEMICAL$\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := read(t, test.lines).Cased(); got != test.want {
				t.Errorf("cased: got %v, want %v", got, test.want)
			}
		})
	}
}

// TestLikeTokens holds the time to build a vocabulary's trie to a small multiple of its size. The tokens leave no room in
// a trie's double array among the nodes that they leave vacant.
func TestLikeTokens(t *testing.T) {
	build := func(n int) time.Duration {
		var text strings.Builder
		text.WriteString("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
		for i := range n {
			fmt.Fprintf(&text, "tok%06d\n", i)
		}
		least := time.Hour // of several times: the machine may be busy
		for range 3 {
			started := time.Now()
			if _, err := ReadVocabulary(strings.NewReader(text.String()), "v"); err != nil {
				t.Fatal(err)
			}
			least = min(least, time.Since(started))
		}
		return least
	}
	small, large := build(25_000), build(250_000)
	if large > 30*small+time.Second {
		t.Errorf("250,000 tokens took %v, 25,000 took %v: more than in proportion", large, small)
	}
}
