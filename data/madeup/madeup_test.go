package madeup

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/vocabulary"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}

func TestGolden(t *testing.T) {
	docs, relations := Documents(1, 12), Relations(1, 40)
	tokens, err := Vocabulary(docs, relations, 400)
	if err != nil {
		t.Fatal(err)
	}
	var d, r, v bytes.Buffer
	for _, err := range []error{WriteDocuments(&d, docs), WriteRelations(&r, relations), vocabulary.Write(&v, tokens)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "documents.jsonl", d.Bytes())
	golden(t, "relations.tsv", r.Bytes())
	golden(t, "vocab.txt", v.Bytes())
}

// The digests cover far more wordings than the golden files show: a change to any of them is a change to what
// every quickstart reports.
func TestGoldenDigests(t *testing.T) {
	docs, relations := sha256.New(), sha256.New()
	if err := errors.Join(WriteDocuments(docs, Documents(1, 2000)), WriteRelations(relations, Relations(1, 5000))); err != nil {
		t.Fatal(err)
	}
	golden(t, "digests.txt", fmt.Appendf(nil, "documents %x\nrelations %x\n", docs.Sum(nil), relations.Sum(nil)))
}

func TestShorterSampleIsABeginning(t *testing.T) {
	if diff := cmp.Diff(Documents(5, 30), Documents(5, 90)[:30]); diff != "" {
		t.Errorf("documents differ:\n%s", diff)
	}
	if diff := cmp.Diff(Relations(5, 31), Relations(5, 90)[:31]); diff != "" {
		t.Errorf("relations differ:\n%s", diff)
	}
}

// The queries of the paper, as the lexical selection runs them.
var (
	drugQuery    = regexp.MustCompile(`(?i)\bdrugs?\b`)
	proteinQuery = regexp.MustCompile(`(?i)\b(protein|gene)s?\b`)
)

func TestQueriesSelectSubsets(t *testing.T) {
	const n = 2000
	found := map[string]int{}
	count := map[Domain]int{}
	for _, d := range Documents(3, n) {
		count[d.Domain]++
		text := d.Title + " " + d.Abstract
		isDrug, isProtein := drugQuery.MatchString(text), proteinQuery.MatchString(text)
		if isDrug {
			found["drug"]++
		}
		if isProtein {
			found["protein"]++
		}
		if isDrug && d.Domain != Drugs || isProtein && d.Domain != Proteins && d.Domain != Chemicals {
			t.Errorf("%s of domain %s is found by another domain's query: %s", d.ID, d.Domain, text)
		}
		if d.Domain == Proteins && !isProtein || d.Domain == Chemicals && !isProtein || d.Domain == Drugs && !isDrug {
			t.Errorf("%s of domain %s is not found by its query: %s", d.ID, d.Domain, text)
		}
		if sentences := strings.Count(d.Abstract, ".") + strings.Count(d.Abstract, "?"); sentences < 6 || sentences > 9 {
			t.Errorf("%s has %d sentences, want 6 to 9: %s", d.ID, sentences, d.Abstract)
		}
		if d.Note != Notice {
			t.Errorf("%s does not say that it is made up", d.ID)
		}
	}
	for domain, share := range map[Domain]float64{Drugs: 0.35, Proteins: 0.25, Chemicals: 0.2, Other: 0.2} {
		// Four standard deviations of a binomial share at n = 2000 are below 0.043.
		if got := float64(count[domain]) / n; got < share-0.043 || got > share+0.043 {
			t.Errorf("domain %s: got share %.3f, want about %.2f", domain, got, share)
		}
	}
	if found["drug"] == 0 || found["protein"] <= found["drug"] || found["protein"] == n {
		t.Errorf("queries find %v of %d", found, n)
	}
}

func TestRelationsAreWellFormed(t *testing.T) {
	labels := map[string]int{}
	for _, r := range Relations(2, 3000) {
		labels[r.Label]++
		if n := strings.Count(r.Sentence, Tag); n != 2 {
			t.Errorf("%s has %d tags, want 2: %s", r.Index, n, r.Sentence)
		}
		if strings.ContainsAny(r.Sentence, "{}\x00\t\n") || strings.Contains(r.Sentence, "  ") || !strings.HasSuffix(r.Sentence, ".") {
			t.Errorf("%s is not a sentence: %q", r.Index, r.Sentence)
		}
	}
	for label, least := range map[string]int{Advise: 150, Effect: 150, Int: 100, Mechanism: 150, False: 1500} {
		if labels[label] < least {
			t.Errorf("label %s: got %d of 3000, want at least %d", label, labels[label], least)
		}
	}
	if len(labels) != 5 {
		t.Errorf("got labels %v, want 5 of them", labels)
	}
}

// A sentence occurs once for each pair of its drugs, and the same words may carry different labels.
func TestPairsOfASentenceDiffer(t *testing.T) {
	bySentence := map[string][]string{}
	for _, r := range Relations(4, 3000) {
		id, _, _ := strings.Cut(r.Index, "-p")
		bySentence[id] = append(bySentence[id], r.Label)
	}
	mixed := 0
	for _, labels := range bySentence {
		if slices.ContainsFunc(labels, func(l string) bool { return l != labels[0] }) {
			mixed++
		}
	}
	if got := float64(mixed) / float64(len(bySentence)); got < 0.25 {
		t.Errorf("%.0f %% of the sentences have pairs of different labels, want at least 25 %%", 100*got)
	}
}

// No word gives a label away: the best rule "this label if the word occurs" stays well below what a model
// reaches that reads the sentence (a 2-layer BERT from random values: F1 86, logistic regression on words: 64).
func TestNoWordGivesALabelAway(t *testing.T) {
	type key struct{ word, label string }
	with, total, hits := map[string]int{}, map[string]int{}, map[key]int{}
	for _, r := range Relations(6, 4000) {
		total[r.Label]++
		words := strings.FieldsFunc(r.Sentence, func(r rune) bool { return strings.ContainsRune(" ,;.", r) })
		slices.Sort(words)
		for _, w := range slices.Compact(words) {
			with[w]++
			hits[key{w, r.Label}]++
		}
	}
	for k, n := range hits {
		if k.label == False {
			continue
		}
		f1 := 2 * float64(n) / float64(with[k.word]+total[k.label])
		if f1 > 0.55 {
			t.Errorf("the word %q alone finds %s with F1 %.2f, want at most 0.55", k.word, k.label, f1)
		}
	}
}

func TestSetsShareFewSentences(t *testing.T) {
	train := map[string]bool{}
	for _, r := range Relations(3, 3000) {
		train[r.Sentence] = true
	}
	shared := 0
	for _, r := range Relations(5, 1000) {
		if train[r.Sentence] {
			shared++
		}
	}
	if shared > 100 {
		t.Errorf("%d of 1000 test sentences occur in training, want at most 100", shared)
	}
}

func TestWordsOfTheWorldAreDistinct(t *testing.T) {
	l := newLexicon()
	seen := map[string]bool{}
	for _, d := range l.drugs {
		seen[d.name] = true
	}
	for _, list := range [][]string{l.enzymes, l.proteins, l.compounds} {
		for _, name := range list {
			seen[name] = true
		}
	}
	if want := len(l.drugs) + numEnzymes + numProteins + numCompounds; len(seen) != want {
		t.Errorf("got %d distinct names, want %d", len(seen), want)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sample")
	c := Config{Seed: 2, Documents: 50, Train: 60, Dev: 20, Test: 30, Vocabulary: 500}
	f, err := Write(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	for path, lines := range map[string]int{f.Documents: 50, f.Train: 61, f.Dev: 21, f.Test: 31, f.Vocabulary: 500} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Count(b, []byte("\n")); got != lines {
			t.Errorf("%s has %d lines, want %d", filepath.Base(path), got, lines)
		}
		if path != f.Vocabulary && !bytes.Contains(b, []byte("madeup-")) {
			t.Errorf("%s does not say that it is made up", filepath.Base(path))
		}
	}
	notice, err := os.ReadFile(f.Notice)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(notice, []byte(Notice)) {
		t.Errorf("the notice is not in %s", f.Notice)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 6 {
		t.Errorf("got %d files in %s, want 6", len(entries), dir)
	}
}

func TestWriteRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sample")
	if _, err := Write(dir, Config{Documents: 5, Vocabulary: 3}); err == nil {
		t.Error("a vocabulary of 3 tokens was accepted")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a refused sample left %s behind", dir)
	}
}

func BenchmarkDocuments(b *testing.B) {
	for b.Loop() {
		Documents(1, 1000)
	}
}
