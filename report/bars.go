package report

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/subbert/subbert/evaluate"
)

// Bars shows intervals as groups of bars with error bars.
type Bars struct {
	Title  string
	XLabel string
	YLabel string
	Groups []BarGroup
}

// BarGroup is a group of bars side by side over one name.
type BarGroup struct {
	Name string
	Bars []Bar
}

// Bar is one bar, from zero to the mean.
type Bar struct {
	Name  string
	Value evaluate.Interval
	Color int
}

func (b Bars) size(onWide bool) size {
	if onWide {
		return wide
	}
	return narrow
}

func (b Bars) heading() string { return b.Title }

// plot draws the bars. The distance between groups is 1 on the horizontal axis.
func (b Bars) plot(at size) (*plot.Plot, error) {
	p := blank(at)
	p.X.Label.Text, p.Y.Label.Text = b.XLabel, b.YLabel
	p.X.Min, p.X.Max = -0.6, float64(len(b.Groups))-0.4
	var names []plot.Tick
	for i, g := range b.Groups {
		names = append(names, plot.Tick{Value: float64(i), Label: g.Name})
		width := 0.8 / float64(len(g.Bars))
		for k, bar := range g.Bars {
			if err := addBarAt(p, bar, float64(i)-0.4+width*(float64(k)+0.5), 0.42*width); err != nil {
				return nil, err
			}
		}
	}
	p.X.Tick.Marker = plot.ConstantTicks(names)
	frameY(p)
	p.Add(&plotter.Line{XYs: plotter.XYs{{X: p.X.Min}, {X: p.X.Max}}, LineStyle: draw.LineStyle{Color: roleAxis.color(), Width: 1}})
	return p, nil
}

// addBarAt draws one bar and its interval at x. half is half the bar's width.
func addBarAt(p *plot.Plot, b Bar, x, half float64) error {
	v := b.Value.Mean
	box, err := plotter.NewPolygon(plotter.XYs{{X: x - half}, {X: x + half}, {X: x + half, Y: v}, {X: x - half, Y: v}})
	if err != nil {
		return err
	}
	box.Color, box.LineStyle.Width = bandRole(b.Color).color(), 0
	outline := &plotter.Line{
		XYs:       plotter.XYs{{X: x - half}, {X: x - half, Y: v}, {X: x + half, Y: v}, {X: x + half}},
		LineStyle: draw.LineStyle{Color: seriesRole(b.Color).color(), Width: lineWidth},
	}
	p.Add(box, outline)
	addWhisker(p, b.Value, x, half/2)
	return nil
}

// fewSeeds is the number of seeds up to which an interval does not set an axis: the interval of two seeds is twelve
// times as wide as the distance of the seeds from their mean.
const fewSeeds = 2

// addWhisker draws the interval of v at x, with caps of half the given width. It extends the axis to hold the interval,
// unless the interval is of few seeds: then it is cut at the frame.
func addWhisker(p *plot.Plot, v evaluate.Interval, x, cap float64) {
	if v.N < 2 {
		return
	}
	if v.N > fewSeeds {
		p.Y.Min, p.Y.Max = min(p.Y.Min, v.Low), max(p.Y.Max, v.High)
	}
	p.Add(whisker{x, v.Low, v.High, cap})
}

// whisker is a vertical line with caps at its ends, and without caps where the frame cuts it. It does not widen the
// axes.
type whisker struct{ x, low, high, cap float64 }

// Plot implements plot.Plotter.
func (w whisker) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	style := draw.LineStyle{Color: roleInk.color(), Width: 1.25}
	low, high := max(atY(w.low), c.Min.Y), min(atY(w.high), c.Max.Y)
	c.StrokeLine2(style, atX(w.x), low, atX(w.x), high)
	for _, end := range []struct{ wanted, drawn vg.Length }{{atY(w.low), low}, {atY(w.high), high}} {
		if end.wanted == end.drawn {
			c.StrokeLine2(style, atX(w.x-w.cap), end.drawn, atX(w.x+w.cap), end.drawn)
		}
	}
}

// cutNote returns a note that intervals are cut; empty if none is.
func cutNote(intervals ...evaluate.Interval) string {
	if slices.ContainsFunc(intervals, func(v evaluate.Interval) bool { return 1 < v.N && v.N <= fewSeeds }) {
		return "Intervals of two seeds mean little; those wider than the figure are cut at its frame."
	}
	return ""
}

// frameY leaves room above and below what was drawn.
func frameY(p *plot.Plot) {
	if p.Y.Min > p.Y.Max {
		p.Y.Min, p.Y.Max = 0, 1
	}
	pad := max(0.06*(p.Y.Max-p.Y.Min), 1e-9)
	p.Y.Min, p.Y.Max = p.Y.Min-pad, p.Y.Max+pad
}

func (b Bars) describe() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s.", b.Title)
	for _, g := range b.Groups {
		for _, bar := range g.Bars {
			fmt.Fprintf(&out, " %s, %s: %s.", g.Name, bar.Name, within(bar.Value, 1))
		}
	}
	return out.String()
}

func (b Bars) legend() []LegendEntry {
	var out []LegendEntry
	for _, g := range b.Groups {
		for _, bar := range g.Bars {
			if e := (LegendEntry{Name: bar.Name, Color: bar.Color}); !slices.Contains(out, e) {
				out = append(out, e)
			}
		}
	}
	return out
}

func (b Bars) numbers() Table {
	t := intervalTable(b.Title, b.XLabel)
	for _, g := range b.Groups {
		for _, bar := range g.Bars {
			t.Rows = append(t.Rows, Row{Cells: append([]string{strings.TrimSpace(g.Name + " " + bar.Name)}, intervalCells(bar.Value)...)})
		}
	}
	return t
}

func intervalTable(title, first string) Table {
	t := Table{Caption: title, Columns: []Column{{Name: first}}}
	for _, name := range []string{"mean", "low", "high", "seeds"} {
		t.Columns = append(t.Columns, Column{Name: name, Numeric: true})
	}
	return t
}

func intervalCells(v evaluate.Interval) []string {
	if v.N < 2 {
		return []string{fixed(v.Mean, 2), noValue, noValue, count(v.N)}
	}
	return []string{fixed(v.Mean, 2), fixed(v.Low, 2), fixed(v.High, 2), count(v.N)}
}

// Ladder shows intervals over layers: points with error bars, joined by lines.
type Ladder struct {
	Title  string
	XLabel string
	YLabel string
	X      []int
	Curves []LadderCurve
}

// LadderCurve holds one value for each of X.
type LadderCurve struct {
	Name   string
	Values []evaluate.Interval
	Color  int
}

func (l Ladder) size(onWide bool) size { return Bars{}.size(onWide) }

func (l Ladder) heading() string { return l.Title }

func (l Ladder) plot(at size) (*plot.Plot, error) {
	p := blank(at)
	p.X.Label.Text, p.Y.Label.Text = l.XLabel, l.YLabel
	span := max(1, float64(l.X[len(l.X)-1]-l.X[0]))
	for k, c := range l.Curves {
		// The curves are set side by side, so that intervals which overlap can be told apart.
		shift := span * 0.012 * (float64(k) - float64(len(l.Curves)-1)/2)
		var xys plotter.XYs
		for i, v := range c.Values {
			x := float64(l.X[i]) + shift
			xys = append(xys, plotter.XY{X: x, Y: v.Mean})
			addWhisker(p, v, x, span*0.006)
		}
		line, marks, err := plotter.NewLinePoints(xys)
		if err != nil {
			return nil, err
		}
		line.LineStyle = draw.LineStyle{Color: seriesRole(c.Color).color(), Width: lineWidth}
		marks.GlyphStyle = draw.GlyphStyle{Color: seriesRole(c.Color).color(), Radius: markRadius, Shape: shape(c.Color)}
		p.Add(line, marks)
	}
	p.X.Min, p.X.Max = float64(l.X[0])-0.04*span, float64(l.X[len(l.X)-1])+0.04*span
	var marks []plot.Tick
	for i, x := range l.X {
		if len(l.X) <= at.xTicks*2 || i%2 == 0 {
			marks = append(marks, plot.Tick{Value: float64(x), Label: fmt.Sprint(x)})
		}
	}
	p.X.Tick.Marker = plot.ConstantTicks(marks)
	frameY(p)
	return p, nil
}

func (l Ladder) describe() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s, by %s.", l.Title, l.XLabel)
	for _, c := range l.Curves {
		fmt.Fprintf(&out, " %s:", c.Name)
		for i, v := range c.Values {
			fmt.Fprintf(&out, " %d %s;", l.X[i], within(v, 1))
		}
	}
	return out.String()
}

func (l Ladder) legend() []LegendEntry {
	var out []LegendEntry
	for _, c := range l.Curves {
		out = append(out, LegendEntry{Name: c.Name, Color: c.Color, Marked: true})
	}
	return out
}

func (l Ladder) numbers() Table {
	t := intervalTable(l.Title, l.XLabel)
	for _, c := range l.Curves {
		for i, v := range c.Values {
			t.Rows = append(t.Rows, Row{Cells: append([]string{fmt.Sprintf("%d, %s", l.X[i], c.Name)}, intervalCells(v)...)})
		}
	}
	return t
}
