package relations

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"iter"
	"slices"
	"strings"
)

type biocCollection struct {
	XMLName   xml.Name       `xml:"collection"`
	Documents []biocDocument `xml:"document"`
}

type biocDocument struct {
	ID        string         `xml:"id"`
	Passages  []biocPassage  `xml:"passage"`
	Relations []biocRelation `xml:"relation"`
}

// biocPassage is a passage, or a sentence of one.
type biocPassage struct {
	Offset      int              `xml:"offset"`
	Text        string           `xml:"text"`
	Sentences   []biocPassage    `xml:"sentence"`
	Annotations []biocAnnotation `xml:"annotation"`
	Relations   []biocRelation   `xml:"relation"`
}

type biocAnnotation struct {
	ID        string    `xml:"id,attr"`
	Infons    biocInfon `xml:"infon"`
	Text      string    `xml:"text"`
	Locations []struct {
		Offset int `xml:"offset,attr"`
		Length int `xml:"length,attr"`
	} `xml:"location"`
}

type biocRelation struct {
	ID     string    `xml:"id,attr"`
	Infons biocInfon `xml:"infon"`
	Nodes  []struct {
		Ref string `xml:"refid,attr"`
	} `xml:"node"`
}

type biocInfon []struct {
	Key   string `xml:"key,attr"`
	Value string `xml:",chardata"`
}

// get is the value of the first of keys that there is.
func (in biocInfon) get(keys ...string) string {
	for _, k := range keys {
		for _, i := range in {
			if strings.EqualFold(i.Key, k) {
				return strings.TrimSpace(i.Value)
			}
		}
	}
	return ""
}

// readBioC reads BioC XML. Offsets count characters of the document. Relations name annotations by their nodes, or
// concepts by the infons entity1 and entity2 (BioRED) or Chemical and Disease (BC5CDR).
func readBioC(name string, o Options) iter.Seq2[Example, error] {
	return perFile(name, o, []string{".xml", ".bioc"}, nil, func(src *source, file string) ([]Example, error) {
		var c biocCollection
		if err := decodeXML(src, file, &c); err != nil {
			return nil, err
		}
		var out []Example
		for _, d := range c.Documents {
			a, err := d.abstract(o)
			if err != nil {
				return nil, fmt.Errorf("document %s: %w", d.ID, err)
			}
			a.split = src.split(file)
			examples, err := a.pairs(o)
			if err != nil {
				return nil, err
			}
			out = append(out, examples...)
		}
		return out, nil
	})
}

func (d *biocDocument) abstract(o Options) (*abstract, error) {
	a := &abstract{id: d.ID}
	parts, relations := d.flatten()
	for _, p := range parts {
		if err := p.addTo(a); err != nil {
			return nil, err
		}
	}
	byName, byConcept := biocRelations(relations, o)
	a.relate = func(x, y annotation) []string {
		return slices.Concat(byName[[2]string{x.name, y.name}], byName[[2]string{y.name, x.name}], byConcept.between(x, y))
	}
	return a, nil
}

// flatten gives the pieces of d that have a text, each with the annotations in it, and all relations.
func (d *biocDocument) flatten() (parts []biocPassage, relations []biocRelation) {
	relations = slices.Clone(d.Relations)
	for _, p := range d.Passages {
		relations = append(relations, p.Relations...)
		for _, s := range p.Sentences {
			relations = append(relations, s.Relations...)
			if p.Text != "" {
				p.Annotations = append(p.Annotations, s.Annotations...)
			} else {
				parts = append(parts, s)
			}
		}
		if p.Text != "" || len(p.Annotations) > 0 {
			parts = append(parts, p)
		}
	}
	return parts, relations
}

// addTo appends p to the text of a as a section of its own.
func (p *biocPassage) addTo(a *abstract) error {
	if a.text != "" {
		a.text += "\n"
	}
	start, off := len(a.text), newOffsets(p.Text)
	a.text += p.Text
	a.sections = append(a.sections, Span{start, len(a.text)})
	for _, n := range p.Annotations {
		kind := n.Infons.get("type")
		m := Mention{Type: strings.ToUpper(kind), Subtype: kind, ID: n.Infons.get("identifier", "MESH", "NCBI Gene"), Surface: n.Text}
		for _, loc := range n.Locations {
			s, err := off.span(loc.Offset-p.Offset, loc.Offset-p.Offset+loc.Length)
			if err != nil {
				return fmt.Errorf("annotation %s: passage at %d: %w", n.ID, p.Offset, err)
			}
			m.Spans = append(m.Spans, Span{s.Start + start, s.End + start})
		}
		if !m.Found() {
			return fmt.Errorf("annotation %s has no location", n.ID)
		}
		sortSpans(m.Spans)
		a.mentions = append(a.mentions, annotation{m, n.ID})
	}
	return nil
}

// biocRelations are the relations between two annotations and those between two concepts. Others are left out with
// a warning: an example has two mentions.
func biocRelations(relations []biocRelation, o Options) (byName map[[2]string][]string, byConcept conceptRelations) {
	byName = map[[2]string][]string{}
	for _, r := range relations {
		label := cmp.Or(r.Infons.get("type", "relation", "relation type"), "relation")
		a, b := r.Infons.get("entity1", "chemical"), r.Infons.get("entity2", "disease")
		switch {
		case len(r.Nodes) == 2:
			k := [2]string{r.Nodes[0].Ref, r.Nodes[1].Ref}
			byName[k] = append(byName[k], label)
		case len(r.Nodes) == 0 && a != "" && b != "":
			byConcept = append(byConcept, conceptRelation{label, a, b})
		default:
			o.warn("relation %s joins %d annotations and names no two concepts; left out", r.ID, len(r.Nodes))
		}
	}
	return byName, byConcept
}
