package report

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Chart is a picture of several curves over one axis.
type Chart struct {
	Title    string // what is measured
	XLabel   string
	YLabel   string // what is measured and its unit
	Curves   []Curve
	Levels   []Level // horizontal lines to compare with
	FromZero bool    // the vertical axis begins at zero
	Note     string  // what a reader should know about the numbers; may be empty
}

// Curve is one line of a chart. X rises.
type Curve struct {
	Name   string
	X, Y   []float64
	Color  int  // index of the series colour; wraps around
	Marked bool // points drawn and joined by dashes, for values measured at intervals
}

// Level is a reference value.
type Level struct {
	Name string
	Y    float64
}

// size is the size of a picture in CSS pixels, and the number of marks that its axes have room for.
type size struct {
	w, h           vg.Length
	xTicks, yTicks int
}

// A figure is drawn for a wide page and for a telephone, because text that shrinks with a picture cannot be
// read. Small figures use the narrow size everywhere.
var (
	wide   = size{w: 720, h: 330, xTicks: 8, yTicks: 6}
	narrow = size{w: 350, h: 230, xTicks: 4, yTicks: 5}
)

// maxBins bounds the points of a drawn curve. Longer ones show the mean of each bin, and a band between its
// smallest and largest value.
const maxBins = 160

const (
	textSize   = 12.5 // CSS pixels
	lineWidth  = 1.75
	markRadius = 3.5
)

// plot draws c.
func (c Chart) plot(s size) (*plot.Plot, error) {
	p := blank(s)
	p.X.Label.Text, p.Y.Label.Text = c.XLabel, c.YLabel
	for _, curve := range c.Curves {
		if err := addCurve(p, curve); err != nil {
			return nil, fmt.Errorf("chart %q: curve %q: %w", c.Title, curve.Name, err)
		}
	}
	for _, l := range c.Levels {
		p.Y.Min, p.Y.Max = min(p.Y.Min, l.Y), max(p.Y.Max, l.Y)
	}
	frame(p, c.FromZero)
	for _, l := range c.Levels {
		addLevel(p, l)
	}
	return p, nil
}

// blank returns an empty plot in the page's style, with a grid.
func blank(s size) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // so that the page's background shows
	style(&p.X, s.xTicks)
	style(&p.Y, s.yTicks)
	p.Y.LineStyle.Width, p.Y.Tick.LineStyle.Width, p.Y.Tick.Length = 0, 0, 0
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal = draw.LineStyle{Color: roleGrid.color(), Width: 1}
	p.Add(grid)
	return p
}

func style(a *plot.Axis, n int) {
	a.Tick.Marker = ticks{n}
	a.Padding = 4
	a.LineStyle = draw.LineStyle{Color: roleAxis.color(), Width: 1}
	a.Tick.LineStyle = a.LineStyle
	a.Tick.Length = 4
	for _, t := range []*draw.TextStyle{&a.Tick.Label, &a.Label.TextStyle} {
		t.Font.Typeface, t.Font.Variant, t.Font.Size = "Liberation", "Sans", textSize
		t.Color = roleText.color()
		t.Handler = anchored{t.Handler}
	}
	a.Label.Padding = 2
}

// addCurve draws c: its band, if it was binned, its line and its markers.
func addCurve(p *plot.Plot, c Curve) error {
	bins := binned(c.X, c.Y)
	if len(bins) == 0 {
		return nil
	}
	if len(bins) < len(c.X) {
		band, err := plotter.NewPolygon(outline(bins))
		if err != nil {
			return err
		}
		band.Color, band.LineStyle.Width = bandRole(c.Color).color(), 0
		p.Add(band)
	}
	means := make(plotter.XYs, len(bins))
	for i, b := range bins {
		means[i] = plotter.XY{X: b.x, Y: b.mean}
	}
	line, marks, err := plotter.NewLinePoints(means)
	if err != nil {
		return err
	}
	line.LineStyle = draw.LineStyle{Color: seriesRole(c.Color).color(), Width: lineWidth}
	if c.Marked {
		line.Dashes = []vg.Length{5, 4}
	}
	p.Add(line)
	if c.Marked || len(bins) == 1 {
		marks.GlyphStyle = draw.GlyphStyle{Color: seriesRole(c.Color).color(), Radius: markRadius, Shape: shape(c.Color)}
		p.Add(marks)
	}
	return nil
}

// shape returns the marker of a series, so that colour is not the only difference between series.
func shape(k int) draw.GlyphDrawer {
	return []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}}[k%numSeries]
}

// addLevel draws a dotted line across the plot with its name above the right end.
func addLevel(p *plot.Plot, l Level) {
	line := &plotter.Line{
		XYs:       plotter.XYs{{X: p.X.Min, Y: l.Y}, {X: p.X.Max, Y: l.Y}},
		LineStyle: draw.LineStyle{Color: roleInk.color(), Width: 1.25, Dashes: []vg.Length{2, 3}},
	}
	label := &plotter.Labels{
		XYs:       plotter.XYs{{X: p.X.Max, Y: l.Y}},
		Labels:    []string{l.Name},
		TextStyle: []draw.TextStyle{p.X.Tick.Label},
		Offset:    vg.Point{Y: 4},
	}
	label.TextStyle[0].Color = roleInk.color()
	label.TextStyle[0].XAlign, label.TextStyle[0].YAlign = draw.XRight, draw.YBottom
	p.Add(line, label)
}

// frame gives the axes room around what was drawn.
func frame(p *plot.Plot, fromZero bool) {
	if p.Y.Min > p.Y.Max { // nothing was drawn
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	}
	if fromZero {
		p.Y.Min = min(0, p.Y.Min)
	}
	if p.Y.Max == p.Y.Min {
		pad := math.Abs(p.Y.Max) * 0.1
		if pad == 0 {
			pad = 1
		}
		p.Y.Min, p.Y.Max = p.Y.Min-pad, p.Y.Max+pad
	}
	pad := 0.06 * (p.Y.Max - p.Y.Min)
	p.Y.Max += pad
	if !fromZero || p.Y.Min < 0 {
		p.Y.Min -= pad
	}
	if p.X.Min > 0 && p.X.Min < 0.3*p.X.Max {
		p.X.Min = 0 // a run begins at zero, even if its first report is later
	}
	if p.X.Max == p.X.Min {
		p.X.Min, p.X.Max = p.X.Min-0.5, p.X.Max+0.5
	}
}

// bin is an interval of a curve along x.
type bin struct{ x, mean, low, high float64 }

// binned groups a curve of more than maxBins points into about maxBins intervals of equal width along x.
func binned(x, y []float64) []bin {
	if len(x) <= maxBins {
		out := make([]bin, len(x))
		for i := range x {
			out[i] = bin{x[i], y[i], y[i], y[i]}
		}
		return out
	}
	var out []bin
	width := (x[len(x)-1] - x[0]) / maxBins
	for from := 0; from < len(x); {
		to := from + 1
		for to < len(x) && x[to] < x[from]+width {
			to++
		}
		out = append(out, summary(x[from:to], y[from:to]))
		from = to
	}
	return out
}

func summary(x, y []float64) bin {
	b := bin{low: y[0], high: y[0]}
	for i := range y {
		b.x += x[i] / float64(len(x))
		b.mean += y[i] / float64(len(y))
		b.low, b.high = min(b.low, y[i]), max(b.high, y[i])
	}
	return b
}

// outline returns the polygon along the high ends of the bins and back along the low ones.
func outline(bins []bin) plotter.XYs {
	out := make(plotter.XYs, 2*len(bins))
	for i, b := range bins {
		out[i] = plotter.XY{X: b.x, Y: b.high}
		out[len(out)-1-i] = plotter.XY{X: b.x, Y: b.low}
	}
	return out
}
