package report

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/atomicfile"
)

// Attention is where a model looks: sentences with the weights of their words, and the mean weight of stems.
type Attention struct {
	Of        string                `json:"of"` // whose weights, in words
	Data      string                `json:"data"`
	Baseline  string                `json:"baseline,omitempty"` // the predictions that the sentences were chosen against
	Sentences []Sentence            `json:"sentences"`
	Stems     []evaluate.StemWeight `json:"stems"`
	Examples  int                   `json:"examples"` // that the stems were counted in
	Near      int                   `json:"near"`     // words on either side of a mention that count; 0: all of the sentence
	Least     int                   `json:"least"`    // occurrences that a stem needs
}

// Sentence is a marked sentence with weights. Predicted and Baseline may be empty.
type Sentence struct {
	Index     string `json:"index"`
	Gold      string `json:"gold,omitempty"`
	Predicted string `json:"predicted,omitempty"`
	Baseline  string `json:"baseline,omitempty"`
	Words     []Word `json:"words"`
}

// Word is a word or a mark of punctuation.
type Word struct {
	Text    string  `json:"text"`
	Weight  float64 `json:"weight"`            // of its pieces together
	Mention bool    `json:"mention,omitempty"` // it is one of the two mentions
	Glued   bool    `json:"glued,omitempty"`   // nothing stands between the word before and this one
}

// Sentences shows sentences with their words shaded by weight.
type Sentences []Sentence

func (Sentences) block() string { return "sentences" }

// attentionSection shows the attention runs.
func attentionSection(runs []named) Section {
	s := Section{Title: "Attention", Intro: "The more a word is shaded, the more weight it has, relative to the heaviest of its sentence. The two mentions are outlined."}
	for _, n := range runs {
		if n.run.Result == nil || n.run.Result.Attention == nil {
			continue
		}
		a := n.run.Result.Attention
		if len(a.Sentences) > 0 {
			s.Blocks = append(s.Blocks, Facts{Title: n.name, Facts: []Fact{{"weights", a.Of}, {"sentences", a.Data}}}, Sentences(a.Sentences))
		}
		if len(a.Stems) > 0 {
			s.Blocks = append(s.Blocks, stemTable(n.name, a))
		}
	}
	if len(s.Blocks) == 0 {
		s.Intro = "Nothing was measured."
	}
	return s
}

// stemTable is the paper's Table 8.
func stemTable(name string, a *Attention) Table {
	where := "in the sentence"
	if a.Near > 0 {
		where = fmt.Sprintf("within %d words of a mention", a.Near)
	}
	t := Table{
		Caption: fmt.Sprintf("Heaviest Porter stems: %s, words %s, stems met %s times or more in %s sentences", name, where, count(a.Least), count(a.Examples)),
		Columns: []Column{{Name: "stem"}, {Name: "such as"}, {Name: "mean weight", Numeric: true}, {Name: "met", Numeric: true}},
	}
	for _, s := range a.Stems {
		t.Rows = append(t.Rows, Row{Cells: []string{s.Stem, s.Word, value(s.Mean), count(s.Count)}})
	}
	return t
}

// heaviest is the greatest weight of a sentence's words.
func heaviest(words []Word) float64 {
	most := 0.0
	for _, w := range words {
		most = max(most, w.Weight)
	}
	return max(most, 1e-9)
}

// darkest is the share of the colour, in percent, that the heaviest word has: text on it can still be read.
const darkest = 55

// tone is how dark a word of words is, in percent.
func tone(words []Word, w Word) int { return int(darkest*w.Weight/heaviest(words) + 0.5) }

// Verdict is what a sentence is labelled with.
func (s Sentence) Verdict() string {
	var parts []string
	for _, p := range []struct{ name, label string }{{"gold", s.Gold}, {"predicted", s.Predicted}, {"baseline", s.Baseline}} {
		if p.label != "" {
			parts = append(parts, p.name+" "+p.label)
		}
	}
	return strings.Join(parts, ", ")
}

// Top is the heaviest words in words, for those who cannot see the shades.
func (s Sentence) Top() string {
	order := slices.SortedStableFunc(slices.Values(s.Words), func(a, b Word) int { return compareFloat(b.Weight, a.Weight) })
	var parts []string
	for _, w := range order[:min(5, len(order))] {
		parts = append(parts, w.Text+" "+fixed(w.Weight, 3))
	}
	return "Heaviest: " + strings.Join(parts, ", ") + "."
}

// Measures of a sentence drawn as SVG, in CSS pixels.
const (
	sentenceWidth = 720.0
	sentenceSize  = 15.0
	lineHeight    = 27.0
	wordPad       = 3.0
)

// placed is a word at its place in the picture.
type placed struct {
	Word
	x, y, width float64
}

// lay breaks words into lines. Widths are those of the font in face; y is the baseline.
func lay(words []Word, face font.Face) (out []placed, height float64) {
	space := float64(face.Width(" "))
	x, y := 0.0, lineHeight
	for i, w := range words {
		width := float64(face.Width(w.Text))
		if i > 0 && !w.Glued {
			x += space
		}
		if x > 0 && x+width > sentenceWidth-2*wordPad && !w.Glued {
			x, y = 0, y+lineHeight
		}
		out = append(out, placed{w, x + wordPad, y, width})
		x += width
	}
	return out, y + lineHeight/2
}

// ExportSentence writes s as an SVG file: every word a box as dark as it is heavy, the mentions outlined, what it was
// labelled with below.
func ExportSentence(path string, s Sentence) error {
	fonts := font.NewCache(liberation.Collection())
	face := fonts.Lookup(font.Font{Typeface: "Liberation", Variant: "Sans"}, font.Length(sentenceSize))
	words, height := lay(s.Words, face)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" font-family="Liberation Sans, Arial, Helvetica, sans-serif" font-size="%g" role="img">`,
		sentenceWidth, height+lineHeight, sentenceWidth, height+lineHeight, sentenceSize)
	fmt.Fprintf(&b, "\n<title>%s</title><desc>%s</desc>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", escape(s.Index+": "+s.Verdict()), escape(s.Top()))
	for _, w := range words {
		outline := ""
		if w.Mention {
			outline = ` stroke="` + light["ink"] + `" stroke-width="1.5"`
		}
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="20" rx="2" fill="%s" fill-opacity="%.2f"%s/>`,
			w.x-1, w.y-15, w.width+2, light["s1"], float64(tone(s.Words, w.Word))/100, outline)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" textLength="%.1f" fill="%s">%s</text>`+"\n", w.x, w.y, w.width, light["ink"], escape(w.Text))
	}
	fmt.Fprintf(&b, `<text x="%g" y="%.1f" font-size="13" fill="%s">%s</text>`+"\n</svg>\n", wordPad, height+lineHeight/2, light["muted"], escape(s.Index+": "+s.Verdict()))
	return atomicfile.WriteBytes(path, []byte(b.String()))
}
