package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadRuns(t *testing.T) {
	run, other := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(run, "config.toml"), []byte("[task]\nname = \"pretraining\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		dirs    []string
		skipped []string
		fault   string
	}{
		{"a run", []string{run}, nil, ""},
		{"a run and another directory", []string{other, run}, []string{other}, ""},
		{"another directory", []string{other}, nil, "not a run directory"},
		{"other directories", []string{other, other}, []string{other, other}, "none of the 2 arguments"},
		{"no directory", []string{run, filepath.Join(other, "gone")}, nil, "no such directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var skipped []string
			runs, err := ReadRuns(t.Context(), test.dirs, nil, func(dir string) { skipped = append(skipped, dir) })
			if (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
				t.Errorf("error %v, want %q", err, test.fault)
			}
			if err == nil && (len(runs) != 1 || runs[0].Dir != run) {
				t.Errorf("%d runs, want the one of %s", len(runs), run)
			}
			if diff := cmp.Diff(test.skipped, skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}
