package report

import (
	"fmt"
	"slices"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// seriesNames are the names of the encoder and its controls for readers.
var seriesNames = map[string]string{result.ProbeEncoder: "the encoder", "random": "random encoder", "shuffled": "shuffled labels"}

func seriesName(s result.ProbeSeries) string {
	if n, ok := seriesNames[s.Of]; ok {
		return n
	}
	return s.Of
}

// probingPart returns the figures and tables of the probing runs: the scores of the layers first, the rest folded.
func probingPart(runs []named, alone bool) part {
	var measured []named
	for _, n := range runs {
		if n.run.probes() != nil {
			measured = append(measured, n)
		}
	}
	p := part{lead: []Block{glanceOf(runs)}}
	if len(measured) == 0 {
		p.lead = append(p.lead, outcomeTable(runs))
		return p
	}
	for _, n := range measured {
		if len(measured) == 1 {
			p.verdict = ProbeFindings(n.run.probes())
		} else {
			p.verdict = append(p.verdict, n.name+": "+ProbeFindings(n.run.probes())[0])
		}
	}
	p.lead = append(p.lead, probeSummary(measured))
	for i, n := range measured {
		scores := scoresFigure(n, len(measured) > 1)
		s := Section{Title: "Layer by layer", Folded: true}
		if len(measured) > 1 {
			s.Title += ": " + n.name
		}
		if alone && i == 0 {
			p.lead = append(p.lead, scores)
		} else {
			s.Blocks = append(s.Blocks, scores)
		}
		if len(measured) > 1 {
			s.Blocks = append([]Block{Remarks(ProbeFindings(n.run.probes()))}, s.Blocks...)
		}
		s.Blocks = append(s.Blocks, probeBlocks(n)...)
		p.sections = append(p.sections, s)
	}
	if len(measured) > 1 {
		p.sections = append([]Section{{Title: "Gain of the last layer", Folded: true, Blocks: []Block{gainFigure(measured)}}}, p.sections...)
	}
	return p
}

// probeSummary has a row for each run: the scores of the embeddings and of all layers, the difference, and the scores
// of the controls.
func probeSummary(runs []named) Table {
	t := Table{
		Caption: "Micro F1 of the probes in percent, with 95 % intervals over the seeds by Student's t", File: "probes",
		Columns: append([]Column{{Name: "run"}}, numeric("embeddings alone", "all layers", "gain of the layers", "random encoder", "shuffled labels", "seeds")...), Cards: true,
	}
	for _, n := range runs {
		p := n.run.probes()
		last := len(p.Layers) - 1
		of := func(name string) string {
			for _, s := range p.Series {
				if s.Of == name {
					return within(s.Scores[last], 1)
				}
			}
			return noValue
		}
		first := p.Series[0]
		cells := []string{n.name, within(first.Scores[0], 1), within(first.Scores[last], 1), noValue, of("random"), of("shuffled"), count(len(p.Seeds))}
		if len(first.Cumulative) > 0 {
			cells[3] = within(first.Cumulative[len(first.Cumulative)-1], 1)
		}
		t.Rows = append(t.Rows, Row{Cells: cells})
	}
	return t
}

func scoresFigure(n named, several bool) Figure {
	p := n.run.probes()
	f := Figure{Title: "F1 of the probe of each layer", Views: []View{{Label: "scores", Picture: Scores(p)}, {Label: "gain over the embeddings", Picture: Cumulatives(p)}}}
	if several {
		f.Title += ": " + n.name
	}
	f.Note = "The input of the probe of layer l is a learned mix of the layers 0 (the embeddings) to l of the frozen encoder."
	for _, s := range p.Series {
		if note := cutNote(s.Scores...); note != "" {
			f.Note += " " + note
			break
		}
	}
	return f
}

func probeBlocks(n named) []Block {
	p := n.run.probes()
	var out []Block
	if len(p.Layers) > 1 {
		out = append(out, Figure{Title: "Gain of each layer: " + n.name, Note: cutNote(p.Series[0].Delta...), Views: []View{{Picture: Deltas(p)}}})
	}
	t := ProbeTable(p)
	t.Caption = "Probes: " + n.name + ", mean and 95 % interval"
	return append(out,
		Figure{Title: "Layer mix of each probe: " + n.name, Note: "Shares of the layers in the mix, softmax(alpha), mean over the seeds. A row is a probe. " + mixFinding(p), Views: []View{{Picture: Shares(p)}}},
		t, Remarks{probeHeads(p)}, expectedTable(n))
}

// probeHeads explains the columns of ProbeTable.
func probeHeads(p *result.Probes) string {
	text := "The probe of layers 0 to l reads a mix of them. Gain of the layer: F1 minus that of the probe with one layer less, for each seed."
	if p.Selectivity != nil {
		text += " Above shuffled labels: the part of F1 that depends on the labels."
	}
	return text + " Centre of the mix: the mean layer, weighted by the shares. Scale: gamma, the factor of the mix."
}

// gainFigure is Fig. 1 of the paper: the gain of the last layer for each task.
func gainFigure(runs []named) Figure {
	bars := Bars{}
	var gains []evaluate.Interval
	for _, n := range runs {
		groups := bars.Groups
		bars = LastDelta(n.run.probes(), n.name)
		bars.Groups = append(groups, bars.Groups...)
		gains = append(gains, n.run.probes().Series[0].Delta...)
	}
	note := "After Fig. 1 of Su & Vijay-Shanker 2022."
	if cut := cutNote(gains...); cut != "" {
		note += " " + cut
	}
	return Figure{Title: bars.Title, Note: note, Views: []View{{Picture: bars}}}
}

// gainUnit is the unit of differences of F1.
const gainUnit = "F1, percentage points"

// LastDelta returns the gain of the last layer as one group of bars, with the name of the task.
func LastDelta(p *result.Probes, name string) Bars {
	b := Bars{Title: "Gain of the last layer", XLabel: "run", YLabel: gainUnit}
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

// probeAxis is the axis of layers.
const probeAxis = "last layer of the probe's input"

// Scores is P_0 to P_L of the encoder and its controls, with error bars.
func Scores(p *result.Probes) Ladder {
	l := Ladder{Title: "F1 of the probe of each layer", XLabel: probeAxis, YLabel: "micro F1, percent", X: p.Layers}
	for i, s := range p.Series {
		l.Curves = append(l.Curves, LadderCurve{Name: seriesName(s), Values: s.LayerSeries.Scores, Color: i})
	}
	return l
}

// Cumulatives is P_l - P_0.
func Cumulatives(p *result.Probes) Ladder {
	l := Ladder{Title: "gain in F1 over the embeddings", XLabel: probeAxis, YLabel: gainUnit, X: p.Layers}
	for i, s := range p.Series {
		values := append([]evaluate.Interval{{N: len(p.Seeds)}}, s.Cumulative...)
		l.Curves = append(l.Curves, LadderCurve{Name: seriesName(s), Values: values, Color: i})
	}
	return l
}

// Deltas returns the Delta series as bars.
func Deltas(p *result.Probes) Bars {
	b := Bars{Title: "Gain of each layer", XLabel: "layer", YLabel: gainUnit}
	for i, l := range p.Layers[1:] {
		for k, s := range p.Series {
			b.Groups = addBar(b.Groups, fmt.Sprint(l), Bar{Name: seriesName(s), Value: s.Delta[i], Color: k})
		}
	}
	return b
}

// Shares returns softmax(alpha) as a heat map, with a row for each probe.
func Shares(p *result.Probes) Heat {
	h := Heat{Title: "Shares of the layers in the mix of each probe", XLabel: "layer of the mix", YLabel: "probe of layers 0 to", Values: p.Alpha}
	for _, l := range p.Layers {
		h.Rows = append(h.Rows, fmt.Sprint(l))
	}
	for k := range p.Layers[len(p.Layers)-1] + 1 {
		h.Columns = append(h.Columns, fmt.Sprint(k))
	}
	return h
}

// ProbeTable returns the numbers of every probe, for the page and the terminal.
func ProbeTable(p *result.Probes) Table {
	t := Table{Columns: []Column{{Name: "layers"}}, Cards: true}
	for i, s := range p.Series {
		t.Columns = append(t.Columns, numeric("F1, "+seriesName(s))...)
		if i == 0 {
			t.Columns = append(t.Columns, numeric("gain of the layer")...)
		}
	}
	if p.Selectivity != nil {
		t.Columns = append(t.Columns, numeric("above shuffled labels")...)
	}
	t.Columns = append(t.Columns, numeric("centre of the mix", "scale")...)
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

// expectedTable shows the expected layer of the task. It is omitted if the layers may add nothing.
func expectedTable(n named) Table {
	t := Table{
		Caption: "Expected layer of the seeds with a gain: " + n.name,
		Columns: append([]Column{{Name: "of"}}, numeric("expected layer", "95 % interval", "seeds with a gain")...),
	}
	for _, s := range n.run.probes().Series {
		cells := []string{seriesName(s), noValue, noValue, count(s.Expected.N)}
		if gains(s) && s.Expected.N > 0 {
			cells[1] = fixed(s.Expected.Mean, 2)
		}
		if gains(s) && s.Expected.N > 1 {
			cells[2] = fixed(s.Expected.Low, 2) + rangeMark + fixed(s.Expected.High, 2)
		}
		t.Rows = append(t.Rows, Row{Cells: cells})
	}
	return t
}

// gains reports whether the layers of a series add more than chance.
func gains(s result.ProbeSeries) bool {
	return len(s.Cumulative) > 0 && s.Cumulative[len(s.Cumulative)-1].N > 1 && s.Cumulative[len(s.Cumulative)-1].Low > 0
}

// within writes an interval as its mean and half its width.
func within(i evaluate.Interval, decimals int) string {
	if i.N < 2 {
		return fixed(i.Mean, decimals)
	}
	return fixed(i.Mean, decimals) + " ± " + fixed((i.High-i.Low)/2, decimals)
}
