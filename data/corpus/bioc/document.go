package bioc

import (
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/text"
)

// Infons are key-value pairs that describe an element, such as its "type".
type Infons map[string]string

// Get is the value of the first of keys that is present; case does not matter.
func (in Infons) Get(keys ...string) string {
	for _, want := range keys {
		if v, ok := in[want]; ok {
			return strings.TrimSpace(v)
		}
		for key, v := range in {
			if strings.EqualFold(key, want) {
				return strings.TrimSpace(v)
			}
		}
	}
	return ""
}

// Collection is a file's description of all its documents.
type Collection struct {
	Source, Date, Key string
	Infons            Infons
}

// Document is a text in passages.
type Document struct {
	ID        string
	Infons    Infons
	Passages  []Passage
	Relations []Relation // including those of its passages and sentences
}

// Passage is a stretch of a document, such as its title.
type Passage struct {
	Infons      Infons
	Offset      int         // of the text within the document, in the units of the file
	Text        string      // its own text, or its sentences joined by spaces
	Sentences   []text.Span // of Text, if the text consists of sentences
	Offsets     []int       // of the Sentences within the document
	Annotations []Annotation
}

// Annotation marks words of a passage.
type Annotation struct {
	ID     string
	Infons Infons
	Text   string      // the words as in the file; their spelling may differ from the passage
	Spans  []text.Span // of the passage's Text, in the order of the file, none empty
}

// Type is the type of the named entity: Gene, ChemicalEntity and so on.
func (a *Annotation) Type() string { return a.Infons.Get("type") }

// Relation relates annotations and other relations of the document.
type Relation struct {
	ID     string
	Infons Infons
	Nodes  []Node
}

// Node is a part of a relation.
type Node struct{ RefID, Role string }

// OffsetOf is the offset of sentence i within the document, or of the passage if it has no sentences.
func (p *Passage) OffsetOf(i int) int {
	if i < len(p.Offsets) {
		return p.Offsets[i]
	}
	return p.Offset
}

// Section is the name of a passage's section, in lower case: in PubTator "title" and "abstract", in PubMed Central
// "front", "abstract_title_1"; empty if the file has none.
func (p *Passage) Section() string {
	for _, key := range []string{"section_type", "section", "type"} {
		if v := p.Infons[key]; v != "" {
			return strings.ToLower(v)
		}
	}
	return ""
}

// Has reports whether there is an annotation of a type. Types are compared by pubtator.TypeKey.
func (d *Document) Has(typ string) bool {
	key := pubtator.TypeKey(typ)
	for i := range d.Passages {
		if slices.ContainsFunc(d.Passages[i].Annotations, func(a Annotation) bool { return pubtator.TypeKey(a.Type()) == key }) {
			return true
		}
	}
	return false
}

// Document returns the passages as a corpus.Document. The first passage called a title, or "front", is the title;
// references and empty passages are left out.
func (d *Document) Document() corpus.Document {
	c := corpus.Document{ID: d.ID}
	for i := range d.Passages {
		p := &d.Passages[i]
		content, kind := strings.TrimSpace(p.Text), p.Section()
		typ := strings.ToLower(p.Infons["type"])
		switch {
		case content == "" || kind == "ref" || typ == "ref":
		case c.Title == "" && (kind == "title" || typ == "title" || typ == "front"):
			c.Title = content
		default:
			c.Sections = append(c.Sections, corpus.Section{Part: part(kind, typ), Text: content})
		}
	}
	return c
}

func part(kind, typ string) corpus.Part {
	switch {
	case strings.HasPrefix(kind, "abstract") || strings.HasPrefix(typ, "abstract"):
		return corpus.Abstract
	case kind == "":
		return corpus.Text
	}
	return corpus.Body
}
