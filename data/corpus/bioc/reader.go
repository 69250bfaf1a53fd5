package bioc

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/corpus/xmlpull"
	"github.com/subbert/subbert/data/text"
)

// Options are the settings of a reader. The zero value is ready to use.
type Options struct {
	// Strict makes a broken document or annotation an error that ends the reading.
	Strict bool
	// Fault is called for each document and each annotation that is skipped.
	Fault func(Fault)
	// Note is called with a line for each change to a file as a whole.
	Note func(string)
	// MaxDocument is the maximum size of a document in bytes of XML. 0 stands for 32 MiB.
	MaxDocument int64
}

// Fault is something wrong with one document of a file.
type Fault struct {
	File       string
	Position   xmlpull.Position // where the document begins
	ID         string           // empty if the fault comes before it
	Annotation bool             // only an annotation of the document is skipped
	Err        error
}

func (f Fault) Error() string {
	id := ""
	if f.ID != "" {
		id = fmt.Sprintf(" %.40s", f.ID)
	}
	if f.Position.Line == 0 { // JSON
		return fmt.Sprintf("%s: document%s at byte %d: %v", f.File, id, f.Position.Offset, f.Err)
	}
	return fmt.Sprintf("%s: document%s at line %d (byte %d): %v", f.File, id, f.Position.Line, f.Position.Offset, f.Err)
}

func (f Fault) Unwrap() error { return f.Err }

// Open reads the documents of a file, which may be compressed. The last item is the first error, if there was one.
func Open(path string, o Options) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		f, err := stream.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		for d, err := range NewReader(f, path, o).Documents() {
			if !yield(d, err) {
				break
			}
		}
		if err := f.Close(); err != nil {
			yield(nil, err)
		}
	}
}

// Reader reads the documents of a collection.
type Reader struct {
	name       string
	options    Options
	x          *xmlpull.Reader
	json       *jsonSource // instead of x for JSON, else nil
	collection Collection
	id         string // of the document being read
	err        error  // the fault of a document that is well-formed XML
	buf        []byte
	units      text.Units
}

// NewReader returns a reader of the collection in r, in XML or JSON, which the first character determines; name appears
// in errors.
func NewReader(r io.Reader, name string, o Options) *Reader {
	in := &Reader{name: name, options: o, collection: Collection{Infons: Infons{}}}
	from := bufio.NewReaderSize(r, 1<<16)
	if head, _ := from.Peek(1 << 10); isJSON(head) { // later reads return the error again
		if bytes.HasPrefix(head, []byte("\ufeff")) {
			from.Discard(3)
		}
		in.json = newJSONSource(from, o.MaxDocument)
	} else {
		in.x = xmlpull.New(from, xmlpull.Config{Records: []string{"document"}, MaxRecord: o.MaxDocument})
	}
	return in
}

// Collection is the collection's own data, as far as it has been read. It precedes the documents.
func (r *Reader) Collection() Collection { return r.collection }

// Documents reads the documents in order; it may be called once. The last item is the first error, if any. It reads up
// to 64 documents, or a mebibyte, ahead, to find out the unit of the file's positions.
func (r *Reader) Documents() iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for d, err := range text.Ahead(&r.units, r.drafts, (*draft).bytes) {
			if err == nil {
				err = r.place(d)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(d.Document, nil) {
				return
			}
		}
		if unit, ok := r.units.Found(); ok && r.options.Note != nil {
			r.options.Note(fmt.Sprintf("%s: positions count %s, not characters; they were converted", r.name, unit))
		}
	}
}

// drafts yields the documents in order.
func (r *Reader) drafts(yield func(*draft, error) bool) {
	if r.json != nil {
		r.jsonDrafts(yield)
		return
	}
	if err := r.root(); err != nil {
		yield(nil, fmt.Errorf("%s: %w", r.name, err))
		return
	}
	for {
		if !r.x.Record() && r.x.Err() == nil {
			return
		}
		d, err := r.record()
		if err != nil {
			err = r.passOver(err)
		}
		if (d != nil || err != nil) && (!yield(d, err) || err != nil) {
			return
		}
	}
}

func (r *Reader) root() error {
	root := r.x.Root()
	if err := r.x.Err(); err != nil {
		return err
	}
	if root != "collection" {
		return fmt.Errorf("the root element is <%.40s>, want <collection>; this is not a BioC file", root)
	}
	return nil
}

// record reads a child of the collection; the result is nil if it is not a document.
func (r *Reader) record() (*draft, error) {
	if err := r.x.Err(); err != nil {
		return nil, err
	}
	r.id, r.err = "", nil
	var d *draft
	switch string(r.x.Name()) {
	case "document":
		d = r.document()
	case "source":
		r.collection.Source = r.text()
	case "date":
		r.collection.Date = r.text()
	case "key":
		r.collection.Key = r.text()
	case "infon":
		r.infon(&r.collection.Infons)
	default:
		r.x.Skip()
	}
	if err := r.x.Err(); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.err
	}
	if d != nil {
		r.addEvidence(d)
	}
	return d, nil
}

// passOver reports the broken document and goes to the next one. It returns err if reading cannot go on.
func (r *Reader) passOver(err error) error {
	if !r.options.Strict && r.x.Err() != nil && !r.x.Resume() {
		return fmt.Errorf("%s: %w", r.name, r.x.Err())
	}
	return r.fault(Fault{Position: r.x.RecordPosition(), ID: r.id, Err: err})
}

// fault reports a fault, or returns it if reading is strict.
func (r *Reader) fault(f Fault) error {
	f.File = r.name
	if r.options.Strict {
		return f
	}
	if r.options.Fault != nil {
		r.options.Fault(f)
	}
	return nil
}

func (r *Reader) document() *draft {
	d := &draft{Document: &Document{}, at: r.x.RecordPosition()}
	for r.x.Child() {
		switch string(r.x.Name()) {
		case "id":
			d.ID = strings.TrimSpace(r.text())
			r.id = d.ID
		case "infon":
			r.infon(&d.Infons)
		case "passage":
			r.passage(d)
		case "relation":
			d.Relations = append(d.Relations, r.relation())
		default:
			r.x.Skip()
		}
	}
	return d
}

// passage reads a passage, its annotations and sentences.
func (r *Reader) passage(d *draft) {
	p := Passage{}
	own := stretch{passage: len(d.Passages)}
	var sentences []stretch
	for r.x.Child() {
		switch string(r.x.Name()) {
		case "infon":
			r.infon(&p.Infons)
		case "offset":
			p.Offset = r.number("offset", r.text())
		case "sentence":
			sentences = append(sentences, r.sentence(d))
		default:
			r.annotated(d, &own)
		}
	}
	own.offset = p.Offset
	p.Text = own.text
	d.Passages = append(d.Passages, p)
	d.stretches = append(d.stretches, joined(&d.Passages[own.passage], own, sentences)...)
}

func (r *Reader) sentence(d *draft) stretch {
	s := stretch{passage: len(d.Passages)}
	for r.x.Child() {
		if string(r.x.Name()) == "offset" {
			s.offset = r.number("offset", r.text())
		} else {
			r.annotated(d, &s)
		}
	}
	return s
}

// annotated reads a text, an annotation or a relation.
func (r *Reader) annotated(d *draft, s *stretch) {
	switch string(r.x.Name()) {
	case "text":
		s.text = r.text()
	case "annotation":
		s.marks = append(s.marks, r.annotation())
	case "relation":
		d.Relations = append(d.Relations, r.relation())
	default:
		r.x.Skip()
	}
}

func (r *Reader) annotation() mark {
	m := mark{Annotation: Annotation{ID: r.attr("id")}}
	for r.x.Child() {
		switch string(r.x.Name()) {
		case "infon":
			r.infon(&m.Infons)
		case "location":
			offset, length := r.attr("offset"), r.attr("length")
			start, err1 := parseNumber(offset)
			n, err2 := parseNumber(length)
			if (err1 != nil || err2 != nil) && m.err == nil {
				m.err = fmt.Errorf("location with offset %.20q and length %.20q, want numbers", offset, length)
			}
			m.ranges = append(m.ranges, [2]int{start, start + n})
			r.x.Skip()
		case "text":
			m.Text = r.text()
		default:
			r.x.Skip()
		}
	}
	return m
}

func (r *Reader) relation() Relation {
	l := Relation{ID: r.attr("id")}
	for r.x.Child() {
		switch string(r.x.Name()) {
		case "infon":
			r.infon(&l.Infons)
		case "node":
			l.Nodes = append(l.Nodes, Node{RefID: r.attr("refid"), Role: r.attr("role")})
			r.x.Skip()
		default:
			r.x.Skip()
		}
	}
	return l
}

func (r *Reader) infon(to *Infons) {
	key := r.attr("key")
	if *to == nil {
		*to = Infons{}
	}
	(*to)[key] = r.text()
}

func (r *Reader) text() string {
	r.buf = r.x.AppendText(r.buf[:0])
	return string(r.buf)
}

func (r *Reader) attr(name string) string {
	r.buf = r.x.Attr(r.buf[:0], name)
	return string(r.buf)
}

// number parses the offset of a text. A bad offset makes the document broken.
func (r *Reader) number(what, s string) int {
	n, err := parseNumber(s)
	if err != nil && r.err == nil && r.x.Err() == nil {
		r.err = fmt.Errorf("%s %.20q, want a number below 2^31", what, s)
	}
	return n
}

func parseNumber(s string) (int, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	return int(n), err
}
