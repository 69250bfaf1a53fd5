package pubmed

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSort(t *testing.T) {
	paths := []string{"u/pubmed26n1335.xml.gz", "b/pubmed26n0010.xml", "b/pubmed26n0002.xml.gz", "pubmed25n1400.xml.gz", "pubmed26n10000.xml"}
	if err := Sort(paths); err != nil {
		t.Fatal(err)
	}
	want := []string{"pubmed25n1400.xml.gz", "b/pubmed26n0002.xml.gz", "b/pubmed26n0010.xml", "u/pubmed26n1335.xml.gz", "pubmed26n10000.xml"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := Sort([]string{"a/x2.xml.gz", "x1.xml", "b/x2.xml"}); err == nil || !strings.Contains(err.Error(), "are the same PubMed file") {
		t.Errorf("got error %v", err)
	}
}

func TestMissing(t *testing.T) {
	got := Missing([]string{"pubmed25n0007.xml", "pubmed26n0001.xml.gz", "pubmed26n0002.xml.gz", "pubmed26n0005.xml", "own.xml", "pubmed26n0006.xml"})
	if diff := cmp.Diff([]string{"pubmed26n0003", "pubmed26n0004"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// indexOf makes an index of entries like "7", "7.2", and "-7" for a deletion.
func indexOf(t *testing.T, entries string) *Index {
	t.Helper()
	var x Index
	for _, word := range strings.Fields(entries) {
		id, version, dotted := strings.Cut(strings.TrimPrefix(word, "-"), ".")
		if !dotted {
			version = "1"
		}
		p, ok := number(id, 1000)
		v, good := number(version, 9)
		if !ok || !good {
			t.Fatalf("bad entry %q", word)
		}
		x.Add(&Citation{ID: ID{uint32(p), uint16(v)}, Deleted: word[0] == '-'})
	}
	return &x
}

func TestResolve(t *testing.T) {
	tests := []struct {
		name  string
		files []string
		want  []string // the entries that count
	}{
		{"nothing twice", []string{"1 2", "3"}, []string{"1 2", "3"}},
		{"a later file wins", []string{"1 2 3", "2"}, []string{"1 3", "2"}},
		{"a later record wins", []string{"1 2 1"}, []string{"2 1"}},
		{"deleted", []string{"1 2", "-1"}, []string{"2", ""}},
		{"deleted and back", []string{"1 2", "-1", "1"}, []string{"2", "", "1"}},
		{"deleted in its own file", []string{"1 2 -2"}, []string{"1"}},
		{"deletion of nothing", []string{"-9 1"}, []string{"1"}},
		{"a higher version wins", []string{"1 1.2 2"}, []string{"1.2 2"}},
		{"a higher version wins over a later record", []string{"1.2", "1"}, []string{"1.2", ""}},
		{"a version deleted", []string{"1 1.2 1.3", "-1.3"}, []string{"1.2", ""}},
		{"all versions deleted", []string{"1 1.2", "-1 -1.2"}, []string{"", ""}},
		{"a version replaced", []string{"1 1.2", "1.2", "3"}, []string{"", "1.2", "3"}},
		{"many", []string{strings.Repeat("5 ", 200) + "6"}, []string{"5 6"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var packed [][]byte
			for _, f := range test.files {
				b, err := indexOf(t, f).AppendBinary(nil)
				if err != nil {
					t.Fatal(err)
				}
				packed = append(packed, b)
			}
			kept, err := Resolve(len(packed), func(i int) (*Index, error) {
				var x Index
				return &x, x.UnmarshalBinary(packed[i])
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range test.files {
				var got []string
				for j, word := range strings.Fields(f) {
					if kept[i].Has(j) {
						got = append(got, word)
					}
				}
				if diff := cmp.Diff(test.want[i], strings.Join(got, " ")); diff != "" {
					t.Errorf("file %d: -want +got:\n%s", i, diff)
				}
			}
		})
	}
}

func TestIndexRefusesDamage(t *testing.T) {
	b, err := indexOf(t, "1 2.2 -3").AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "cut": b[:5], "cut versions": b[:len(b)-1], "zero": append([]byte{1}, 0, 0, 0, 0),
		"version of nothing": append(slices.Clone(b), 9, 0, 0, 0, 2, 0), "version 1": append(slices.Clone(b), 0, 0, 0, 0, 1, 0),
	} {
		if err := new(Index).UnmarshalBinary(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCurrent(t *testing.T) {
	dir := t.TempDir()
	title := func(pmid int, text string) string {
		return article(fmt.Sprint(pmid), "<ArticleTitle>"+text+"</ArticleTitle>")
	}
	files := map[string]string{
		"pubmed26n0001.xml": title(1, "old") + title(2, "kept") + title(3, "deleted"),
		"pubmed26n0002.xml": title(4, "kept"),
		"pubmed26n0010.xml": title(1, "new") + "<PubmedArticle>broken</PubmedArticl>" + title(5, "kept") +
			`<DeleteCitation><PMID Version="1">3</PMID></DeleteCitation>`,
	}
	var paths []string
	for name, records := range files {
		path := filepath.Join(dir, name)
		paths = append(paths, path)
		if err := os.WriteFile(path, []byte(file(records)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got bytes.Buffer
	faults := 0
	for c, err := range Current(paths, Options{Fault: func(Fault) { faults++ }}) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%v %s\n", c.ID, c.Title)
	}
	if diff := cmp.Diff("2 kept\n4 kept\n1 new\n5 kept\n", got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if faults != 1 {
		t.Errorf("told of %d faults, want 1", faults)
	}
}
