package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
)

// Figure is a picture, or several views of the same thing to choose from.
type Figure struct {
	Title string
	Note  string // may be empty
	Views []View
	Small bool // one of several in a Grid
}

// View is one picture of a figure.
type View struct {
	Label   string // the choice that the reader sees; unused if the figure has one view
	Picture Picture
}

// Picture is a Chart, a Strip, a Bars, a Ladder or a Heat. gonum/plot draws it.
type Picture interface {
	plot(size) (*plot.Plot, error)
	size(wide bool) size
	heading() string
	describe() string // in words, for readers who cannot see the picture
	legend() []LegendEntry
	numbers() Table
}

// LegendEntry is a line of a legend.
type LegendEntry struct {
	Name   string
	Color  int
	Marked bool // its points are drawn
	Dashed bool
}

// drawn is a view ready for the template.
type drawn struct {
	ID, Group, Label string
	Checked          bool
	Title, Desc      string
	Pictures         []picture
}

type picture struct {
	Class            string // "wide", "narrow" or "any"
	X, Width, Height int    // of the view box
	Inside           template.HTML
}

// margin is the room left and right of a picture for labels in a font wider than the one that gonum measures with.
const margin = 6

// draw renders the views of f in the sizes they need.
func (r *renderer) draw(f Figure) ([]drawn, error) {
	r.figures++
	group := fmt.Sprintf("f%d", r.figures)
	var out []drawn
	for i, v := range f.Views {
		d := drawn{ID: fmt.Sprintf("%s-%d", group, i+1), Group: group, Label: v.Label, Checked: i == 0, Title: f.Title, Desc: v.Picture.describe()}
		classes := []string{"wide", "narrow"}
		if f.Small {
			classes = []string{"any"}
		}
		for _, class := range classes {
			s := v.Picture.size(class == "wide")
			inside, err := forPage(v.Picture, s)
			if err != nil {
				return nil, err
			}
			// gonum/plot wrote it and escapes the text in it.
			d.Pictures = append(d.Pictures, picture{class, -margin, int(s.w) + 2*margin, int(s.h), template.HTML(inside)})
		}
		out = append(out, d)
	}
	return out, nil
}

// Legend returns the legend of the first view.
func (f Figure) Legend() []LegendEntry { return f.Views[0].Picture.legend() }

// Legend returns the legends of the figures as one, or nil if the figure above has the same.
func (g Grid) Legend() []LegendEntry {
	var out []LegendEntry
	for _, f := range g.Figures {
		for _, e := range f.Views[0].Picture.legend() {
			if !slices.Contains(out, e) {
				out = append(out, e)
			}
		}
	}
	said := func(e LegendEntry) bool { return slices.Contains(g.Above, e) }
	if !slices.ContainsFunc(out, func(e LegendEntry) bool { return !said(e) }) {
		return nil
	}
	return out
}

// Numbers returns the values of the first view as a table.
func (f Figure) Numbers() Table { return f.Views[0].Picture.numbers() }

func (c Chart) size(onWide bool) size {
	if onWide {
		return wide
	}
	return narrow
}

func (c Chart) heading() string { return c.Title }

func (c Chart) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, over %s.", c.Title, c.YLabel, c.XLabel)
	for _, k := range c.Curves {
		if n := len(k.Y); n > 0 {
			fmt.Fprintf(&b, " %s: from %s to %s.", k.Name, value(k.Y[0]), value(k.Y[n-1]))
		}
	}
	for _, l := range c.Levels {
		fmt.Fprintf(&b, " %s: %s.", l.Name, value(l.Y))
	}
	return b.String()
}

func (c Chart) legend() []LegendEntry {
	var out []LegendEntry
	for _, k := range c.Curves {
		out = append(out, LegendEntry{k.Name, k.Color, k.Marked, k.Marked})
	}
	return out
}

// numRows is the maximum number of rows of the table beside a chart.
const numRows = 12

// numbers thins the curves to numRows points, including the last. A cell is the nearest value of its curve.
func (c Chart) numbers() Table {
	t := Table{Caption: c.Title, Columns: []Column{{Name: c.XLabel, Numeric: true}}}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, k := range c.Curves {
		t.Columns = append(t.Columns, Column{Name: k.Name, Numeric: true})
		if len(k.X) > 0 {
			lo, hi = min(lo, k.X[0]), max(hi, k.X[len(k.X)-1])
		}
	}
	for _, x := range places(c.Curves, lo, hi) {
		cells := []string{value(x)}
		for _, k := range c.Curves {
			cells = append(cells, k.near(x, (hi-lo)/(2*numRows)))
		}
		t.Rows = append(t.Rows, Row{Cells: cells})
	}
	return t
}

// places picks at most numRows+1 of the curves' own x values between lo and hi, evenly spread.
func places(curves []Curve, lo, hi float64) []float64 {
	longest := Curve{}
	for _, k := range curves {
		if len(k.X) > len(longest.X) {
			longest = k
		}
	}
	var out []float64
	step := (hi - lo) / numRows
	for i, x := range longest.X {
		if i == 0 || i == len(longest.X)-1 || x >= out[len(out)-1]+step*(1-1e-9) {
			out = append(out, x)
		}
	}
	return out
}

// near returns the value of the curve at the point nearest to x, if there is one within reach.
func (k Curve) near(x, reach float64) string {
	best, at := math.Inf(1), -1
	for i := range k.X {
		if d := math.Abs(k.X[i] - x); d < best {
			best, at = d, i
		}
	}
	if at < 0 || best > reach*(1+1e-9) {
		return noValue
	}
	return value(k.Y[at])
}

// swatch returns the sample of a curve in a legend.
func swatch(e LegendEntry) template.HTML {
	color := fmt.Sprintf("var(--s%d)", e.Color%numSeries+1)
	dash, mark := "", ""
	if e.Dashed {
		dash = ` stroke-dasharray="5 4"`
	}
	if e.Marked {
		mark = markers[e.Color%numSeries]
	}
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 30 12" width="30" height="12" aria-hidden="true" style="color:%s"><path d="M0 6H30" stroke="currentColor" stroke-width="2" fill="none"%s/>%s</svg>`, color, dash, mark))
}

// markers are the shapes of func shape, for legends.
var markers = [numSeries]string{
	`<circle cx="15" cy="6" r="3.5" fill="currentColor"/>`,
	`<path d="M12 3h6v6h-6z" fill="currentColor"/>`,
	`<path d="M15 2l4 7h-8z" fill="currentColor"/>`,
	`<circle cx="15" cy="6" r="3.5" fill="none" stroke="currentColor"/>`,
	`<path d="M12 3h6v6h-6z" fill="none" stroke="currentColor"/>`,
	`<path d="M15 2l4 7h-8z" fill="none" stroke="currentColor"/>`,
}
