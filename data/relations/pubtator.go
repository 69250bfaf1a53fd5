package relations

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// readPubTator reads PubTator's text form: id|t|title, id|a|abstract, mentions (id, start, end, text, type, concept)
// and relations between concepts (id, type, concept, concept). Offsets count characters of title, one separator,
// abstract.
func readPubTator(name string, o Options) iter.Seq2[Example, error] {
	return perFile(name, o, []string{".pubtator", ".txt"}, nil, func(src *source, file string) ([]Example, error) {
		var docs []*pubtatorDocument
		for l, err := range src.lines(file) {
			if err == nil && l.text != "" {
				docs, err = appendPubTator(docs, l)
			}
			if err != nil {
				return nil, err
			}
		}
		var out []Example
		for _, d := range docs {
			d.split, d.relate = src.split(file), d.relations.between
			examples, err := d.pairs(o)
			if err != nil {
				return nil, err
			}
			out = append(out, examples...)
		}
		return out, nil
	})
}

type pubtatorDocument struct {
	abstract
	relations conceptRelations
	off       offsets // of the text; the zero value before the first mention
}

// appendPubTator adds what l says to the last of docs, or starts another.
func appendPubTator(docs []*pubtatorDocument, l line) ([]*pubtatorDocument, error) {
	if id, rest, ok := strings.Cut(l.text, "|t|"); ok && !strings.Contains(id, "\t") {
		d := &pubtatorDocument{abstract: abstract{id: id, text: rest, sections: []Span{{0, len(rest)}}}}
		return append(docs, d), nil
	}
	f := strings.Split(l.text, "\t")
	id, rest, isAbstract := strings.Cut(l.text, "|a|")
	isAbstract = isAbstract && !strings.Contains(id, "\t")
	if !isAbstract {
		id = f[0]
	}
	if len(docs) == 0 || docs[len(docs)-1].id != id {
		return nil, l.errorf("document %q has no title line %s|t|... right before", id, id)
	}
	d := docs[len(docs)-1]
	switch {
	case isAbstract:
		start := len(d.text) + 1
		d.text += "\n" + rest
		d.sections = append(d.sections, Span{start, len(d.text)})
	case len(f) >= 5 && isNumber(f[1]) && isNumber(f[2]):
		return docs, d.addMention(l, f)
	case len(f) >= 4:
		d.relations = append(d.relations, conceptRelation{label: f[1], a: f[2], b: f[3]})
	default:
		return nil, l.errorf("%d columns, want a mention (id, start, end, text, type, concept) or a relation (id, type, concept, concept)", len(f))
	}
	return docs, nil
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

func (d *pubtatorDocument) addMention(l line, f []string) error {
	if d.off.text != d.text {
		d.off = newOffsets(d.text)
	}
	start, err1 := strconv.Atoi(f[1])
	end, err2 := strconv.Atoi(f[2])
	if err := firstError(err1, err2); err != nil {
		return l.errorf("%w", err)
	}
	s, err := d.off.span(start, end)
	if err != nil {
		return l.errorf("mention %q: %w", f[3], err)
	}
	m := Mention{Spans: []Span{s}, Type: strings.ToUpper(f[4]), Subtype: f[4], Surface: f[3]}
	if len(f) > 5 {
		m.ID = f[5]
	}
	d.mentions = append(d.mentions, annotation{m, fmt.Sprintf("T%d", len(d.mentions)+1)})
	return nil
}

// conceptRelations are relations between concepts of a document. One holds for every two mentions of its concepts,
// in either order.
type conceptRelations []conceptRelation

type conceptRelation struct{ label, a, b string }

// between are the labels of the relations between two mentions, whose ids may name several concepts each.
func (rs conceptRelations) between(a, b annotation) []string {
	var out []string
	for _, r := range rs {
		if (names(a.ID, r.a) && names(b.ID, r.b) || names(a.ID, r.b) && names(b.ID, r.a)) && !slices.Contains(out, r.label) {
			out = append(out, r.label)
		}
	}
	return out
}

// names says whether the id of a mention, "D1|D2" say, names concept.
func names(id, concept string) bool {
	for one := range strings.FieldsFuncSeq(id, func(r rune) bool { return strings.ContainsRune("|,;", r) }) {
		if one == concept {
			return true
		}
	}
	return id == concept && id != ""
}
