//go:build unix

package relations

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestPipe: what comes through a pipe is read as it is from a file.
func TestPipe(t *testing.T) {
	const table = "index\tsentence\tlabel\na\t@DRUG$ inhibits @DRUG$.\tfalse\n"
	want, err := Collect(Read("tsv", filepath.Join(folder(t, map[string]string{"a.tsv": table}), "a.tsv"), Options{}))
	if err != nil || len(want) != 1 {
		t.Fatal(want, err)
	}
	pipe := filepath.Join(t.TempDir(), "a.tsv")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(pipe, []byte(table), 0o600) }()
	got, err := Collect(Read("tsv", pipe, Options{Context: t.Context()}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
