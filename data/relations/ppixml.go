package relations

import (
	"encoding/xml"
	"fmt"
	"iter"

	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

type ppiCorpus struct {
	XMLName   xml.Name `xml:"corpus"`
	Documents []struct {
		ID        string        `xml:"id,attr"`
		Sentences []ppiSentence `xml:"sentence"`
	} `xml:"document"`
}

type ppiSentence struct {
	ID           string      `xml:"id,attr"`
	Text         string      `xml:"text,attr"`
	Entities     []xmlEntity `xml:"entity"`
	Interactions []struct {
		ID string `xml:"id,attr"`
		E1 string `xml:"e1,attr"`
		E2 string `xml:"e2,attr"`
	} `xml:"interaction"`
}

// readPPIXML reads the common XML form of AIMed, BioInfer, HPRD50, IEPA and LLL. Every pair of entities of a
// sentence is an example with the id sentence.pN, where N counts the pairs in the order of the entities; a pair without
// an interaction is negative. Interactions have no direction, and several between the same two entities count once.
func readPPIXML(name string, o Options) iter.Seq2[Example, error] {
	return perFile(name, forms.PPI, o, []string{".xml"}, nil, func(src *source, file string) ([]Example, error) {
		var c ppiCorpus
		if err := decodeXML(src, file, &c); err != nil {
			return nil, err
		}
		var out []Example
		for _, d := range c.Documents {
			for _, s := range d.Sentences {
				examples, err := s.examples(o)
				if err != nil {
					return nil, fmt.Errorf("sentence %s: %w", s.ID, err)
				}
				for _, e := range examples {
					e.Document, e.Split = d.ID, src.split(file)
					out = append(out, e)
				}
			}
		}
		return out, nil
	})
}

func (s *ppiSentence) examples(o Options) ([]Example, error) {
	mentions, err := s.mentions()
	if err != nil {
		return nil, err
	}
	interact, err := s.interactions(mentions, o)
	if err != nil {
		return nil, err
	}
	var out []Example
	limit := o.maxPairs(text.Span{End: len(s.Text)})
	for i, a := range mentions {
		for _, b := range mentions[i+1:] {
			if len(out) == limit {
				o.warn("sentence %s: %d entities have more than %d pairs; the others are left out", s.ID, len(mentions), limit)
				return out, nil
			}
			e := Example{ID: fmt.Sprintf("%s.p%d", s.ID, len(out)), Fold: NoFold, Text: s.Text, A: a, B: b, Mentions: mentions, Label: "0"}
			if interact[[2]string{a.ID, b.ID}] || interact[[2]string{b.ID, a.ID}] {
				e.Label = "1"
			}
			out = append(out, e)
		}
	}
	return out, nil
}

func (s *ppiSentence) mentions() ([]Mention, error) {
	off := text.NewOffsets(s.Text)
	out := make([]Mention, len(s.Entities))
	seen := map[string]bool{}
	for i, e := range s.Entities {
		spans, err := spansOf(off, e.Offset, ",", 0)
		if err != nil {
			return nil, fmt.Errorf("entity %s: %w", e.ID, err)
		}
		if seen[e.ID] {
			return nil, fmt.Errorf("entity %s: annotated twice", e.ID)
		}
		seen[e.ID] = true
		out[i] = Mention{Spans: spans, Type: "PROTEIN", Subtype: e.Type, ID: e.ID, Surface: e.Text}
	}
	return out, nil
}

// interactions returns the pairs of entity ids that interact.
func (s *ppiSentence) interactions(mentions []Mention, o Options) (map[[2]string]bool, error) {
	out := map[[2]string]bool{}
	places := byID(mentions)
	for _, x := range s.Interactions {
		if x.E1 == x.E2 {
			o.warn("interaction %s: both sides are entity %s; left out", x.ID, x.E1)
			continue
		}
		if _, _, err := ends(places, x.E1, x.E2); err != nil {
			return nil, fmt.Errorf("interaction %s: %w", x.ID, err)
		}
		out[[2]string{x.E1, x.E2}] = true
	}
	return out, nil
}
