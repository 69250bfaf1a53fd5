package report

import (
	"fmt"
	"slices"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// seriesNames are what readers call the encoder and its controls.
var seriesNames = map[string]string{"encoder": "the encoder", "random": "random encoder", "shuffled": "shuffled labels"}

func seriesName(s result.ProbeSeries) string {
	if n, ok := seriesNames[s.Of]; ok {
		return n
	}
	return s.Of
}

// probingSection is the figures and tables of the probing runs.
func probingSection(runs []named) Section {
	s := Section{Title: "Edge probing", Intro: "A probe of layer l sees a learned mix of the frozen encoder's layers 0 (the embeddings) to l. P is its micro F1, Delta what layer l adds to it. Intervals are 95 % over seeds, by Student's t."}
	var last []named
	for _, n := range runs {
		if n.run.probes() == nil {
			continue
		}
		last = append(last, n)
		s.Blocks = append(s.Blocks, probeBlocks(n)...)
	}
	if len(last) == 0 {
		s.Intro = "Nothing was measured."
	}
	if len(last) > 1 {
		s.Blocks = append([]Block{gainFigure(last)}, s.Blocks...)
	}
	return s
}

func probeBlocks(n named) []Block {
	p := n.run.probes()
	out := []Block{
		Figure{Title: "P of each layer: " + n.name, Views: []View{{Label: "scores", Picture: Scores(p)}, {Label: "cumulative gain", Picture: Cumulatives(p)}}},
	}
	if len(p.Layers) > 1 {
		out = append(out, Figure{Title: "Delta of each layer: " + n.name, Views: []View{{Picture: Deltas(p)}}})
	}
	out = append(out,
		Figure{Title: "What each probe mixes: " + n.name, Note: "softmax(alpha), mean over the seeds. A row is a probe; equal shares mean that it learned no preference.", Views: []View{{Picture: Shares(p)}}},
		probeTable(n), expectedTable(n))
	return out
}

// gainFigure is the paper's Fig. 1: what the last layer adds, task by task.
func gainFigure(runs []named) Figure {
	bars := Bars{}
	for _, n := range runs {
		groups := bars.Groups
		bars = LastDelta(n.run.probes(), n.name)
		bars.Groups = append(groups, bars.Groups...)
	}
	return Figure{Title: bars.Title, Note: "After Fig. 1 of Su & Vijay-Shanker 2022.", Views: []View{{Picture: bars}}}
}

// LastDelta is what the last layer adds: one group of bars, under the name of the task.
func LastDelta(p *result.Probes, name string) Bars {
	b := Bars{Title: "Delta of the last layer", YLabel: "F1, percentage points"}
	for i, s := range p.Series {
		if len(s.Delta) > 0 {
			b.Groups = addBar(b.Groups, name, Bar{Name: seriesName(s), Value: s.Delta[len(s.Delta)-1], Color: i})
		}
	}
	return b
}

func addBar(groups []BarGroup, name string, b Bar) []BarGroup {
	i := slices.IndexFunc(groups, func(g BarGroup) bool { return g.Name == name })
	if i < 0 {
		groups, i = append(groups, BarGroup{Name: name}), len(groups)
	}
	groups[i].Bars = append(groups[i].Bars, b)
	return groups
}

// Scores is P_0 to P_L of the encoder and its controls, with error bars.
func Scores(p *result.Probes) Ladder {
	l := Ladder{Title: "P, micro F1 in percent", XLabel: "layer", X: p.Layers}
	for i, s := range p.Series {
		l.Curves = append(l.Curves, LadderCurve{Name: seriesName(s), Values: s.LayerSeries.Scores, Color: i})
	}
	return l
}

// Cumulatives is P_l - P_0.
func Cumulatives(p *result.Probes) Ladder {
	l := Ladder{Title: "P above that of the embeddings, percentage points", XLabel: "layer", X: p.Layers}
	for i, s := range p.Series {
		values := append([]evaluate.Interval{{N: len(p.Seeds)}}, s.Cumulative...)
		l.Curves = append(l.Curves, LadderCurve{Name: seriesName(s), Values: values, Color: i})
	}
	return l
}

// Deltas is the Delta series as bars.
func Deltas(p *result.Probes) Bars {
	b := Bars{Title: "Delta, percentage points of F1", XLabel: "layer", YLabel: "F1, percentage points"}
	for i, l := range p.Layers[1:] {
		for k, s := range p.Series {
			b.Groups = addBar(b.Groups, fmt.Sprint(l), Bar{Name: seriesName(s), Value: s.Delta[i], Color: k})
		}
	}
	return b
}

// Shares is softmax(alpha) as a heat map, a row for each probe.
func Shares(p *result.Probes) Heat {
	h := Heat{Title: "softmax(alpha)", XLabel: "layer mixed in", YLabel: "probe of layers 0 to", Values: p.Alpha}
	for _, l := range p.Layers {
		h.Rows = append(h.Rows, fmt.Sprint(l))
	}
	for k := range p.Layers[len(p.Layers)-1] + 1 {
		h.Columns = append(h.Columns, fmt.Sprint(k))
	}
	return h
}

// probeTable is the numbers of every probe.
func probeTable(n named) Table {
	p := n.run.probes()
	t := Table{Caption: "Probes: " + n.name + ", mean and 95 % interval", Columns: []Column{{Name: "layers"}}, Cards: true}
	for i, s := range p.Series {
		t.Columns = append(t.Columns, Column{Name: "P, " + seriesName(s), Numeric: true})
		if i == 0 {
			t.Columns = append(t.Columns, Column{Name: "Delta", Numeric: true})
		}
	}
	if p.Selectivity != nil {
		t.Columns = append(t.Columns, Column{Name: "selectivity", Numeric: true})
	}
	t.Columns = append(t.Columns, Column{Name: "centre of gravity", Numeric: true}, Column{Name: "gamma", Numeric: true})
	for i, l := range p.Layers {
		cells := []string{fmt.Sprintf("0 to %d", l)}
		for k, s := range p.Series {
			cells = append(cells, within(s.Scores[i], 1))
			if k == 0 && i > 0 {
				cells = append(cells, within(s.Delta[i-1], 1))
			} else if k == 0 {
				cells = append(cells, noValue)
			}
		}
		if p.Selectivity != nil {
			cells = append(cells, within(p.Selectivity[i], 1))
		}
		t.Rows = append(t.Rows, Row{Cells: append(cells, within(p.Centre[i], 2), within(p.Gamma[i], 3))})
	}
	return t
}

// expectedTable is where on the layers the task is, in one number. It is left out where the layers may add nothing.
func expectedTable(n named) Table {
	t := Table{
		Caption: "Expected layer, where the layers add more than chance: " + n.name,
		Columns: []Column{{Name: ""}, {Name: "expected layer", Numeric: true}, {Name: "95 % interval", Numeric: true}, {Name: "seeds that gain", Numeric: true}},
	}
	for _, s := range n.run.probes().Series {
		cells := []string{seriesName(s), noValue, noValue, count(s.Expected.N)}
		gains := len(s.Cumulative) > 0 && s.Cumulative[len(s.Cumulative)-1].Low > 0
		if gains && s.Expected.N > 0 {
			cells[1] = fixed(s.Expected.Mean, 2)
		}
		if gains && s.Expected.N > 1 {
			cells[2] = fixed(s.Expected.Low, 2) + " to " + fixed(s.Expected.High, 2)
		}
		t.Rows = append(t.Rows, Row{Cells: cells})
	}
	return t
}

// within writes an interval as its mean and half its width.
func within(i evaluate.Interval, decimals int) string {
	if i.N < 2 {
		return fixed(i.Mean, decimals)
	}
	return fixed(i.Mean, decimals) + " ± " + fixed((i.High-i.Low)/2, decimals)
}
