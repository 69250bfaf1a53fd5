package selection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/query"
)

func parse(t *testing.T, s string) *query.Query {
	t.Helper()
	q, err := query.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestRun(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in.jsonl")
	var b strings.Builder
	for i := range partDocuments + 10 {
		fmt.Fprintf(&b, `{"id":"%d","title":"T <i>","abstract":[["AIM","a protein & more"],["","x"]]}`+"\n", i)
	}
	b.WriteString(`{"id":"drug","title":"protein alone"}` + "\n" + `{"id":"none","text":"genes"}` + "\n")
	if err := os.WriteFile(in, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	card, err := Run(context.Background(), Plan{Files: []string{in}, Query: parse(t, "protein"), Out: out, Progress: func(Progress) {}})
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{Read: partDocuments + 12, Selected: partDocuments + 11, NoAbstract: 1, TextBytes: (partDocuments+10)*22 + 13}
	if diff := cmp.Diff(want, card.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	wantParts := []Part{{"part-00000.jsonl.zst", partDocuments}, {"part-00001.jsonl.zst", 11}}
	if diff := cmp.Diff(wantParts, card.Parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if names, err := Parts(out); err != nil || len(names) != 2 || names[1] != "part-00001.jsonl.zst" {
		t.Errorf("parts %v, %v", names, err)
	}
	if _, err := Parts(in); !errors.Is(err, ErrNoSelection) {
		t.Errorf("parts of a file: %v, want ErrNoSelection", err)
	}
	n := 0
	for _, part := range card.Parts {
		for d, err := range corpus.Open(filepath.Join(out, part.File)) {
			if err != nil {
				t.Fatal(err)
			}
			if n == 3 {
				want := corpus.Document{ID: "3", Title: "T <i>", Sections: []corpus.Section{
					{Part: corpus.Abstract, Label: "AIM", Text: "a protein & more"}, {Part: corpus.Abstract, Text: "x"}}}
				if diff := cmp.Diff(want, d); diff != "" {
					t.Errorf("document (-want +got):\n%s", diff)
				}
			}
			n++
		}
	}
	if n != int(want.Selected) {
		t.Errorf("%d documents in the parts, want %d", n, want.Selected)
	}
}

func TestFailuresLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.jsonl")
	if err := os.WriteFile(in, []byte("{\"text\":\"genes\"}\n{\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(dir, "good.jsonl")
	if err := os.WriteFile(good, []byte("{\"text\":\"genes\"}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct{ name, file, query, want string }{
		{"a broken line", in, "genes", "line 2"},
		{"nothing found", good, "protein", "no document matches protein[all]; 1 documents were read"},
		{"no file", filepath.Join(dir, "none"), "genes", "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Run(context.Background(), Plan{Files: []string{c.file}, Query: parse(t, c.query), Out: out, Progress: func(Progress) {}})
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNothing) != (c.name == "nothing found") {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			if left, err := os.ReadDir(filepath.Dir(out)); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
