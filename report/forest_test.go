package report

import (
	"strings"
	"testing"
)

// TestForest: names longer than the figure, a single value and a column without an interval are drawn inside the
// figure.
func TestForest(t *testing.T) {
	published := 80.1
	f := Forest{Title: "DDI", XLabel: "F1, percent", Decimals: 1, Rows: []ForestRow{
		{Name: strings.Repeat("rows as long as those of the release ", 5), Published: &published, Values: []float64{5, 6, 9}},
		{Name: "one seed", Values: []float64{7}},
		{Name: "not measured", Published: &published},
		{Name: "two seeds", Values: []float64{1, 50}},
	}}
	if lo, hi := f.bounds(); lo < -10 || hi > 110 {
		t.Errorf("bounds %g to %g: the interval of two seeds sets the axis", lo, hi)
	}
	for _, at := range []size{f.size(true), f.size(false)} {
		svg, err := forPage(f, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"NaN", "Inf", strings.Repeat("rows as long as those of the release ", 5)} {
			if strings.Contains(svg, bad) {
				t.Errorf("%g wide: the figure has %q", at.w, bad)
			}
		}
		if !strings.Contains(svg, "…") {
			t.Errorf("%g wide: the long name is not cut", at.w)
		}
	}
}
