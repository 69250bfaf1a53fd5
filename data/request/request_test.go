package request

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMisuse(t *testing.T) {
	dir := t.TempDir()
	cased := filepath.Join(dir, "vocab.txt")
	if err := os.WriteFile(cased, []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nThe\nthe\nGene\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	choose := func(s Selection) func() error {
		return func() error {
			_, err := s.Plan(t.Context(), []string{"a.jsonl"}, slog.New(slog.DiscardHandler))
			return err
		}
	}
	shard := func(s Shards) func() error {
		return func() error {
			_, err := s.Plan(nil)
			return err
		}
	}
	for _, c := range []struct {
		name string
		do   func() error
		want string // empty: the request is valid
	}{
		{"a query", choose(Selection{Query: "gene", From: "jsonl"}), ""},
		{"nothing", choose(Selection{}), "no --query"},
		{"half a query", choose(Selection{Query: "(gene"}), "never closed"},
		{"a query besides a preset", choose(Selection{Query: "gene", Preset: "pg"}), "sets the query"},
		{"entities in another mode", choose(Selection{Query: "gene", Mode: "lexical", Entities: []string{"gene"}}), "requires --mode entity"},
		{"headings without descriptors", choose(Selection{Query: "gene[mesh]"}), "--mesh"},
		{"records of lines", choose(Selection{Query: "eng[la]", From: "jsonl"}), "requires PubMed's XML"},
		{"a share of nothing", choose(Selection{Query: "gene", Share: []string{"b*=0.5"}}), "no file matches the pattern"},
		{"no fraction", choose(Selection{Query: "gene", Share: []string{"a*=2"}}), "from 0 to 1"},
		{"an unknown corpus", choose(Selection{Query: "gene", Exclude: []string{"x:y"}}), `no format "x"`},
		{"a vocabulary of another casing", choose(Selection{Query: "gene", Vocab: cased, Uncased: true}), "cased"},
		{"shards", shard(Shards{Vocab: cased, MaxWordChars: 200, HeldOut: 0.1}), ""},
		{"all held out", shard(Shards{Vocab: cased, MaxWordChars: 200, HeldOut: 1}), "--held-out 1"},
		{"shards of another casing", shard(Shards{Vocab: cased, MaxWordChars: 200, Uncased: true}), "cased"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.do()
			var misuse *Misuse
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.As(err, &misuse) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want a misuse with %q", err, c.want)
			}
		})
	}
	if err := choose(Selection{Query: "gene", Vocab: filepath.Join(dir, "none")})(); !errors.Is(err, os.ErrNotExist) || errors.As(err, new(*Misuse)) {
		t.Errorf("a vocabulary that is not there: %v", err)
	}
}

// Aids allows replacing the files that Plan opens.
func TestAids(t *testing.T) {
	s := Selection{Mesh: "m", Vocab: "v", Tables: []string{"t1", "t2"}, Exclude: []string{"ddi2013:x"}}
	for _, aid := range s.Aids() {
		*aid += "+"
	}
	want := Selection{Mesh: "m+", Vocab: "v+", Tables: []string{"t1+", "t2+"}, Exclude: []string{"ddi2013:x+"}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
