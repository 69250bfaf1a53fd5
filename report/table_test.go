package report

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var sample = Table{
	Caption: "A & B_c 100 %",
	Columns: append([]Column{{Name: "run"}}, numeric("F1", "95 % interval", "met")...),
	Rows: []Row{
		{Cells: []string{"cls, {x}", "−1.5", "−2.0 to +3.5", "1,234"}, Strong: true},
		{Cells: []string{`back\slash`, "12.0 ± 1.0", noValue, ""}},
		{Cells: []string{"3 to 5", "7.0", "+1.0 to +2.0", "7"}},
	},
}

func TestTableText(t *testing.T) {
	var b strings.Builder
	if err := sample.Text(&b); err != nil {
		t.Fatal(err)
	}
	want := `run                 F1  95 % interval    met
cls, {x}          −1.5   −2.0 to +3.5  1,234
back\slash  12.0 ± 1.0              –
3 to 5             7.0   +1.0 to +2.0      7
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

// A program can read the numbers, and both ends of an interval.
func TestTableCSV(t *testing.T) {
	var b strings.Builder
	if err := sample.CSV(&b); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"run", "F1", "95 % interval, low", "95 % interval, high", "met"},
		{"cls, {x}", "-1.5", "-2.0", "3.5", "1234"}, {`back\slash`, "12.0 ± 1.0", "", "", ""}, {"3 to 5", "7.0", "1.0", "2.0", "7"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("CSV (-want +got):\n%s", diff)
	}
}

func TestTableLaTeX(t *testing.T) {
	var b strings.Builder
	if err := sample.LaTeX(&b); err != nil {
		t.Fatal(err)
	}
	want := `% needs \usepackage{booktabs}
\begin{table}
\centering
\caption{A \& B\_c 100 \%}
\begin{tabular}{lrrr}
\toprule
run & F1 & 95 \% interval & met \\
\midrule
\textbf{cls, \{x\}} & \textbf{$-$1.5} & \textbf{$-$2.0 to +3.5} & \textbf{1,234} \\
back\textbackslash{}slash & 12.0 $\pm$ 1.0 & -- &  \\
3 to 5 & 7.0 & +1.0 to +2.0 & 7 \\
\bottomrule
\end{tabular}
\end{table}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("LaTeX (-want +got):\n%s", diff)
	}
}

// Every figure is exported as SVG and PNG, every table as CSV and LaTeX, under names of their own.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	page := composed(t, dir, "", syntheticRuns(t, filepath.Join(dir, "runs"))[2:]...)
	out := filepath.Join(dir, "out")
	if err := Export(out, page); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	for _, want := range []string{
		"scores.csv", "scores.tex", "confusion-cls-pooling-all-seeds-together.csv", "labels-attention-pooling-all-seeds-together.tex",
		"micro-f1-of-each-seed.png", "loss-steps.svg", "loss-time.png", "learning-rate.png", "what-differs-between-the-configs.csv",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no file %s among %q", want, got)
		}
	}
	if scores := read(t, filepath.Join(out, "scores.csv")); !strings.HasPrefix(scores, `run,P,R,F1,"95 % interval, low","95 % interval, high",seeds,sd,F1 above cls pooling,`) {
		t.Errorf("scores.csv begins with %.200s", scores)
	}
}
