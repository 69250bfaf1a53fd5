package bioc

import (
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/corpus/xmlpull"
)

// Options say how to read. The zero value is good.
type Options struct {
	// Strict makes a broken document an error that ends the reading.
	Strict bool
	// Fault is told of each document passed over.
	Fault func(Fault)
	// MaxDocument is the most bytes of XML a document may have. 0 stands for 32 MiB.
	MaxDocument int64
}

// Fault is something wrong with one document of a file.
type Fault struct {
	File     string
	Position xmlpull.Position // where the document begins
	ID       string           // empty if it broke before it
	Err      error
}

func (f Fault) Error() string {
	id := ""
	if f.ID != "" {
		id = fmt.Sprintf("%.40s: ", f.ID)
	}
	return fmt.Sprintf("%s: document at line %d (byte %d): %s%v", f.File, f.Position.Line, f.Position.Offset, id, f.Err)
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
	collection Collection
	id         string // of the document being read
	err        error  // what is wrong with a document that is well-formed XML
	buf        []byte
}

// NewReader returns a reader of the collection that r holds; errors call it name.
func NewReader(r io.Reader, name string, o Options) *Reader {
	x := xmlpull.New(r, xmlpull.Config{Records: []string{"document"}, MaxRecord: o.MaxDocument})
	return &Reader{name: name, options: o, x: x, collection: Collection{Infons: Infons{}}}
}

// Collection is what has been read of the collection's own data, which comes before the documents.
func (r *Reader) Collection() Collection { return r.collection }

// Documents reads the documents in order; it may be called once. The last item is the first error, if any.
func (r *Reader) Documents() iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
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
}

func (r *Reader) root() error {
	root := r.x.Root()
	if err := r.x.Err(); err != nil {
		return err
	}
	if root != "collection" {
		return fmt.Errorf("the root element is <%.40s>, want <collection>; this is no BioC file", root)
	}
	return nil
}

// record reads a child of the collection; nil if it is no document.
func (r *Reader) record() (*Document, error) {
	if err := r.x.Err(); err != nil {
		return nil, err
	}
	r.id, r.err = "", nil
	var d *Document
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
	return d, nil
}

func (r *Reader) passOver(err error) error {
	f := Fault{File: r.name, Position: r.x.RecordPosition(), ID: r.id, Err: err}
	if r.options.Strict {
		return f
	}
	if r.x.Err() != nil && !r.x.Resume() {
		return fmt.Errorf("%s: %w", r.name, r.x.Err())
	}
	if r.options.Fault != nil {
		r.options.Fault(f)
	}
	return nil
}

func (r *Reader) document() *Document {
	d := &Document{}
	for r.x.Child() {
		switch string(r.x.Name()) {
		case "id":
			d.ID = strings.TrimSpace(r.text())
			r.id = d.ID
		case "infon":
			r.infon(&d.Infons)
		case "passage":
			d.Passages = append(d.Passages, r.passage())
		case "relation":
			d.Relations = append(d.Relations, r.relation())
		default:
			r.x.Skip()
		}
	}
	return d
}

func (r *Reader) passage() Passage {
	var p Passage
	for r.x.Child() {
		switch string(r.x.Name()) {
		case "infon":
			r.infon(&p.Infons)
		case "offset":
			p.Offset = r.number("offset", r.text())
		case "text":
			p.Text = r.text()
		case "sentence":
			p.Sentences = append(p.Sentences, r.sentence())
		default:
			r.annotated(&p.Annotations)
		}
	}
	return p
}

func (r *Reader) sentence() Sentence {
	var s Sentence
	for r.x.Child() {
		switch string(r.x.Name()) {
		case "infon":
			r.infon(&s.Infons)
		case "offset":
			s.Offset = r.number("offset", r.text())
		case "text":
			s.Text = r.text()
		default:
			r.annotated(&s.Annotations)
		}
	}
	return s
}

// annotated reads an annotation or a relation.
func (r *Reader) annotated(a *Annotations) {
	switch string(r.x.Name()) {
	case "annotation":
		a.Annotations = append(a.Annotations, r.annotation())
	case "relation":
		a.Relations = append(a.Relations, r.relation())
	default:
		r.x.Skip()
	}
}

func (r *Reader) annotation() Annotation {
	a := Annotation{ID: r.attr("id")}
	for r.x.Child() {
		switch string(r.x.Name()) {
		case "infon":
			r.infon(&a.Infons)
		case "location":
			a.Locations = append(a.Locations, Location{Offset: r.number("offset", r.attr("offset")), Length: r.number("length", r.attr("length"))})
			r.x.Skip()
		case "text":
			a.Text = r.text()
		default:
			r.x.Skip()
		}
	}
	return a
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

// number parses an offset or length. A bad one spoils the document.
func (r *Reader) number(what, s string) int {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	if err != nil && r.err == nil && r.x.Err() == nil {
		r.err = fmt.Errorf("%s %.20q, want a number", what, s)
	}
	return int(n)
}
