package relations

import (
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

// readPubTator reads PubTator's text form: id|t|title, id|a|abstract, mentions (id, start, end, text, type, concept)
// and relations between concepts (id, type, concept, concept, and in BioRED the novelty).
func readPubTator(name string, o Options) iter.Seq2[Example, error] {
	return perFile(name, forms.PubTator, o, []string{".pubtator", ".txt"}, nil, func(src *source, file string) ([]Example, error) {
		f, err := src.open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close() // only read from
		faults := faults{options: o, file: src.where(file)}
		options := pubtator.Options{Fault: func(f pubtator.Fault) { faults.add(f.Annotation, f) }, Note: func(line string) { o.warn("%s", line) }}
		var out []Example
		for d, err := range pubtator.Documents(f, src.where(file), options) {
			if err = faults.or(err); err != nil {
				return nil, err
			}
			examples, err := ofPubTator(d, src.split(file)).pairs(o)
			if err != nil {
				return nil, err
			}
			out = append(out, examples...)
		}
		return out, faults.end()
	})
}

func ofPubTator(d *pubtator.Document, split string) *abstract {
	whole := d.Text()
	a := &abstract{id: d.ID, split: split, text: whole, sections: []text.Span{{End: len(d.Title)}, {Start: len(d.Title) + 1, End: len(whole)}}}
	title, abstract := a.sections[0], a.sections[1]
	a.passages = []passage{{title, "title", 0}, {abstract, "abstract", utf8.RuneCountInString(d.Title) + 1}}
	for _, m := range d.Mentions {
		mention := Mention{Spans: []text.Span{m.Span}, Type: tagName(m.Type), Subtype: m.Type, ID: m.ID, Surface: m.Text}
		a.mentions = append(a.mentions, annotation{mention, m.Name, m.ID})
	}
	var relations conceptRelations
	for _, r := range d.Relations {
		relations.add(r.Type, r.A, r.B)
	}
	a.relate, a.stated = relations.between, relations.facts(d.ID)
	return a
}

// conceptRelations holds the relations between concepts of a document. A relation applies to every pair of mentions of
// its two concepts, in either order.
type conceptRelations struct {
	labels []string            // one for each relation
	of     map[[2]string][]int // the relations between two concepts; the concepts are in ascending order
}

func (rs *conceptRelations) add(label, a, b string) {
	if rs.of == nil {
		rs.of = map[[2]string][]int{}
	}
	a, b = pubtator.Plain(a), pubtator.Plain(b)
	k := [2]string{min(a, b), max(a, b)}
	rs.of[k] = append(rs.of[k], len(rs.labels))
	rs.labels = append(rs.labels, label)
}

// facts returns the relations of an article, in no particular order.
func (rs *conceptRelations) facts(article string) (out []Fact) {
	for between, relations := range rs.of {
		for _, i := range relations {
			out = append(out, Fact{article, between[0], between[1], rs.labels[i]})
		}
	}
	return out
}

// between returns the labels of the relations between two mentions. The id of a mention may name several concepts.
func (rs *conceptRelations) between(a, b annotation) []string {
	if len(rs.labels) == 0 {
		return nil
	}
	var found []int
	for _, x := range conceptsOf(a.ID) {
		for _, y := range conceptsOf(b.ID) {
			found = append(found, rs.of[[2]string{min(x, y), max(x, y)}]...)
		}
	}
	slices.Sort(found)
	var out []string
	for _, i := range found {
		if !slices.Contains(out, rs.labels[i]) {
			out = append(out, rs.labels[i])
		}
	}
	return out
}

// conceptsOf returns the concepts that the id of a mention names (two in "D1|D2") and the id itself, without unknown
// concepts, in the form of pubtator.Plain.
func conceptsOf(id string) []string {
	out := pubtator.Known(id)
	for i := range out {
		out[i] = pubtator.Plain(out[i])
	}
	if id = pubtator.Plain(id); pubtator.IsKnown(id) && !slices.Contains(out, id) {
		out = append(out, id)
	}
	return out
}
