package preparation

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestResult(t *testing.T) {
	file := filepath.Join(t.TempDir(), "docs.jsonl")
	if err := os.WriteFile(file, []byte("{\"id\":\"1\",\"title\":\"Mice slept.\"}\n{\"id\":\"2\",\"title\":\" \"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := plan(t, file)
	left := filepath.Join(filepath.Dir(p.Out), ".out.partial-1")
	if err := os.Mkdir(left, 0o777); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	p.Warn = func(line string) { warnings = append(warnings, line) }
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{left, "left out 1 documents", "no document was held out (a fraction of 0.2 of 1 documents)"} {
		if len(warnings) <= i || !strings.Contains(warnings[i], want) {
			t.Errorf("warnings %q, want the one at %d with %q", warnings, i, want)
		}
	}
	want := p.Out + ": 1 documents, 1 sentences, 2 words, "
	if lines := strings.Split(r.String(), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], want) || !slices.Contains(strings.Fields(lines[1]), "MB/s;") {
		t.Errorf("result %q, want two lines that begin with %q", r, want)
	}
	if r.Dir != p.Out || r.Seconds <= 0 || r.MBPerSecond <= 0 || r.BytesPerByte <= 0 || r.Empty != 1 {
		t.Errorf("result %+v", r)
	}
}
