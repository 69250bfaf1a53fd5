package report

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/subbert/subbert/internal/atomicfile"
)

// Export writes every figure of the page as SVG and PNG and every table as CSV and LaTeX to the directory dir. The
// names of the files are made from the titles.
func Export(dir string, p *Page) error {
	e := &exporter{dir: dir, taken: map[string]int{}}
	if err := e.blocks(p.Lead); err != nil {
		return err
	}
	for _, s := range p.Sections {
		e.section = s.Title
		if err := e.blocks(s.Blocks); err != nil {
			return err
		}
	}
	return nil
}

type exporter struct {
	dir     string
	section string
	taken   map[string]int // how often each name was requested
}

func (e *exporter) blocks(blocks []Block) error {
	for _, b := range blocks {
		var err error
		switch b := b.(type) {
		case Table:
			err = e.table(b)
		case Matrix:
			err = e.table(b.asTable())
		case Figure:
			err = e.figure(b)
		case Grid:
			for _, f := range b.Figures {
				if err == nil {
					err = e.figure(f)
				}
			}
		case Side:
			err = e.blocks(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// name returns an unused name made from a title, and from that of the section if there is more than one of the kind.
func (e *exporter) name(title string) string {
	name := cmp.Or(fileName(title), "table")
	if e.taken[name]++; e.taken[name] > 1 && e.section != "" {
		name = fileName(e.section) + "-" + name
		e.taken[name]++
	}
	if n := e.taken[name]; n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	return name
}

var dashes = regexp.MustCompile(`-+`)

// fileName returns a title as a file name without an extension.
func fileName(title string) string {
	name := dashes.ReplaceAllString(anchor(title), "-")
	const longest = 60
	return strings.Trim(name[:min(len(name), longest)], "-")
}

func (e *exporter) table(t Table) error {
	name := filepath.Join(e.dir, e.name(cmp.Or(t.File, t.Caption)))
	if err := atomicfile.Write(name+".csv", func(w io.Writer) error { return t.CSV(w) }); err != nil {
		return err
	}
	return atomicfile.Write(name+".tex", func(w io.Writer) error { return t.LaTeX(w) })
}

func (e *exporter) figure(f Figure) error {
	for _, v := range f.Views {
		title := f.Title
		if len(f.Views) > 1 {
			title += " " + v.Label
		}
		if err := ExportPicture(e.dir, e.name(title), v.Picture); err != nil {
			return err
		}
	}
	return nil
}

// ExportPicture writes p, with its title and its legend, as base.svg and base.png to dir, in the page's colours on
// white.
func ExportPicture(dir, base string, p Picture) error {
	s := newSheet(p)
	w, h := s.size()
	var failed error
	text, err := inside(w, h, func(c draw.Canvas) { failed = s.draw(c) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="Liberation Sans, Arial, Helvetica, sans-serif" role="img"><title>`, int(w), int(h), int(w), int(h))
	svg.WriteString(escape(p.describe()))
	fmt.Fprintf(&svg, "</title><rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n%s\n</svg>\n", paper(text))
	if err := atomicfile.WriteBytes(filepath.Join(dir, base+".svg"), []byte(withoutOverrides(svg.String()))); err != nil {
		return err
	}
	png, err := s.raster()
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

// paper replaces the page's colour variables by the light colours.
func paper(svg string) string {
	return variable.ReplaceAllStringFunc(svg, func(v string) string { return light[variable.FindStringSubmatch(v)[1]] })
}

// tinted is a canvas that understands the colours that encode roles, and the marks of anchored.
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

// ofRole returns the light colour that c encodes; c itself if it encodes none.
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

// shadeCSS returns the style in the page of a shade of the given percentage.
func shadeCSS(percent int) string { return fmt.Sprintf("var(--s1);fill-opacity:.%02d", percent) }
