package sweep

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// table is a report with a run in each state.
func table() *Report {
	return &Report{Runs: []Status{
		{Name: "a", Key: "1", State: Done, Seconds: 65, Dir: "/s/1", Command: []string{"pretrain", "x"}, Steps: 100, Hours: 2, Bytes: 3e9, Cost: 4},
		{Name: "b", Key: "2", State: Failed, Why: "no labels", Dir: "/s/2", Command: []string{"finetune"}, Needs: []string{"a", "a"}},
		{Name: "c", Key: "3", State: Skipped, Why: "because b failed", Command: []string{"report"}, Needs: []string{"a", "b"}},
		{Name: "d", Key: "4", State: Waiting, Command: []string{"pretrain"}, Steps: 50, Hours: 1, Bytes: 1e9, Cost: 2},
	}}
}

func TestTables(t *testing.T) {
	for _, test := range []struct {
		name  string
		write func(*Report, io.Writer) error
		want  string
	}{
		{"states", (*Report).WriteTable, `run  state    took   directory
a    done     1m05s  /s/1
b    failed          no labels
c    skipped         because b failed
d    waiting         
`},
		{"forecast", (*Report).WriteForecast, `run    state    steps  hours  GB    cost  needs
a      done     100    2.00   3.00  4.00  
b      failed   ?      ?      ?     ?     a
c      skipped  ?      ?      ?     ?     a b
d      waiting  50     1.00   1.00  2.00  
to do  2 runs   50     1.00   1.00  2.00  (hours are known of 1)
`},
		{"verbs", (*Report).WriteVerbs, `verb      runs  steps  hours  GB   cost
finetune  1     0      0.00   0.0  0.00
pretrain  2     150    3.00   4.0  6.00
report    1     0      0.00   0.0  0.00
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			if err := test.write(table(), &b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Errorf("want then got:\n%s", diff)
			}
		})
	}
}

func TestLine(t *testing.T) {
	store, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &Sweep{store: store, runs: table().Runs}
	for i, want := range []string{
		"[3/4] a done in 1m05s, about 33s left", // d has half the hours of a
		"[3/4] b failed: no labels; log: " + filepath.Join(store.ByName("b"), LogFile) + ", about 33s left",
		"[3/4] c skipped: because b failed",
		"[3/4] d waiting, about 33s left",
	} {
		if got := w.Line(w.runs[i], 1); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestReportErr(t *testing.T) {
	if err := table().Err(); err == nil || !strings.HasPrefix(err.Error(), "1 of 4 runs failed, 1 skipped ") {
		t.Error(err)
	}
	if err := (&Report{Runs: table().Runs[:1]}).Err(); err != nil {
		t.Error(err)
	}
}

// TestPreview: what is done is known from the store, nothing is written, and missing inputs leave a forecast.
func TestPreview(t *testing.T) {
	dir := t.TempDir()
	out, input := filepath.Join(dir, "out"), filepath.Join(dir, "input")
	g := Graph{Runs: []Run{{Name: "a", Verb: "work", Inputs: []string{input}}}}
	if r, err := Preview(g, out, dir, "1"); err != nil || r.Count(Waiting) != 1 {
		t.Errorf("without a store: %+v, %v", r, err)
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the store was made (%v)", err)
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	if r, err := Preview(g, out, dir, "1"); !errors.Is(err, fs.ErrNotExist) || r == nil || r.Count(Waiting) != 1 {
		t.Errorf("without an input: %+v, %v", r, err)
	}
	if err := os.WriteFile(input, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := Preview(g, out, dir, "1"); err != nil || r.Runs[0].Key == "" {
		t.Errorf("with an input: %+v, %v", r, err)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) > 0 {
		t.Errorf("%d files were written (%v)", len(left), err)
	}
	if s, err := Open(g, out, dir, "1"); err != nil || s.Store().Path("") != out {
		t.Errorf("opened: %v", err)
	}
}

func TestFileDir(t *testing.T) {
	for want, f := range map[string]File{"sweeps/tasks": {at: "configs/tasks.toml"}, "runs": {at: "tasks.toml", Out: "runs"}} {
		if got := f.Dir(); got != filepath.FromSlash(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
