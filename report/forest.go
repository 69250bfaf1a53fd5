package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/subbert/subbert/evaluate"
)

// Forest shows published numbers beside measured ones, with a row for each: the published number as a square, the
// measured one as a dot with its interval.
type Forest struct {
	Title    string
	XLabel   string
	Decimals int
	Rows     []ForestRow // from the top
}

// ForestRow is what a row of a Forest compares.
type ForestRow struct {
	Name      string
	Published *float64
	Values    []float64 // one for each seed; empty if nothing was measured
}

// The colours of a Forest are also their shapes: a dot and a square.
const (
	measuredColor  = 0
	publishedColor = 1
)

func (f Forest) size(onWide bool) size {
	return Strip{Rows: make([]StripRow, len(f.Rows))}.size(onWide)
}

func (f Forest) heading() string { return f.Title }

func (f Forest) plot(at size) (*plot.Plot, error) {
	p := blank(at)
	p.X.Label.Text = f.XLabel
	p.Y.Tick.Marker = plot.ConstantTicks(nil)
	p.X.Min, p.X.Max = f.bounds()
	p.Y.Min, p.Y.Max = -0.5, float64(len(f.Rows))-0.5
	grid := plotter.NewGrid()
	grid.Horizontal.Color = nil
	grid.Vertical = draw.LineStyle{Color: roleGrid.color(), Width: 1}
	p.Add(grid)
	for i, row := range f.Rows {
		y := float64(len(f.Rows) - 1 - i)
		addRow(p, StripRow{Name: row.Name}, y)
		p.Add(estimate{row, y - 0.15})
	}
	return p, nil
}

// bounds returns the range of the published and measured values, with some room. Intervals of few seeds do not widen
// it, and none widens it below zero if all numbers are above.
func (f Forest) bounds() (lo, hi float64) {
	var numbers, ends []float64
	for _, r := range f.Rows {
		numbers = append(numbers, r.Values...)
		if r.Published != nil {
			numbers = append(numbers, *r.Published)
		}
		if len(r.Values) > fewSeeds {
			d := evaluate.IntervalOf(r.Values)
			ends = append(ends, d.Low, d.High)
		}
	}
	if len(numbers) == 0 {
		return 0, 1
	}
	all := append(ends, numbers...)
	lo, hi = slices.Min(all), slices.Max(all)
	room := max((hi-lo)*0.08, math.Pow10(-f.Decimals))
	if slices.Min(numbers) >= 0 && lo < 0 {
		lo = 0
	}
	return lo - room, hi + room
}

// estimate draws the marks of a row at height y. It cuts an interval at the frame.
type estimate struct {
	ForestRow
	y float64
}

// Plot implements plot.Plotter.
func (e estimate) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	y := atY(e.y)
	if len(e.Values) > 0 {
		d := evaluate.IntervalOf(e.Values)
		style := draw.LineStyle{Color: seriesRole(measuredColor).color(), Width: lineWidth}
		if d.N > 1 {
			c.StrokeLine2(style, atX(max(d.Low, p.X.Min)), y, atX(min(d.High, p.X.Max)), y)
		}
		c.DrawGlyph(draw.GlyphStyle{Color: style.Color, Radius: markRadius + 1, Shape: shape(measuredColor)}, vg.Point{X: atX(d.Mean), Y: y})
	}
	if e.Published != nil {
		c.DrawGlyph(draw.GlyphStyle{Color: seriesRole(publishedColor).color(), Radius: markRadius + 1, Shape: shape(publishedColor)}, vg.Point{X: atX(*e.Published), Y: y})
	}
}

func (f Forest) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s.", f.Title, f.XLabel)
	for _, r := range f.Rows {
		fmt.Fprintf(&b, " %s: published %s, measured %s.", r.Name, r.published(f.Decimals), r.measured(f.Decimals))
	}
	return b.String()
}

func (r ForestRow) published(decimals int) string {
	if r.Published == nil {
		return noValue
	}
	return fixed(*r.Published, decimals)
}

func (r ForestRow) measured(decimals int) string {
	if len(r.Values) == 0 {
		return noValue
	}
	d := evaluate.IntervalOf(r.Values)
	if d.N == 1 {
		return fixed(d.Mean, decimals)
	}
	return fmt.Sprintf("%s [%s, %s]", fixed(d.Mean, decimals), fixed(d.Low, decimals), fixed(d.High, decimals))
}

func (f Forest) legend() []LegendEntry {
	measured := LegendEntry{Name: "measured here: mean and 95 % interval over seeds", Color: measuredColor, Marked: true}
	if !slices.ContainsFunc(f.Rows, func(r ForestRow) bool { return r.Published != nil }) {
		return []LegendEntry{measured}
	}
	return []LegendEntry{{Name: "published", Color: publishedColor, Marked: true}, measured}
}

func (f Forest) numbers() Table {
	t := Table{Caption: f.Title, Columns: []Column{{Name: ""}, {Name: "published", Numeric: true}, {Name: "measured here [95 %]", Numeric: true}, {Name: "seeds", Numeric: true}}}
	for _, r := range f.Rows {
		t.Rows = append(t.Rows, Row{Cells: []string{r.Name, r.published(f.Decimals), r.measured(f.Decimals), fmt.Sprint(len(r.Values))}})
	}
	return t
}
