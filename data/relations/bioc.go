package relations

import (
	"cmp"
	"fmt"
	"iter"

	"github.com/subbert/subbert/data/corpus/bioc"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

// readBioC reads BioC, in XML or JSON. A relation names annotations by its nodes, or concepts by the infons entity1 and
// entity2 (BioRED) or Chemical and Disease (BC5CDR).
func readBioC(name string, o Options) iter.Seq2[Example, error] {
	return perFile(name, forms.BioC, o, []string{".xml", ".bioc", ".json"}, nil, func(src *source, file string) ([]Example, error) {
		f, err := src.open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close() // only read from
		faults := faults{options: o, file: src.where(file)}
		options := bioc.Options{Fault: func(f bioc.Fault) { faults.add(f.Annotation, f) }, Note: func(line string) { o.warn("%s", line) }}
		var out []Example
		for d, err := range bioc.NewReader(f, src.where(file), options).Documents() {
			if err = faults.or(err); err != nil {
				return nil, err
			}
			a := ofBioC(d, o)
			a.split = src.split(file)
			examples, err := a.pairs(o)
			if err != nil {
				return nil, err
			}
			out = append(out, examples...)
		}
		return out, faults.end()
	})
}

// ofBioC converts a document to an abstract. Each passage is a section or, if the file has sentences, each sentence.
func ofBioC(d *bioc.Document, o Options) *abstract {
	a := &abstract{id: d.ID}
	names := map[string]int{}
	for i := range d.Passages {
		p := &d.Passages[i]
		if p.Text == "" {
			continue
		}
		if a.text != "" {
			a.text += "\n"
		}
		start := len(a.text)
		a.text += p.Text
		sentences := p.Sentences
		if len(sentences) == 0 {
			sentences = []text.Span{{End: len(p.Text)}}
		}
		for j, s := range sentences {
			a.sections = append(a.sections, s.Shift(start))
			a.passages = append(a.passages, passage{s.Shift(start), p.Section(), p.OffsetOf(j)})
		}
		for _, n := range p.Annotations {
			m := biocMention(&n, start)
			a.mentions = append(a.mentions, annotation{m, uniqueName(n.ID, names), m.ID})
		}
	}
	if repeated := len(a.mentions) - len(names); repeated > 0 {
		o.warn("document %s: %d annotations have the id of another annotation; a number is appended to their names", d.ID, repeated)
	}
	byName, byConcept := biocRelations(d, o)
	a.stated = byConcept.facts(d.ID)
	a.relate = func(x, y annotation) []string {
		out := byName[[2]string{x.name, y.name}]
		for _, more := range [][]string{byName[[2]string{y.name, x.name}], byConcept.between(x, y)} {
			out = append(out[:len(out):len(out)], more...)
		}
		return out
	}
	return a
}

// uniqueName returns a unique name for an annotation: its id, with a number appended if an earlier annotation has it, or
// a new name if it has no id.
func uniqueName(id string, names map[string]int) string {
	if id == "" {
		id = fmt.Sprintf("T%d", len(names)+1)
	}
	if names[id]++; names[id] > 1 {
		return fmt.Sprintf("%s_%d", id, names[id])
	}
	return id
}

// biocMention converts an annotation of a passage that begins at start.
func biocMention(n *bioc.Annotation, start int) Mention {
	m := Mention{Type: tagName(n.Type()), Subtype: n.Type(), ID: n.Infons.Get("identifier", "MESH", "NCBI Gene"), Surface: n.Text}
	for _, s := range n.Spans {
		m.Spans = append(m.Spans, s.Shift(start))
	}
	sortSpans(m.Spans)
	return m
}

// biocRelations returns the relations between two annotations and those between two concepts. It skips other relations
// with a warning: an example has two mentions.
func biocRelations(d *bioc.Document, o Options) (byName map[[2]string][]string, byConcept conceptRelations) {
	byName = map[[2]string][]string{}
	for _, r := range d.Relations {
		label := cmp.Or(r.Infons.Get("type", "relation", "relation type"), "relation")
		a, b := r.Infons.Get("entity1", "chemical"), r.Infons.Get("entity2", "disease")
		switch {
		case len(r.Nodes) == 2:
			k := [2]string{r.Nodes[0].RefID, r.Nodes[1].RefID}
			byName[k] = append(byName[k], label)
		case len(r.Nodes) == 0 && a != "" && b != "":
			byConcept.add(label, a, b)
		default:
			o.warn("document %s: relation %s has %d annotations and does not name two concepts; left out", d.ID, r.ID, len(r.Nodes))
		}
	}
	return byName, byConcept
}
