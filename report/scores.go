package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// withSD writes a mean and, if there are several values, the standard deviation.
func withSD(s evaluate.Spread) string {
	if s.N > 1 {
		return percent(s.Mean) + " ± " + percent(s.SD)
	}
	return percent(s.Mean)
}

// scored is a run that has relation scores, with the scores of its seeds in slices.
type scored struct {
	run      *Run
	name     string
	color    int
	p, r, f1 []float64 // one for each seed
}

// scoredRuns picks the runs with scores.
func scoredRuns(runs []named) []scored {
	var out []scored
	for _, n := range runs {
		res := n.run.relation()
		if res == nil || !res.WasScored() {
			continue
		}
		s := scored{run: n.run, name: n.name, color: n.color}
		for _, micro := range res.Scores() {
			s.add(micro)
		}
		out = append(out, s)
	}
	return out
}

func (s *scored) add(v evaluate.PRF) {
	s.p, s.r, s.f1 = append(s.p, v.P), append(s.r, v.R), append(s.f1, v.F1)
}

// reference returns the run that the others are compared with: the first with the pooler's head, which is the baseline
// of the paper, or else the first.
func reference(runs []scored) scored {
	for _, s := range runs {
		if s.run.pooling() == "cls" {
			return s
		}
	}
	return runs[0]
}

// pooling returns the head of a relation run.
func (r *Run) pooling() string {
	if res := r.relation(); res != nil && res.Pooling != "" {
		return res.Pooling
	}
	return r.Config.String("task.pooling")
}

// scoreTable compares the runs of one corpus with each other and with the baselines.
func scoreTable(runs []scored, tests *Tests) Table {
	ref := reference(runs)
	several := slices.ContainsFunc(runs, func(s scored) bool { return len(s.f1) > 1 })
	t := Table{
		Caption: "Micro scores of the labels other than " + negativeOf(runs) + ", in percent", File: "scores",
		Columns: append([]Column{{Name: "run"}}, numeric("P", "R", "F1", "95 % interval")...), Cards: true,
	}
	if several {
		t.Columns = append(t.Columns, numeric("seeds", "sd")...)
	}
	if len(runs) > 1 {
		t.Columns = append(t.Columns, numeric("F1 above "+ref.name, "its 95 % interval")...)
	}
	adjusted := tests.holm(runs)
	if adjusted != nil {
		t.Columns = append(t.Columns, numeric("p, by Holm")...)
	}
	words, known := bagOfWords(runs)
	if known {
		t.Columns = append(t.Columns, numeric("F1 above the bag of words")...)
	}
	best := bestOf(runs)
	for _, s := range runs {
		f1 := evaluate.SpreadOf(s.f1)
		cells := []string{s.name, percent(evaluate.SpreadOf(s.p).Mean), percent(evaluate.SpreadOf(s.r).Mean), percent(f1.Mean), noValue}
		if low, high, ok := tests.bounds(s); ok {
			cells[4] = percent(low) + rangeMark + percent(high)
		}
		if several {
			cells = append(cells, count(f1.N), noValue)
			if f1.N > 1 {
				cells[len(cells)-1] = percent(f1.SD)
			}
		}
		if len(runs) > 1 {
			cells = append(cells, againstCells(s, ref, tests)...)
		}
		if p, ok := adjusted[s.run]; ok {
			cells = append(cells, fixed(p, 4))
		} else if adjusted != nil {
			cells = append(cells, noValue)
		}
		if known {
			cells = append(cells, signed(f1.Mean-words.F1))
		}
		t.Rows = append(t.Rows, Row{Cells: cells, Strong: len(runs) > 1 && s.run == best.run})
	}
	for _, b := range baselines(runs) {
		cells := []string{b.Name, percent(b.Micro.P), percent(b.Micro.R), percent(b.Micro.F1)}
		for len(cells) < len(t.Columns) {
			cells = append(cells, "")
		}
		t.Rows = append(t.Rows, Row{Cells: cells, Muted: true})
	}
	return t
}

// againstCells returns the difference of s from ref, and the interval of the difference.
func againstCells(s, ref scored, tests *Tests) []string {
	if s.run == ref.run {
		return []string{noValue, noValue}
	}
	if d, ok := tests.against[s.run]; ok {
		return []string{signed(d.Delta), signed(*d.Low) + rangeMark + signed(*d.High)}
	}
	return []string{signed(evaluate.SpreadOf(s.f1).Mean - evaluate.SpreadOf(ref.f1).Mean), noValue}
}

// bestOf returns the run with the greatest mean F1, the first if several are equal.
func bestOf(runs []scored) scored {
	return slices.MaxFunc(runs, func(a, b scored) int { return compareFloat(a.mean(), b.mean()) })
}

// mean returns the mean F1 over the seeds.
func (s scored) mean() float64 { return evaluate.SpreadOf(s.f1).Mean }

// bagOfWords returns the score of the bag of words on the pairs of runs, if one of them has it.
func bagOfWords(runs []scored) (evaluate.PRF, bool) {
	for _, s := range runs {
		if b, ok := s.run.relation().Baseline[result.BaselineWords]; ok {
			return b, true
		}
	}
	return evaluate.PRF{}, false
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// signed writes a difference with its sign.
func signed(x float64) string {
	if s := percent(x); x > 0 && s != "0.0" {
		return "+" + s
	} else {
		return s
	}
}

func orNone(s string) string {
	if s == "" {
		return noValue
	}
	return s
}

func negativeOf(runs []scored) string {
	for _, s := range runs {
		if s.run.relation().Negative != "" {
			return fmt.Sprintf("%q", s.run.relation().Negative)
		}
	}
	return "the negative label"
}

// baseline is the micro score of a method without a model.
type baseline struct {
	Name  string
	Micro evaluate.PRF
}

// baselines collects the baselines of the runs, each name once.
func baselines(runs []scored) []baseline {
	var out []baseline
	add := func(b baseline) {
		if !slices.ContainsFunc(out, func(o baseline) bool { return o.Name == b.Name }) {
			out = append(out, b)
		}
	}
	for _, s := range runs {
		for _, name := range sortedKeys(s.run.relation().Baseline) {
			add(baseline{strings.ReplaceAll(name, "_", " "), s.run.relation().Baseline[name]})
		}
	}
	for _, s := range runs {
		if majority := s.run.relation().Majority; majority != (evaluate.PRF{}) {
			add(baseline{"most frequent label", majority})
		}
	}
	return out
}

// seedStrip returns the figure of the table, with a dot for every seed.
func seedStrip(runs []scored) Figure {
	strip := Strip{Title: "Micro F1 of each seed", XLabel: "F1, percent"}
	for _, s := range runs {
		strip.Rows = append(strip.Rows, StripRow{Name: s.name, Values: s.f1, Color: s.color})
	}
	return Figure{
		Title: strip.Title,
		Note:  "Each dot is a seed, the bar is their mean. Seeds differ in the order of the data, in dropout and in the initial weights of the head.",
		Views: []View{{Picture: strip}},
	}
}

// classTable returns P, R and F1 of each label.
func classTable(r *result.Relation, name string) Table {
	t := Table{
		Caption: "By label: " + name, File: "labels " + name,
		Columns: []Column{{Name: "label"}, {Name: "P", Numeric: true}, {Name: "R", Numeric: true}, {Name: "F1", Numeric: true}, {Name: "gold", Numeric: true}},
	}
	for _, label := range labelsOf(r) {
		c := r.PerClass[label]
		t.Rows = append(t.Rows, Row{Cells: []string{label, percent(c.P), percent(c.R), percent(c.F1), count(c.Support)}, Muted: label == r.Negative})
	}
	for _, sum := range []struct {
		name string
		prf  evaluate.PRF
	}{{"micro", r.Micro}, {"macro", r.Macro}, {"any relation", r.Binary}} {
		if sum.prf != (evaluate.PRF{}) {
			t.Rows = append(t.Rows, Row{Cells: []string{sum.name, percent(sum.prf.P), percent(sum.prf.R), percent(sum.prf.F1), ""}, Strong: true})
		}
	}
	if r.Accuracy > 0 {
		t.Caption += ", accuracy " + percent(r.Accuracy)
	}
	return t
}

// labelsOf returns the labels that have scores: those of the model in its order, then the others.
func labelsOf(r *result.Relation) []string {
	var out []string
	for _, l := range append(slices.Clone(r.Labels), sortedKeys(r.PerClass)...) {
		if _, ok := r.PerClass[l]; ok && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
