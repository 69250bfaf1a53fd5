package request

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/relations"
)

// TestBC5CDR counts those of the 3,116 relations between a chemical and a disease that have mentions at most N sentences
// apart: the maximum that a model of pairs can find (docs/experiments.md). It needs the corpus.
func TestBC5CDR(t *testing.T) {
	in := filepath.Join(os.Getenv("SUBBERT_DATA"), "pubtext", "bc5cdr-pubtator")
	if _, err := os.Stat(in); err != nil {
		t.Skip("SUBBERT_DATA names no directory with pubtext/bc5cdr-pubtator")
	}
	for n, want := range []struct{ pairs, train, dev, test int }{
		{4654 + 5018 + 4977, 761, 767, 749},
		{12207 + 13297 + 13002, 922, 908, 931},
		{18392 + 20099 + 19628, 987, 950, 999},
		{23592 + 25835 + 25273, 1009, 980, 1042},
		{27833 + 30575 + 30174, 1026, 990, 1049},
		{31222 + 34406 + 34275, 1034, 992, 1060},
	} {
		out := Written{}
		c := Corpus{In: in, Format: "pubtator", Types: []string{"Chemical", "Disease"}, Within: n}
		examples, err := c.read(t.Context(), &out)
		if err != nil {
			t.Fatal(err)
		}
		found := []Covered{
			{"train", relations.Coverage{Stated: 1038, Paired: want.train}},
			{"dev", relations.Coverage{Stated: 1012, Paired: want.dev}},
			{"test", relations.Coverage{Stated: 1066, Paired: want.test}},
		}
		if diff := cmp.Diff(found, out.Covered); diff != "" || len(examples) != want.pairs {
			t.Errorf("within %d: %d pairs, want %d (-want +got)\n%s", n, len(examples), want.pairs, diff)
		}
	}
}

func TestWithin(t *testing.T) {
	in := filepath.Join(t.TempDir(), "a.tsv")
	if err := os.WriteFile(in, []byte("index\tsentence\tlabel\n1\t@DRUG$ and @DRUG$\tfalse\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		corpus Corpus
		want   string
	}{
		{"marked sentences", Corpus{In: in, Format: "tsv", Within: 1}, "want 0 or more, and 0 for tsv"},
		{"negative", Corpus{In: in, Format: "pubtator", Within: -1}, "--within -1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.corpus.Write(t.Context(), func(string) {})
			var misuse *Misuse
			if !errors.As(err, &misuse) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want a misuse with %q", err, c.want)
			}
		})
	}
}
