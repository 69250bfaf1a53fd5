package report

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Heat shows shares between 0 and 1 as shades, a row of cells for each row of Values. Rows may be of different length.
type Heat struct {
	Title   string
	XLabel  string
	YLabel  string
	Rows    []string // from the top
	Columns []string
	Values  [][]float64
}

// cellHeight is the height of a row of a heat map, in CSS pixels.
const cellHeight = 26

func (h Heat) size(onWide bool) size {
	out := narrow
	if onWide {
		out = wide
	}
	out.h = max(170, vg.Length(cellHeight*len(h.Rows)+60)) // the label of the rows needs this much
	return out
}

func (h Heat) heading() string { return h.Title }

func (h Heat) plot(at size) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = nil
	style(&p.X, at.xTicks)
	style(&p.Y, at.yTicks)
	p.X.Label.Text, p.Y.Label.Text = h.XLabel, h.YLabel
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, float64(len(h.Columns))-0.5, -0.5, float64(len(h.Rows))-0.5
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Width, a.Tick.LineStyle.Width, a.Tick.Length = 0, 0, 0
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = h.names(h.Columns, false), h.names(h.Rows, true)
	most := h.most()
	numbers := &plotter.Labels{}
	room := at.w/vg.Length(len(h.Columns)) > 34
	for i, row := range h.Values {
		y := float64(len(h.Rows) - 1 - i)
		for k, v := range row {
			x := float64(k)
			cell, err := plotter.NewPolygon(plotter.XYs{{X: x - .48, Y: y - .46}, {X: x + .48, Y: y - .46}, {X: x + .48, Y: y + .46}, {X: x - .48, Y: y + .46}})
			if err != nil {
				return nil, err
			}
			cell.Color, cell.LineStyle.Width = shadeColor(v/most), 0
			p.Add(cell)
			if room {
				numbers.XYs, numbers.Labels = append(numbers.XYs, plotter.XY{X: x, Y: y}), append(numbers.Labels, fixed(v, 2))
				text := p.X.Tick.Label
				text.Color, text.XAlign, text.YAlign = roleInk.color(), draw.XCenter, draw.YCenter
				numbers.TextStyle = append(numbers.TextStyle, text)
			}
		}
	}
	if room {
		p.Add(numbers)
	}
	return p, nil
}

// names labels the rows or columns.
func (h Heat) names(names []string, down bool) plot.ConstantTicks {
	var out plot.ConstantTicks
	for i, n := range names {
		at := float64(i)
		if down {
			at = float64(len(names) - 1 - i)
		}
		out = append(out, plot.Tick{Value: at, Label: n})
	}
	return out
}

// most returns the greatest of the values.
func (h Heat) most() float64 {
	most := 0.0
	for _, row := range h.Values {
		for _, v := range row {
			most = max(most, v)
		}
	}
	return max(most, 1e-9)
}

// shadeColor encodes the share, between 0 and 1, of the first series' colour that a cell has.
func shadeColor(share float64) color.Color {
	return color.RGBA{R: 1, G: 3, B: byte(math.Round(70 * max(0, min(1, share)))), A: 255}
}

func (h Heat) describe() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s.", h.Title)
	for i, row := range h.Values {
		best := 0
		for k, v := range row {
			if v > row[best] {
				best = k
			}
		}
		if len(row) > 0 {
			fmt.Fprintf(&out, " %s %s: greatest share %s, %s.", h.YLabel, h.Rows[i], h.Columns[best], fixed(row[best], 2))
		}
	}
	return out.String()
}

// legend is empty: cells carry their numbers, or the table beside them does.
func (Heat) legend() []LegendEntry { return nil }

func (h Heat) numbers() Table {
	t := Table{Caption: h.Title, Columns: []Column{{Name: h.YLabel}}}
	for _, c := range h.Columns {
		t.Columns = append(t.Columns, Column{Name: c, Numeric: true})
	}
	for i, row := range h.Values {
		cells := []string{h.Rows[i]}
		for k := range h.Columns {
			if k < len(row) {
				cells = append(cells, fixed(row[k], 3))
			} else {
				cells = append(cells, "")
			}
		}
		t.Rows = append(t.Rows, Row{Cells: cells})
	}
	return t
}
