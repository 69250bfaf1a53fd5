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

// Strip shows several values for each of a few items, as dots along one axis with their mean: the scores of the seeds
// of each run.
type Strip struct {
	Title  string
	XLabel string
	Rows   []StripRow // from the top
}

// StripRow is one row of dots.
type StripRow struct {
	Name   string
	Values []float64
	Color  int
}

// rowHeight is the height of a row of a strip, including its name above the dots, in CSS pixels.
const rowHeight = 48

func (s Strip) size(onWide bool) size {
	out := narrow
	if onWide {
		out = wide
	}
	out.h = vg.Length(rowHeight*len(s.Rows) + 50)
	return out
}

func (s Strip) heading() string { return s.Title }

func (s Strip) plot(at size) (*plot.Plot, error) {
	p := blank(at)
	p.X.Label.Text = s.XLabel
	p.Y.Tick.Marker = plot.ConstantTicks(nil)
	lo, hi := s.bounds()
	p.X.Min, p.X.Max = lo, hi
	p.Y.Min, p.Y.Max = -0.5, float64(len(s.Rows))-0.5
	grid := plotter.NewGrid()
	grid.Horizontal.Color = nil
	grid.Vertical = draw.LineStyle{Color: roleGrid.color(), Width: 1}
	p.Add(grid)
	for i, row := range s.Rows {
		addRow(p, row, float64(len(s.Rows)-1-i))
	}
	return p, nil
}

// bounds returns the range of all values with some room.
func (s Strip) bounds() (lo, hi float64) {
	var all []float64
	for _, r := range s.Rows {
		all = append(all, r.Values...)
	}
	if len(all) == 0 {
		return 0, 1
	}
	lo, hi = slices.Min(all), slices.Max(all)
	room := max((hi-lo)*0.08, 0.5)
	return lo - room, hi + room
}

// addRow draws the dots of a row at height y, a bar through their mean, and the name above them.
func addRow(p *plot.Plot, r StripRow, y float64) {
	p.Add(rowName{r.Name, y + 0.2})
	if len(r.Values) == 0 {
		return
	}
	dots := &plotter.Scatter{GlyphStyle: draw.GlyphStyle{Color: seriesRole(r.Color).color(), Radius: 4, Shape: draw.CircleGlyph{}}}
	for _, v := range r.Values {
		dots.XYs = append(dots.XYs, plotter.XY{X: v, Y: y - 0.1})
	}
	mean := evaluate.SpreadOf(r.Values).Mean
	bar := &plotter.Line{
		XYs:       plotter.XYs{{X: mean, Y: y - 0.34}, {X: mean, Y: y + 0.14}},
		LineStyle: draw.LineStyle{Color: roleInk.color(), Width: 2},
	}
	p.Add(dots, bar)
}

// rowName is the name of a row at height y, from the left. It loses its middle if the figure is narrower. Unlike plotter.Labels
// it reserves no room beside the axes; a long name would leave none for the axes.
type rowName struct {
	text string
	y    float64
}

// Plot implements plot.Plotter.
func (n rowName) Plot(c draw.Canvas, p *plot.Plot) {
	_, atY := p.Transforms(&c)
	style := p.X.Tick.Label
	style.Color = roleInk.color()
	style.XAlign, style.YAlign = draw.XLeft, draw.YBottom
	text := shortened(n.text, func(text string) bool { return style.Width(text) <= c.Max.X-c.Min.X })
	c.FillText(style, vg.Point{X: c.Min.X, Y: atY(n.y)}, text)
}

// shortened returns text with so much of its middle left out that it fits. It keeps more of the end, which often tells the
// rows of a figure apart.
func shortened(text string, fits func(string) bool) string {
	all := []rune(text)
	for kept := len(all) - 1; kept > 1 && !fits(text); kept-- {
		start := kept * 2 / 5
		text = string(all[:start]) + "…" + string(all[len(all)-kept+start:])
	}
	return text
}

func (s Strip) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.", s.Title)
	for _, r := range s.Rows {
		v := evaluate.SpreadOf(r.Values)
		fmt.Fprintf(&b, " %s: mean %s of %d, from %s to %s.", r.Name, percent(v.Mean), len(r.Values), percent(v.Min), percent(v.Max))
	}
	return b.String()
}

// legend is empty: rows carry their names.
func (Strip) legend() []LegendEntry { return nil }

func (s Strip) numbers() Table {
	t := Table{Caption: s.Title, Columns: []Column{{Name: "run"}, {Name: "values"}}}
	for _, r := range s.Rows {
		var values []string
		for _, v := range r.Values {
			values = append(values, percent(v))
		}
		t.Rows = append(t.Rows, Row{Cells: []string{r.Name, strings.Join(values, ", ")}})
	}
	return t
}
