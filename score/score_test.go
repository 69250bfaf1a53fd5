package score

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/evaluate"
)

// files writes the two files and returns a request that collects the warnings.
func files(t *testing.T, gold, pred string, warnings *[]string) Files {
	t.Helper()
	f := Files{Gold: filepath.Join(t.TempDir(), "gold"), Pred: filepath.Join(t.TempDir(), "pred"), Warn: func(line string) { *warnings = append(*warnings, line) }}
	for path, content := range map[string]string{f.Gold: gold, f.Pred: pred} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestPairs(t *testing.T) {
	for _, test := range []struct {
		name, task, negative, gold, pred string
		micro                            evaluate.PRF
		warnings                         int
		fault                            string // what the error contains
		misuse                           bool
	}{
		{name: "a task", task: "ddi", gold: "effect\neffect\nfalse\n", pred: "DDI-effect\nFalse\nfalse\n", micro: evaluate.PRF{P: 100, R: 50, F1: 200. / 3, Support: 2}},
		{name: "columns", gold: "index\tgold\na\tx\nb\tnone\n", pred: "index\tpredicted\na\tx\nb\tx\n", micro: evaluate.PRF{P: 50, R: 100, F1: 200. / 3, Support: 1}},
		{name: "a label of the predictions alone", gold: "x\nx\nno\n", pred: "x\ny\nno\n", micro: evaluate.PRF{P: 50, R: 50, F1: 50, Support: 2}, warnings: 1},
		{name: "a named negative label", negative: "y", gold: "x\ny\n", pred: "x\ny\n", micro: evaluate.PRF{P: 100, R: 100, F1: 100, Support: 1}},
		{name: "lengths", gold: "x\nno\n", pred: "x\n", fault: "has 2 labels and"},
		{name: "order", gold: "index\tgold\na\tx\nb\tno\n", pred: "index\tpredicted\nb\tx\na\tno\n", fault: "row 1 is pair a"},
		{name: "another task", task: "ppi", gold: "1\nx\n", pred: "1\n0\n", fault: "row 2: unknown labels x"},
		{name: "no negative label", gold: "x\ny\n", pred: "x\ny\n", fault: "name it with --negative", misuse: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var warnings []string
			f := files(t, test.gold, test.pred, &warnings)
			f.Task, f.Negative = test.task, test.negative
			r, err := f.Pairs(t.Context())
			if test.fault != "" {
				misuse := new(request.Misuse)
				if err == nil || !strings.Contains(err.Error(), test.fault) || errors.As(err, &misuse) != test.misuse {
					t.Errorf("error %v, want one with %q, misuse %v", err, test.fault, test.misuse)
				}
				return
			}
			if err != nil || len(warnings) != test.warnings {
				t.Fatalf("error %v, warnings %q", err, warnings)
			}
			if diff := cmp.Diff(test.micro, r.Micro); diff != "" {
				t.Errorf("micro (-want +got):\n%s", diff)
			}
		})
	}
}

func TestArticles(t *testing.T) {
	const gold = "1|t|Zalor\n1|a|And Bor.\n1\tCID\tD1\tD2\n\n"
	const header = "pmid\ta_id\tb_id\tlabel\tprobability\n"
	for _, test := range []struct {
		name, pred      string
		predicted, both int
		warnings        int
	}{
		{"the order of identifiers has no meaning", header + "1\tD2\tD1\tCID\t0.9\n", 1, 1, 0},
		{"the negative label", header + "1\tD1\tD2\tfalse\t0.9\n", 0, 0, 0},
		{"other articles", header + "1\tD1\tD2\tCID\t0.9\n2\tD1\tD2\tCID\t0.9\n", 1, 1, 1},
		{"identifiers with a prefix", header + "1\tX:D1\tX:D2\tCID\t0.9\n", 1, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var warnings []string
			r, err := files(t, gold, test.pred, &warnings).Articles(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.Articles != 1 || r.Predicted != test.predicted || r.Both != test.both || len(warnings) != test.warnings {
				t.Errorf("%d articles, %d predicted, %d right, warnings %q", r.Articles, r.Predicted, r.Both, warnings)
			}
		})
	}
}
