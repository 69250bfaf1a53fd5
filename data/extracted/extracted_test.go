package extracted

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rows(n int) []Row {
	out := make([]Row, n)
	for i := range out {
		out[i] = Row{PMID: fmt.Sprint(i / 3), Section: "abstract", Sentence: "Zalor älb \"x\" <b> & Bor.", SentenceStart: int32(i), A: "Zalor", AID: "MESH:D1", AType: "Chemical",
			AStart: 3, AEnd: 8, B: "älb", BType: "Disease", BStart: 9, BEnd: 12, Label: "effect", Probability: 0.1 + float32(i%7)/10}
	}
	return out
}

func write(t *testing.T, path string, rows []Row) []byte {
	t.Helper()
	form, err := FormOf(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := NewWriter(&b, form)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestForms checks that rows are read back unchanged, and that the same rows make the same bytes.
func TestForms(t *testing.T) {
	for _, name := range []string{"x.tsv", "x.jsonl", "x.TSV.zst", "x.jsonl.zst", "x.tsv.gz", "x.jsonl.gz", "x.parquet"} {
		for _, n := range []int{0, 1, 1000} {
			t.Run(fmt.Sprint(name, n), func(t *testing.T) {
				want := rows(n)
				content := write(t, name, want)
				if !bytes.Equal(content, write(t, name, want)) {
					t.Error("the same rows make other bytes")
				}
				path := filepath.Join(t.TempDir(), strings.ToLower(name))
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
				got := []Row{}
				for r, err := range Read(t.Context(), path) {
					if err != nil {
						if n == 0 && len(content) == 0 {
							return // empty files are an error of package stream
						}
						t.Fatal(err)
					}
					got = append(got, r)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

// TestFlat checks that a text with tabs and line ends becomes one line with correct positions.
func TestFlat(t *testing.T) {
	r := Row{PMID: "1", Sentence: "a\tb\nc\r\nd", Label: "x"}
	if got := string(r.appendTSV(nil)); strings.Count(got, "\t") != 15 || strings.Count(got, "\n") != 1 || !strings.Contains(got, "a b c  d") {
		t.Errorf("%q", got)
	}
}

func TestBroken(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"x.tsv", "a\tb\n", "x.tsv:1: no column pmid"},
		{"x.tsv", "pmid\tlabel\tprobability\n1\tx\thigh\n", `x.tsv:2: column probability: "high", want a number`},
		{"x.tsv", "pmid\ta\tlabel\n1\tx\n", "x.tsv:2: 2 columns, want at least 3"},
		{"x.jsonl", "{\n", "x.jsonl:1: "},
		{"x.parquet", "PAR1", "x.parquet: "},
		{"x.txt", "hello\n", "x.txt:1: no column pmid"},
	} {
		path := filepath.Join(t.TempDir(), test.name)
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		var last error
		for _, last = range Read(t.Context(), path) {
		}
		if last == nil || !strings.Contains(last.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.content, last, test.want)
		}
	}
	for _, name := range []string{"x", "x.csv", "x.parquet.zst", "tsv"} {
		if _, err := FormOf(name); err == nil || !strings.Contains(err.Error(), "want .parquet, .tsv") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
