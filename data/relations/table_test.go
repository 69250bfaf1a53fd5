package relations

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func file(t *testing.T, text string) string {
	t.Helper()
	return filepath.Join(folder(t, map[string]string{"f.tsv": text}), "f.tsv")
}

func TestReadTSVForms(t *testing.T) {
	type short struct{ ID, Text, Label string }
	tests := []struct {
		name, text string
		want       []short
	}{
		{"header", "index\tsentence\tlabel\na\tb c\tx\n", []short{{"a", "b c", "x"}}},
		{"other header", "sentence\tlabel\nb c\tx\n", []short{{"0", "b c", "x"}}},
		{"byte order mark, CRLF, empty line", "\ufeffID\tText\tLabels\r\na\tb\tx\r\n\r\nc\td\ty\r\n", []short{{"a", "b", "x"}, {"c", "d", "y"}}},
		{"three columns", "a\tb\tx\n", []short{{"a", "b", "x"}}},
		{"two columns", "b\tx\nc\ty\n", []short{{"0", "b", "x"}, {"1", "c", "y"}}},
		{"one column", "b\nc\n", []short{{"0", "b", ""}, {"1", "c", ""}}},
		{"csv quotes", "a\t\"say \"\"b\"\" now\"\tx\n", []short{{"a", `say "b" now`, "x"}}},
		{"plain quotes", "a\t\"b\" and \"c\"\tx\n", []short{{"a", `"b" and "c"`, "x"}}},
		{"two labels", "77.T1.T2\tb\tCPR:3\n77.T1.T2\tb\tCPR:4\n", []short{{"77.T1.T2", "b", "CPR:3"}, {"77.T1.T2.CPR:4", "b", "CPR:4"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			examples, err := Collect(Read("tsv", file(t, tt.text), Options{}))
			if err != nil {
				t.Fatal(err)
			}
			var got []short
			for _, e := range examples {
				got = append(got, short{e.ID, e.Text, e.Label})
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestDocumentOfRow(t *testing.T) {
	for id, want := range map[string]string{
		"DDI-DrugBank.d297.s0.p0": "DDI-DrugBank.d297", "AIMed.d1.s2_AIMed.d1.s2.p0": "AIMed.d1",
		"10064839.T1.T30": "10064839", "17": "17",
	} {
		if got := documentOfRow(id); got != want {
			t.Errorf("document of %s is %q, want %q", id, got, want)
		}
	}
}

func TestColumn(t *testing.T) {
	tests := []struct {
		name, text    string
		values, index []string
	}{
		{"one a line", "effect\nfalse\n", []string{"effect", "false"}, nil},
		{"header alone", "label\neffect\n", []string{"effect"}, nil},
		{"table", "index\tsentence\tlabel\n7\ta b\tint\n", []string{"int"}, []string{"7"}},
		{"predictions", "index\tgold\tpredicted\tint\n7\tint\tfalse\t0.1\n", []string{"false"}, []string{"7"}},
		{"no header", "7\ta b\tint \n", []string{"int"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			values, index, err := Column(file(t, tt.text), Options{}, "predicted", "label")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.values, values) + cmp.Diff(tt.index, index); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	for text, want := range map[string]string{"": "no labels", "index\tsentence\n1\ta\n": "no column predicted or label"} {
		if _, _, err := Column(file(t, text), Options{}, "predicted", "label"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func TestPredictionsAreReadBack(t *testing.T) {
	want := &Predictions{Labels: []string{"CPR:3", "false"}, Rows: []Prediction{
		{"a", "false", "CPR:3", []float64{0.1, 0.9}}, {"b", "", "false", []float64{1.0 / 3, 2.0 / 3}},
	}}
	var text strings.Builder
	if err := want.Write(&text); err != nil {
		t.Fatal(err)
	}
	got, err := OpenPredictions(file(t, text.String()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-written +read):\n%s", d)
	}
}

func TestOpenPredictionsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "no predictions",
		"index\tlabel\na\tb\n":           "no column gold",
		"index\tgold\tpredicted\n":       "no predictions",
		"index\tgold\tpredicted\na\tb\n": "f.tsv:2: 2 columns, want 3",
		"index\tgold\tpredicted\tx\na\tx\tx\t1.5\n":  `column x: "1.5" is not a probability`,
		"index\tgold\tpredicted\na\tx\tx\na\tx\tx\n": "index a appears twice in the file",
	} {
		if _, err := OpenPredictions(file(t, text), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func TestAlign(t *testing.T) {
	p := func(rows ...Prediction) *Predictions { return &Predictions{Rows: rows} }
	a := p(Prediction{Index: "1", Gold: "x", Predicted: "x"}, Prediction{Index: "2", Gold: "y", Predicted: "x"})
	got, err := a.Align(p(Prediction{Index: "2", Gold: "y", Predicted: "z"}, Prediction{Index: "1", Gold: "x", Predicted: "w"}))
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Predicted != "w" || got[1].Predicted != "z" {
		t.Errorf("aligned %v", got)
	}
	for _, tt := range []struct {
		want  string
		other *Predictions
	}{
		{"2 and 1 predictions", p(Prediction{Index: "1", Gold: "x"})},
		{"pair 1 is in one file", p(Prediction{Index: "3", Gold: "x"}, Prediction{Index: "2", Gold: "y"})},
		{`pair 2: gold label "y" in one and "x"`, p(Prediction{Index: "1", Gold: "x"}, Prediction{Index: "2", Gold: "x"})},
	} {
		if _, err := a.Align(tt.other); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, tt := range []struct {
		task      Task
		in, label string
		ok        bool
	}{
		{ChemProt, "False", "false", true}, {ChemProt, "cpr:3", "CPR:3", true}, {ChemProt, "CPR:2", "CPR:2", false},
		{DDI, "DDI-effect", "effect", true}, {DDI, "DDI-false", "false", true}, {ChemProt, "DDI-false", "DDI-false", false},
		{PPI, "1", "1", true}, {PPI, "positive", "positive", false},
		{DDI.WithNegative("none"), "NONE", "none", true}, {DDI.WithNegative("none"), "false", "false", false},
		{DDI.WithNegative("effect"), "effect", "effect", true},
	} {
		if got, ok := tt.task.Canonical(tt.in); got != tt.label || ok != tt.ok {
			t.Errorf("%s: %q is %q, %v; want %q, %v", tt.task.Name, tt.in, got, ok, tt.label, tt.ok)
		}
	}
}

func TestDifferences(t *testing.T) {
	text := "Alb meets Bor"
	m := mention(text, "PROTEIN", "Alb")
	m.Surface = "Al b"
	odd := mention(text, "PROTEIN", "Bor")
	odd.Surface = "Cex"
	got := Differences("aimed", []Example{{ID: "LLL.d0.s0.p0", Document: "LLL.d0", Text: text, A: m, B: odd, Label: "1"}})
	want := []string{
		"LLL: 1 pairs, published 330; label 0 0, published 166; label 1 1, published 164",
		`mentions whose text differs from their name in the corpus: 1; the first: pair LLL.d0.s0.p0: text "Bor", name "Cex"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := Differences("ddi2013", nil); d != nil {
		t.Errorf("nothing read differs: %q", d)
	}
}
