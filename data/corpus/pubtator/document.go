package pubtator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/offsets"
	"github.com/subbert/subbert/data/corpus/stream"
)

// Document is an annotated title and abstract.
type Document struct {
	ID        string // a PMID, in files of PubTator's
	Title     string
	Abstract  string
	Mentions  []Mention // in the order of the file
	Relations []Relation
}

// Mention is a name in the text and what it names.
type Mention struct {
	Span   offsets.Span // bytes of Document.Text
	Text   string
	Type   string   // as the file writes it: Gene, Chemical, Disease ...
	ID     string   // of the concept; empty or "-1" if unknown
	Within []string // the names a compound mention is made of, if the file says so
}

// Relation is a relation between two concepts.
type Relation struct{ Type, A, B string }

// Text is what the offsets refer to: title and abstract with a space between.
func (d *Document) Text() string { return d.Title + " " + d.Abstract }

// Has tells whether there is a mention of a type, compared as TypeKey does.
func (d *Document) Has(typ string) bool {
	for _, m := range d.Mentions {
		if TypeKey(m.Type) == TypeKey(typ) {
			return true
		}
	}
	return false
}

// Document returns title and abstract as the other readers of corpora do.
func (d *Document) Document() corpus.Document {
	c := corpus.Document{ID: d.ID, Title: strings.TrimSpace(d.Title)}
	if text := strings.TrimSpace(d.Abstract); text != "" {
		c.Sections = []corpus.Section{{Part: corpus.Abstract, Text: text}}
	}
	return c
}

// TypeKey is a type in the one spelling by which types are compared: lower case, letters and digits alone, "protein"
// being "gene" and "drug" "chemical".
func TypeKey(typ string) string {
	key := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(typ))
	switch key {
	case "protein":
		return "gene"
	case "drug":
		return "chemical"
	}
	return key
}

// Open reads the documents of a file in PubTator's text form. The last item is the first error, if there was one.
func Open(path string, o Options) iter.Seq2[*Document, error] {
	return opened(path, func(r io.Reader) iter.Seq2[*Document, error] { return Documents(r, path, o) })
}

// opened reads a file, which may be compressed.
func opened[T any](path string, read func(io.Reader) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		f, err := stream.Open(path)
		if err != nil {
			yield(none, err)
			return
		}
		for item, err := range read(f) {
			if !yield(item, err) {
				break
			}
		}
		if err := f.Close(); err != nil {
			yield(none, err)
		}
	}
}

// Documents reads documents in PubTator's text form; errors call the input name. The last item is the first error, if
// any. Documents share no memory.
func Documents(r io.Reader, name string, o Options) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		b := builder{lines: newLines(r, name, o)}
		for {
			d, err := b.next()
			if err == io.EOF {
				return
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// builder puts documents together from lines. Documents begin with a |t| line and are set apart by blank lines, which
// are not relied on.
type builder struct {
	lines *lines
	d     *Document
	text  string // of d, once its first annotation is read
	size  int    // bytes of the lines of d
	ahead *Document
}

// next returns the next document, or io.EOF.
func (b *builder) next() (*Document, error) {
	b.d, b.ahead = b.ahead, nil
	b.text, b.size = "", 0
	for {
		line, err := b.lines.next()
		if err == io.EOF && b.d != nil {
			return b.d, nil
		}
		if err != nil {
			return nil, err
		}
		if len(line) == 0 && b.d != nil {
			return b.d, nil
		}
		if len(line) == 0 {
			continue
		}
		if err := b.add(line); err != nil {
			if err := b.lines.passOver(err); err != nil {
				return nil, err
			}
		}
		if b.ahead != nil {
			return b.d, nil
		}
	}
}

// add adds a line to the document, or sets ahead if it begins the next one.
func (b *builder) add(line []byte) error {
	id, rest, isText := bytes.Cut(line, []byte("|"))
	if isText && len(rest) > 1 && rest[1] == '|' && !bytes.ContainsAny(id, "\t ") {
		return b.addText(string(id), rest[0], string(rest[2:]))
	}
	fields := strings.Split(string(line), "\t")
	if len(fields) < 4 {
		return fmt.Errorf("%.40q, want ID|t|title, ID|a|abstract or an annotation with tabs", line)
	}
	if b.d == nil {
		return errors.New("an annotation before any title")
	}
	if fields[0] != b.d.ID {
		return fmt.Errorf("an annotation of %.20q within document %s", fields[0], b.d.ID)
	}
	if b.size += len(line); b.size > MaxDocument {
		return fmt.Errorf("document %s has more than %d MiB of annotations", b.d.ID, MaxDocument>>20)
	}
	if len(fields) == 4 {
		b.d.Relations = append(b.d.Relations, Relation{Type: fields[1], A: fields[2], B: fields[3]})
		return nil
	}
	return b.addMention(fields)
}

func (b *builder) addText(id string, kind byte, text string) error {
	switch {
	case id == "":
		return errors.New("a title or abstract without an ID")
	case kind == 't' && b.d == nil:
		b.d = &Document{ID: id, Title: text}
	case kind == 't':
		b.ahead = &Document{ID: id, Title: text}
	case kind != 'a':
		return fmt.Errorf("%s|%c|, want |t| or |a|", id, kind)
	case b.d == nil || b.d.ID != id:
		return fmt.Errorf("the abstract of %.20s without its title", id)
	case b.d.Abstract != "" || len(b.d.Mentions) > 0:
		return fmt.Errorf("a second or late abstract of %.20s", id)
	default:
		b.d.Abstract = text
	}
	return nil
}

// addMention adds an annotation: ID, start, end, text, type, and perhaps concept and parts of a compound mention.
func (b *builder) addMention(fields []string) error {
	start, startErr := strconv.Atoi(fields[1])
	end, endErr := strconv.Atoi(fields[2])
	if startErr != nil || endErr != nil {
		return fmt.Errorf("offsets %.20q and %.20q, want numbers", fields[1], fields[2])
	}
	if b.text == "" {
		b.text = b.d.Text()
	}
	span, err := offsets.Locate(b.text, start, end, fields[3])
	if err != nil {
		return err
	}
	m := Mention{Span: span, Text: fields[3], Type: fields[4]}
	if len(fields) > 5 {
		m.ID = fields[5]
	}
	if len(fields) > 6 && fields[6] != "" {
		m.Within = strings.Split(fields[6], "|")
	}
	b.d.Mentions = append(b.d.Mentions, m)
	return nil
}
