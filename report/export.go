package report

import (
	"bytes"
	"fmt"
	"image/color"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/subbert/subbert/internal/atomicfile"
)

// plotted is a Picture that gonum/plot draws.
type plotted interface {
	Picture
	plot(size) (*plot.Plot, error)
}

// forPage draws a plotted picture for the page.
func forPage(p plotted, at size) (string, error) {
	drawn, err := p.plot(at)
	if err != nil {
		return "", err
	}
	return render(drawn, at)
}

// dotsPerPixel is how fine the PNG of a picture is: a CSS pixel is this many of its own, each way.
const dotsPerPixel = 3

// ExportPicture writes a Bars, Ladder or Heat as base.svg and base.png into dir, in the page's colours on white.
func ExportPicture(dir, base string, p Picture) error {
	from, ok := p.(plotted)
	if !ok {
		return fmt.Errorf("report: no files are made of a %T", p)
	}
	at := p.size(true)
	inside, err := p.svg(at)
	if err != nil {
		return err
	}
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="%d 0 %d %d" width="%d" height="%d" font-family="Liberation Sans, Arial, Helvetica, sans-serif" role="img"><title>`,
		-margin, int(at.w)+2*margin, int(at.h), int(at.w)+2*margin, int(at.h))
	svg.WriteString(escape(p.describe()))
	fmt.Fprintf(&svg, "</title><rect x=\"%d\" width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n%s\n</svg>\n", -margin, paper(inside))
	if err := atomicfile.WriteBytes(filepath.Join(dir, base+".svg"), []byte(svg.String())); err != nil {
		return err
	}
	png, err := raster(from, at)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, base+".png"), png)
}

func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// light are the page's colours on white paper, by the names of its style sheet.
var light = map[string]string{
	"ink": "#1b1f24", "muted": "#57606a", "axis": "#8c959f", "grid": "#e3e6ea",
	"s1": "#0072b2", "s2": "#c64f00", "s3": "#00835e", "s4": "#b0548c", "s5": "#946300", "s6": "#3b7fa8",
}

var variable = regexp.MustCompile(`var\(--([a-z0-9]+)\)`)

// paper puts the light colours in place of the page's variables.
func paper(svg string) string {
	return variable.ReplaceAllStringFunc(svg, func(v string) string { return light[variable.FindStringSubmatch(v)[1]] })
}

// raster draws p as PNG.
func raster(p plotted, at size) ([]byte, error) {
	drawn, err := p.plot(at)
	if err != nil {
		return nil, err
	}
	// gonum measures in points of 1/72 inch, of which the page makes CSS pixels.
	canvas := vgimg.NewWith(vgimg.UseWH(at.w+2*margin, at.h), vgimg.UseDPI(72*dotsPerPixel), vgimg.UseBackgroundColor(color.White))
	inner := draw.NewCanvas(tinted{canvas}, at.w+2*margin, at.h)
	drawn.Draw(draw.Crop(inner, margin, -margin, 0, 0))
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw: %w", err)
	}
	return b.Bytes(), nil
}

// tinted is a canvas that understands the colours that only encode roles, and the marks of anchored.
type tinted struct{ vg.Canvas }

// SetColor sets the colour that c stands for.
func (t tinted) SetColor(c color.Color) { t.Canvas.SetColor(ofRole(c)) }

// FillString writes text aligned as its mark says.
func (t tinted) FillString(f font.Face, at vg.Point, text string) {
	mark, n := utf8.DecodeRuneInString(text)
	switch mark {
	case anchorMiddle:
		text = text[n:]
		at.X -= f.Width(text) / 2
	case anchorEnd:
		text = text[n:]
		at.X -= f.Width(text)
	}
	t.Canvas.FillString(f, at, text)
}

// ofRole is the light colour that c encodes; c itself if it encodes none.
func ofRole(c color.Color) color.Color {
	code, ok := c.(color.RGBA)
	if !ok || code.R != 1 || code.G != 2 && code.G != 3 {
		return c
	}
	css := role(code.B).css()
	if code.G == 3 {
		css = shadeCSS(int(code.B))
	}
	name, opacity, _ := strings.Cut(css, ";fill-opacity:")
	hex, err := strconv.ParseUint(strings.TrimPrefix(paper(name), "#"), 16, 32)
	if err != nil {
		return c // not reached: light has every name of css
	}
	alpha := 1.0
	if opacity != "" {
		if alpha, err = strconv.ParseFloat(opacity, 64); err != nil {
			return c // not reached: css writes numbers
		}
	}
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: uint8(255 * alpha)}
}

// shadeCSS is what stands in the page for a shade of so many percent.
func shadeCSS(percent int) string { return fmt.Sprintf("var(--s1);fill-opacity:.%02d", percent) }
