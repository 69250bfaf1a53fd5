package report

import (
	"bytes"
	"fmt"
	"image/color"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// role is what a colour is used for. A plot is drawn in colours that only encode roles, and render replaces them by the
// variables of the page's style sheet, which has light and dark values.
type role uint8

const (
	roleInk role = iota
	roleText
	roleAxis
	roleGrid
	roleSeries // followed by numSeries-1 more
	roleBand   = roleSeries + numSeries
)

// numSeries is the number of colours for curves.
const numSeries = 6

func seriesRole(k int) role { return roleSeries + role(k%numSeries) }
func bandRole(k int) role   { return roleBand + role(k%numSeries) }

// color returns the colour that encodes r: opaque, so that gonum writes it exactly.
func (r role) color() color.Color { return color.RGBA{R: 1, G: 2, B: byte(r), A: 255} }

// css returns the style that replaces r in the page.
func (r role) css() string {
	switch {
	case r >= roleBand:
		return fmt.Sprintf("var(--s%d);fill-opacity:.18", r-roleBand+1)
	case r >= roleSeries:
		return fmt.Sprintf("var(--s%d)", r-roleSeries+1)
	}
	return [...]string{"var(--ink)", "var(--muted)", "var(--axis)", "var(--grid)"}[r]
}

var (
	rolePattern = regexp.MustCompile(`#010([23])([0-9A-F]{2})`)
	fontPattern = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:[^;"]*;font-style:[^;"]*;`)
)

// anchored draws text so that it stays centred or right-aligned in the reader's font, which is not the font that gonum
// measures with: it writes text at the point to align to, with a mark that render turns into the text-anchor of SVG.
type anchored struct{ text.Handler }

const (
	anchorMiddle = '\uE000' // in Unicode's private use area
	anchorEnd    = '\uE001'
)

var anchorPattern = regexp.MustCompile(`<text ([^>]*)>([\x{E000}\x{E001}])`)

// Draw implements text.Handler.
func (a anchored) Draw(c vg.Canvas, txt string, sty text.Style, pt vg.Point) {
	switch sty.XAlign {
	case draw.XCenter:
		txt = string(anchorMiddle) + txt
	case draw.XRight:
		txt = string(anchorEnd) + txt
	}
	sty.XAlign = draw.XLeft
	a.Handler.Draw(c, txt, sty, pt)
}

// anchors replaces the marks of anchored by attributes.
func anchors(svg string) string {
	return anchorPattern.ReplaceAllStringFunc(svg, func(tag string) string {
		open, mark := tag[:strings.LastIndexByte(tag, '>')], tag[strings.LastIndexByte(tag, '>')+1:]
		if mark == string(anchorMiddle) {
			return open + ` text-anchor="middle">`
		}
		return open + ` text-anchor="end">`
	})
}

// forPage draws a picture for the page.
func forPage(p Picture, at size) (string, error) {
	drawn, err := p.plot(at)
	if err != nil {
		return "", err
	}
	return inside(at.w, at.h, drawn.Draw)
}

// inside returns what paint draws, as the content of an <svg> element: colours are variables, and the font is that of
// the page.
func inside(w, h vg.Length, paint func(draw.Canvas)) (string, error) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(w, h))
	paint(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", fmt.Errorf("draw: %w", err)
	}
	_, text, _ := strings.Cut(b.String(), "<svg")
	_, text, found := strings.Cut(text, ">")
	text, _, closed := strings.Cut(text, "</svg>")
	if !found || !closed {
		return "", fmt.Errorf("draw: gonum/plot wrote no svg element")
	}
	text = anchors(fontPattern.ReplaceAllString(text, ""))
	text = rolePattern.ReplaceAllStringFunc(text, func(hex string) string {
		n, err := strconv.ParseUint(hex[len("#0102"):], 16, 8)
		if err != nil {
			return hex // not reached: the pattern has two hexadecimal digits
		}
		if hex[len("#010")] == '3' {
			return shadeCSS(int(n))
		}
		return role(n).css()
	})
	return strings.TrimSpace(text), nil
}
