package report

import (
	"bytes"
	"fmt"
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// dotsPerPixel is the resolution of the PNG of a picture: the number of dots in a CSS pixel, each way.
const dotsPerPixel = 3

// sheet is a picture outside of the page: with its title above and its legend below.
type sheet struct {
	of     Picture
	at     size
	legend [][]LegendEntry // in rows
}

// Dimensions of a sheet in CSS pixels.
const (
	titleHeight  = 30
	legendHeight = 20
	legendGap    = 18 // between entries
	swatchWidth  = 30
)

func newSheet(p Picture) sheet {
	s := sheet{of: p, at: p.size(true)}
	room := vg.Length(0)
	for _, e := range p.legend() {
		wide := swatchWidth + 6 + sheetText(roleInk, textSize).Width(e.Name) + legendGap
		if len(s.legend) == 0 || wide > room {
			s.legend, room = append(s.legend, nil), s.at.w
		}
		last := len(s.legend) - 1
		s.legend[last], room = append(s.legend[last], e), room-wide
	}
	return s
}

// sheetText returns the style of words of a sheet.
func sheetText(r role, height vg.Length) draw.TextStyle {
	style := blank(narrow).X.Tick.Label
	style.Color, style.Font.Size, style.XAlign, style.YAlign = r.color(), height, draw.XLeft, draw.YBottom
	return style
}

func (s sheet) size() (w, h vg.Length) {
	return s.at.w + 2*margin, s.at.h + titleHeight + legendHeight*vg.Length(len(s.legend)) + margin
}

func (s sheet) draw(c draw.Canvas) error {
	drawn, err := s.of.plot(s.at)
	if err != nil {
		return err
	}
	_, h := s.size()
	below := legendHeight*vg.Length(len(s.legend)) + margin
	drawn.Draw(draw.Crop(c, margin, -margin, below, -titleHeight))
	c.FillText(sheetText(roleInk, 15), vg.Point{X: margin, Y: h - titleHeight + 8}, s.of.heading())
	for i, row := range s.legend {
		at := vg.Point{X: margin, Y: below - legendHeight*vg.Length(i+1) + 4}
		for _, e := range row {
			drawSwatch(c, e, at)
			at.X += swatchWidth + 6
			style := sheetText(roleInk, textSize)
			c.FillText(style, at, e.Name)
			at.X += style.Width(e.Name) + legendGap
		}
	}
	return nil
}

// drawSwatch draws the sample of a curve, its lower left corner at at.
func drawSwatch(c draw.Canvas, e LegendEntry, at vg.Point) {
	line := draw.LineStyle{Color: seriesRole(e.Color).color(), Width: 2}
	if e.Dashed {
		line.Dashes = []vg.Length{5, 4}
	}
	y := at.Y + 5
	c.StrokeLine2(line, at.X, y, at.X+swatchWidth, y)
	if e.Marked {
		c.DrawGlyph(draw.GlyphStyle{Color: line.Color, Radius: markRadius, Shape: shape(e.Color)}, vg.Point{X: at.X + swatchWidth/2, Y: y})
	}
}

// raster draws s as PNG.
func (s sheet) raster() ([]byte, error) {
	w, h := s.size()
	// gonum measures in points of 1/72 inch; the page takes a point for a CSS pixel.
	canvas := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(72*dotsPerPixel), vgimg.UseBackgroundColor(color.White))
	if err := s.draw(draw.NewCanvas(tinted{canvas}, w, h)); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw: %w", err)
	}
	return b.Bytes(), nil
}
