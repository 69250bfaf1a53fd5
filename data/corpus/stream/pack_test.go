package stream_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/subbert/subbert/data/corpus/stream"
)

// TestPack reads back what Pack writes, by the name of the file.
func TestPack(t *testing.T) {
	for name, head := range map[string]string{"x.tsv": "a", "x.tsv.gz": "\x1f\x8b", "x.TSV.GZ": "\x1f\x8b", "x.jsonl.zst": "\x28\xb5\x2f\xfd"} {
		for _, want := range []string{"a", strings.Repeat("a b c\n", 1000)} {
			path := filepath.Join(t.TempDir(), name)
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			w, err := stream.Pack(f, name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.WriteString(w, want)
			if err := errors.Join(err, w.Close(), f.Close()); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(content), head) {
				t.Errorf("%s begins with %.4q, want %q", name, content, head)
			}
			in, err := stream.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(in)
			if err := errors.Join(err, in.Close()); err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("%s: read back %d bytes, want %d", name, len(got), len(want))
			}
		}
	}
}
