package pubtator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/subbert/subbert/data/text"
)

// Documents reads documents in PubTator's text form; name appears in errors. The last item is the first error, if any.
// Documents share no memory. The function reads up to 64 documents, or a mebibyte, ahead, to find out the unit of the
// file's positions.
func Documents(r io.Reader, name string, o Options) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		b := reader{lines: newLines(r, name, o)}
		for d, err := range text.Ahead(&b.units, b.drafts, (*draft).bytes) {
			if err == nil {
				err = b.place(d)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(d.Document, nil) {
				return
			}
		}
		b.note()
	}
}

// draft is a document whose mentions are not located yet.
type draft struct {
	*Document
	marks []mark // of its mentions
	lines int    // bytes of its annotations
	seen  int    // annotations, broken ones included
}

// mark is a mention's position in the file.
type mark struct {
	text.Marked
	line int
}

func (d *draft) bytes() int { return len(d.Title) + len(d.Abstract) + d.lines }

// reader assembles documents from lines. Documents begin with a |t| line; the blank lines between them are optional.
type reader struct {
	lines *lines
	units text.Units
	nuls  int
	d     *draft
	ahead *draft
}

// drafts yields the documents in order.
func (r *reader) drafts(yield func(*draft, error) bool) {
	for {
		d, err := r.next()
		if err == io.EOF {
			return
		}
		if err == nil {
			r.addEvidence(d)
		}
		if !yield(d, err) || err != nil {
			return
		}
	}
}

// addEvidence uses the marks of a document as evidence of the unit of the file's positions.
func (r *reader) addEvidence(d *draft) {
	o := text.NewOffsets(d.Text())
	for i := range d.marks {
		r.units.See(o, d.marks[i].Marked)
	}
}

// next returns the next document, or io.EOF.
func (r *reader) next() (*draft, error) {
	r.d, r.ahead = r.ahead, nil
	for {
		line, err := r.lines.next()
		if err == io.EOF && r.d != nil {
			return r.d, nil
		}
		if err != nil {
			return nil, err
		}
		if len(line) == 0 && r.d != nil {
			return r.d, nil
		}
		if len(line) == 0 {
			continue
		}
		if err := r.add(line); err != nil {
			return nil, err
		}
		if r.ahead != nil {
			return r.d, nil
		}
	}
}

// add adds a line to the document, or sets ahead if it begins the next one. It skips a broken line.
func (r *reader) add(line []byte) error {
	id, rest, isText := bytes.Cut(line, []byte("|"))
	if isText && len(rest) > 1 && rest[1] == '|' && !bytes.ContainsAny(id, "\t ") {
		if err := r.addText(string(id), rest[0], string(rest[2:])); err != nil {
			return r.lines.passOver(err)
		}
		return nil
	}
	fields := strings.Split(string(line), "\t")
	if len(fields) < 4 {
		return r.lines.passOver(fmt.Errorf("%.40q, want ID|t|title, ID|a|abstract or an annotation with tabs", line))
	}
	if r.d == nil {
		return r.lines.passOver(errors.New("annotation before the first title"))
	}
	if fields[0] != r.d.ID {
		return r.lines.passOver(fmt.Errorf("annotation of document %.20q within document %s", fields[0], r.d.ID))
	}
	if r.d.lines += len(line); r.d.lines > MaxDocument {
		return r.lines.passOver(fmt.Errorf("document %s has more than %d MiB of annotations", r.d.ID, MaxDocument>>20))
	}
	if isRelation(fields) {
		relation := Relation{Type: fields[1], A: fields[2], B: fields[3]}
		if len(fields) > 4 {
			relation.Novelty = fields[4]
		}
		r.d.Relations = append(r.d.Relations, relation)
		return nil
	}
	return r.addMention(fields)
}

// isRelation reports whether fields, at least four, are a relation: ID, type, two concepts and, in BioRED, the novelty.
// A mention has two positions in place of type and first concept.
func isRelation(fields []string) bool {
	return len(fields) == 4 && !(isNumber(fields[1]) && isNumber(fields[2])) || len(fields) == 5 && !isNumber(fields[1])
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

func (r *reader) addText(id string, kind byte, line string) error {
	switch {
	case id == "":
		return errors.New("title or abstract without an ID")
	case kind == 't' && r.d == nil:
		r.d = &draft{Document: &Document{ID: id, Title: line}}
	case kind == 't':
		r.ahead = &draft{Document: &Document{ID: id, Title: line}}
	case kind != 'a':
		return fmt.Errorf("%s|%c|, want |t| or |a|", id, kind)
	case r.d == nil || r.d.ID != id:
		return fmt.Errorf("abstract of %.20s without its title", id)
	case r.d.Abstract != "" || r.d.seen > 0:
		return fmt.Errorf("abstract of %.20s after its annotations or another abstract", id)
	default:
		r.d.Abstract = line
	}
	return nil
}

// addMention adds an annotation: ID, start, end, text, type, and perhaps concept and parts of a compound mention.
func (r *reader) addMention(fields []string) error {
	r.d.seen++
	m := Mention{Name: fmt.Sprintf("T%d", r.d.seen), Text: fields[3]}
	start, startErr := strconv.Atoi(fields[1])
	end, endErr := strconv.Atoi(fields[2])
	switch {
	case startErr != nil || endErr != nil:
		return r.annotationFault(r.lines.Number(), r.d.ID, m.Name, fmt.Errorf("offsets %.20q and %.20q, want numbers", fields[1], fields[2]))
	case len(fields) < 5:
		return r.annotationFault(r.lines.Number(), r.d.ID, m.Name, errors.New("no type"))
	}
	m.Type = fields[4]
	if len(fields) > 5 {
		m.ID = fields[5]
	}
	if len(fields) > 6 && fields[6] != "" {
		m.Within = strings.Split(fields[6], "|")
	}
	r.d.Mentions = append(r.d.Mentions, m)
	r.d.marks = append(r.d.marks, mark{text.Marked{Ranges: [][2]int{{start, end}}, Words: m.Text}, r.lines.Number()})
	return nil
}

func (r *reader) annotationFault(line int, document, name string, err error) error {
	return r.lines.fault(Fault{Line: line, Annotation: true, Err: fmt.Errorf("document %s: annotation %s: %w", document, name, err)})
}

// place locates the mentions of a document. It leaves out those that it cannot locate.
func (r *reader) place(d *draft) error {
	whole := d.Text()
	o := text.NewOffsets(whole)
	clean, move := text.WithoutNUL(whole)
	r.nuls += len(whole) - len(clean)
	kept := d.Mentions[:0]
	for i, m := range d.Mentions {
		spans, err := r.units.Locate(o, d.marks[i].Marked)
		if err == nil {
			if m.Span = move(spans[0]); m.Span.Len() == 0 {
				err = fmt.Errorf("%q consists of NUL characters", m.Text)
			}
		}
		if err != nil {
			if err := r.annotationFault(d.marks[i].line, d.ID, m.Name, err); err != nil {
				return err
			}
			continue
		}
		dropNUL(&m.Text, &m.Type, &m.ID)
		kept = append(kept, m)
	}
	d.Mentions = kept
	dropNUL(&d.ID, &d.Title, &d.Abstract)
	for i := range d.Relations {
		dropNUL(&d.Relations[i].Type, &d.Relations[i].A, &d.Relations[i].B)
	}
	return nil
}

func dropNUL(all ...*string) {
	for _, s := range all {
		*s, _ = text.WithoutNUL(*s)
	}
}

// note reports the changes to the file.
func (r *reader) note() {
	if r.lines.options.Note == nil {
		return
	}
	if unit, ok := r.units.Found(); ok {
		r.lines.options.Note(fmt.Sprintf("%s: positions count %s, not characters; they were converted", r.lines.name, unit))
	}
	if r.nuls > 0 {
		r.lines.options.Note(fmt.Sprintf("%s: NUL characters left out: %d", r.lines.name, r.nuls))
	}
}
