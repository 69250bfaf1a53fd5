package bioc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/xmlpull"
	"github.com/subbert/subbert/data/text"
)

// draft is a document whose annotations are not located yet.
type draft struct {
	*Document
	at        xmlpull.Position
	stretches []stretch
}

// stretch is the text of a passage or of one of its sentences, with its annotations.
type stretch struct {
	passage int    // index of the passage
	start   int    // where text begins in the passage's
	offset  int    // of text within the document, in the units of the file
	text    string // of the passage or sentence
	marks   []mark
}

// mark is an annotation with its position in the file.
type mark struct {
	Annotation
	ranges [][2]int // within the document
	err    error    // why ranges are invalid
}

// in is m with positions relative to the beginning of s.
func (m *mark) in(s *stretch) text.Marked {
	out := text.Marked{Words: m.Text}
	for _, r := range m.ranges {
		out.Ranges = append(out.Ranges, [2]int{r[0] - s.offset, r[1] - s.offset})
	}
	return out
}

func (d *draft) bytes() int {
	n := 0
	for i := range d.stretches {
		n += len(d.stretches[i].text) + 100*len(d.stretches[i].marks)
	}
	return n
}

// joined returns the stretches of passage p; own is its own text with annotations. If p has sentences but no text, its
// text becomes the sentences joined.
func joined(p *Passage, own stretch, sentences []stretch) []stretch {
	if own.text != "" || len(sentences) == 0 {
		for _, s := range sentences {
			own.marks = append(own.marks, s.marks...)
		}
		return []stretch{own}
	}
	var all strings.Builder
	for i := range sentences {
		s := &sentences[i]
		if all.Len() > 0 {
			all.WriteByte(' ')
		}
		s.start = all.Len()
		all.WriteString(s.text)
		p.Sentences = append(p.Sentences, text.Span{Start: s.start, End: all.Len()})
		p.Offsets = append(p.Offsets, s.offset)
	}
	for _, m := range own.marks { // it belongs to the last sentence that begins before it
		to := 0
		if len(m.ranges) > 0 {
			to, _ = slices.BinarySearchFunc(sentences, m.ranges[0][0]+1, func(s stretch, at int) int { return cmp.Compare(s.offset, at) })
		}
		to = max(0, to-1)
		sentences[to].marks = append(sentences[to].marks, m)
	}
	p.Text = all.String()
	return sentences
}

// addEvidence uses the marks of a document as evidence of the unit of the file's positions.
func (r *Reader) addEvidence(d *draft) {
	for i := range d.stretches {
		s := &d.stretches[i]
		o := text.NewOffsets(s.text)
		for j := range s.marks {
			if m := &s.marks[j]; m.err == nil {
				r.units.See(o, m.in(s))
			}
		}
	}
}

// place locates the annotations of a document. It leaves out those that it cannot locate.
func (r *Reader) place(d *draft) error {
	n := 0
	for i := range d.stretches {
		s := &d.stretches[i]
		o := text.NewOffsets(s.text)
		p := &d.Passages[s.passage]
		for j := range s.marks {
			m := &s.marks[j]
			n++
			if m.err == nil {
				m.Spans, m.err = r.units.Locate(o, m.in(s))
			}
			if m.err != nil {
				name := m.ID
				if name == "" {
					name = fmt.Sprintf("number %d", n)
				}
				err := r.fault(Fault{Position: d.at, ID: d.ID, Annotation: true, Err: fmt.Errorf("annotation %.40s: %w", name, m.err)})
				if err != nil {
					return err
				}
				continue
			}
			for k := range m.Spans {
				m.Spans[k] = m.Spans[k].Shift(s.start)
			}
			p.Annotations = append(p.Annotations, m.Annotation)
		}
	}
	return nil
}
