package report

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"

	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/runs/result"
)

// Dimensions of a sentence drawn as SVG, in CSS pixels.
const (
	sentenceWidth = 720.0
	sentenceSize  = 15.0
	lineHeight    = 27.0
	wordPad       = 3.0
)

// placed is a word with its position in the picture.
type placed struct {
	result.Word
	text        string
	x, y, width float64
}

// lay breaks words into lines. Widths are those of the font in face; y is the baseline.
func lay(words []result.Word, face font.Face) (out []placed, height float64) {
	space := float64(face.Width(" "))
	x, y := 0.0, lineHeight
	for i, w := range words {
		text := shownWord(w)
		if w.Cut {
			text = "… " + text
		}
		width := float64(face.Width(text))
		if i > 0 && !w.Glued {
			x += space
		}
		if x > 0 && x+width > sentenceWidth-2*wordPad && !w.Glued {
			x, y = 0, y+lineHeight
		}
		out = append(out, placed{w, text, x + wordPad, y, width})
		x += width
	}
	return out, y + lineHeight/2
}

// ExportSentence writes s as an SVG file: each word in a box that is darker the greater its weight, the mentions
// outlined, the labels below.
func ExportSentence(path string, s result.Sentence) error {
	fonts := font.NewCache(liberation.Collection())
	face := fonts.Lookup(font.Font{Typeface: "Liberation", Variant: "Sans"}, font.Length(sentenceSize))
	words, height := lay(s.Words, face)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" font-family="Liberation Sans, Arial, Helvetica, sans-serif" font-size="%g" role="img">`,
		sentenceWidth, height+lineHeight, sentenceWidth, height+lineHeight, sentenceSize)
	fmt.Fprintf(&b, "\n<title>%s</title><desc>%s</desc>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", escape(s.Index+": "+verdict(s)), escape(heaviestWords(s)))
	for _, w := range words {
		outline := ""
		if w.Mention {
			outline = ` stroke="` + light["ink"] + `" stroke-width="1.5"`
		}
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="20" rx="2" fill="%s" fill-opacity="%.2f"%s/>`,
			w.x-1, w.y-15, w.width+2, light["s1"], float64(tone(s, w.Word))/100, outline)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" textLength="%.1f" fill="%s">%s</text>`+"\n", w.x, w.y, w.width, light["ink"], escape(w.text))
	}
	fmt.Fprintf(&b, `<text x="%g" y="%.1f" font-size="13" fill="%s">%s</text>`+"\n</svg>\n", wordPad, height+lineHeight/2, light["muted"], escape(s.Index+": "+verdict(s)))
	return atomicfile.WriteBytes(path, []byte(withoutOverrides(b.String())))
}
