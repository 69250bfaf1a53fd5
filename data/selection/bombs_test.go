package selection

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/subbert/subbert/data/corpus/mesh"
	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/documents"
	"github.com/subbert/subbert/data/forms"
)

// packed is s as a gzip stream. Streams one after the other are the stream of what they hold.
func packed(t *testing.T, s io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drain reads all records of a file and counts them and the faults.
func drain(ctx context.Context, path string, f forms.Form) (records, faults int, err error) {
	src, err := documents.Open(ctx, path, documents.Options{Form: f, Broken: func(error) { faults++ }})
	if err != nil {
		return 0, 0, err
	}
	defer src.Close() // only read from
	for _, err := range src.Records() {
		if err != nil {
			return records, faults, err
		}
		records++
	}
	return records, faults, nil
}

// TestBombs gives every reader a small packed file with a gigabyte in one line, within what may be one record. They pass
// over it or end with an error, and take little memory.
func TestBombs(t *testing.T) {
	blocks := 1 << 10 // of a megabyte
	if testing.Short() {
		blocks = 1 << 6
	}
	bomb := bytes.Repeat(packed(t, strings.NewReader(strings.Repeat("x", 1<<20))), blocks)
	reader := func(f forms.Form) func(string) (int, int, error) {
		return func(path string) (int, int, error) { return drain(t.Context(), path, f) }
	}
	for _, c := range []struct {
		name, head, tail string
		read             func(path string) (records, faults int, err error)
		records          int    // before the error, or in all
		want             string // in the error; empty if what is too long is passed over
	}{
		{"jsonl", "{\"text\":\"a\"}\n{\"text\":\"", "\"}\n{}\n", reader(forms.JSONL), 2, ""},
		{"text", "a\n\nb", "\n\nc\n", reader(forms.Text), 2, ""},
		{"pubtator", "1|t|a\n1|a|b\n\n2|t|", "\n2|a|b\n\n", reader(forms.PubTator), 1, ""},
		{"bioc", "<collection><document><id>1</id></document><document><id>2</id><passage><offset>0</offset><text>",
			"</text></passage></document><document><id>3</id></document></collection>", reader(forms.BioC), 2, ""},
		{"pubmed", "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>",
			"</ArticleTitle></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>", reader(forms.PubMedXML), 0, ""},
		{"mesh", "<DescriptorRecordSet><DescriptorRecord><DescriptorUI>", "</DescriptorUI></DescriptorRecord></DescriptorRecordSet>",
			func(path string) (int, int, error) {
				_, err := mesh.Open(t.Context(), path, 0, slog.New(slog.DiscardHandler))
				return 0, 0, err
			}, 0, "line 1"},
		{"table", "1\tGene\t1\ta\tb\n2\tGene\t1\t", "\tb\n", func(path string) (n, faults int, err error) {
			for _, err := range pubtator.OpenTable(t.Context(), path, pubtator.Options{Fault: func(pubtator.Fault) { faults++ }}) {
				if err != nil {
					return n, faults, err
				}
				n++
			}
			return n, faults, nil
		}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bomb.gz")
			content := append(append(packed(t, strings.NewReader(c.head)), bomb...), packed(t, strings.NewReader(c.tail))...)
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			records, faults, err := c.read(path)
			runtime.ReadMemStats(&after)
			switch {
			case c.want == "" && (err != nil || faults == 0):
				t.Errorf("%d faults, error %v; want a fault and no error", faults, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400):
				t.Errorf("error %.500v, want a line with %q", err, c.want)
			}
			if records != c.records {
				t.Errorf("%d records, want %d", records, c.records)
			}
			// What grows to 32 MiB by appending costs about 200 MB in all, freed and not.
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 400<<20 {
				t.Errorf("allocated %d MB, want under 400", grown>>20)
			}
		})
	}
}
