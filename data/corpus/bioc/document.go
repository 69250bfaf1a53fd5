package bioc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/offsets"
	"github.com/subbert/subbert/data/corpus/pubtator"
)

// Infons are the remarks on something: what "type" it is of, and so on.
type Infons map[string]string

// Collection is what a file says of all its documents.
type Collection struct {
	Source, Date, Key string
	Infons            Infons
}

// Document is a text in passages.
type Document struct {
	ID        string
	Infons    Infons
	Passages  []Passage
	Relations []Relation
}

// Passage is a stretch of a document, such as its title. Either it has a text and annotations, or sentences that have.
type Passage struct {
	Infons Infons
	Offset int // of the text within the document
	Text   string
	Annotations
	Sentences []Sentence
}

// Sentence is a sentence of a passage.
type Sentence struct {
	Infons Infons
	Offset int // of the text within the document
	Text   string
	Annotations
}

// Annotations are what a text is annotated with.
type Annotations struct {
	Annotations []Annotation
	Relations   []Relation
}

// Annotation marks words of a text.
type Annotation struct {
	ID        string
	Infons    Infons
	Locations []Location
	Text      string // the words; of several locations usually with a space between
}

// Location is where words stand: within the document, in the units of the file.
type Location struct{ Offset, Length int }

// Relation relates annotations and other relations of the document.
type Relation struct {
	ID     string
	Infons Infons
	Nodes  []Node
}

// Node is a part of a relation.
type Node struct{ RefID, Role string }

// Spans returns the locations as bytes of a text, that of the passage or sentence whose offset is given. It fails if
// the annotation's words are not there.
func (a *Annotation) Spans(text string, offset int) ([]offsets.Span, error) {
	if len(a.Locations) == 1 {
		l := a.Locations[0]
		s, err := offsets.Locate(text, l.Offset-offset, l.Offset-offset+l.Length, a.Text)
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %w", a.ID, err)
		}
		return []offsets.Span{s}, nil
	}
	var spans []offsets.Span
	for _, l := range a.Locations {
		s, err := offsets.Points(text, l.Offset-offset, l.Offset-offset+l.Length)
		if err == nil && !strings.Contains(a.Text, strings.TrimSpace(text[s.Start:s.End])) {
			err = fmt.Errorf("%.40q is no part of %.40q", text[s.Start:s.End], a.Text)
		}
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %w", a.ID, err)
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// Texts returns the text of the passage: its own, or its sentences' with a space between.
func (p *Passage) Texts() string {
	if p.Text != "" || len(p.Sentences) == 0 {
		return p.Text
	}
	var parts []string
	for _, s := range p.Sentences {
		parts = append(parts, strings.TrimSpace(s.Text))
	}
	return strings.Join(parts, " ")
}

// kind is what a passage is called: by PubTator "title" and "abstract", by PubMed Central "front", "abstract_title_1".
func (p *Passage) kind() string {
	for _, key := range []string{"section_type", "section", "type"} {
		if v := p.Infons[key]; v != "" {
			return strings.ToLower(v)
		}
	}
	return ""
}

// Has tells whether there is an annotation of a type, compared as pubtator.TypeKey does.
func (d *Document) Has(typ string) bool {
	key := pubtator.TypeKey(typ)
	has := func(all []Annotation) bool {
		return slices.ContainsFunc(all, func(a Annotation) bool { return pubtator.TypeKey(a.Infons["type"]) == key })
	}
	for i := range d.Passages {
		p := &d.Passages[i]
		inSentence := func(s Sentence) bool { return has(s.Annotations.Annotations) }
		if has(p.Annotations.Annotations) || slices.ContainsFunc(p.Sentences, inSentence) {
			return true
		}
	}
	return false
}

// Document returns the passages as the other readers of corpora do. The first passage called a title, or "front", is
// the title, references and empty passages are left out.
func (d *Document) Document() corpus.Document {
	c := corpus.Document{ID: d.ID}
	for i := range d.Passages {
		p := &d.Passages[i]
		text, kind := strings.TrimSpace(p.Texts()), p.kind()
		typ := strings.ToLower(p.Infons["type"])
		switch {
		case text == "" || kind == "ref" || typ == "ref":
		case c.Title == "" && (kind == "title" || typ == "title" || typ == "front"):
			c.Title = text
		default:
			c.Sections = append(c.Sections, corpus.Section{Part: part(kind, typ), Text: text})
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
