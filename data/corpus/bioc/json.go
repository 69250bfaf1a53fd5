package bioc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/subbert/subbert/data/corpus/xmlpull"
)

// jsonSource reads BioC in JSON: collections with an array "documents" (PubTator 3 calls it "PubTator3"), sequences of
// documents, on one line each or not, and arrays of either.
type jsonSource struct {
	bounded *bounded
	*json.Decoder
}

func newJSONSource(r io.Reader, most int64) *jsonSource {
	if most == 0 {
		most = 32 << 20
	}
	b := &bounded{r: r, most: most, left: most}
	return &jsonSource{b, json.NewDecoder(b)}
}

// isJSON reports whether head, the beginning of a file, is JSON rather than XML.
func isJSON(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// bounded is a reader that fails once a document exceeds the maximum size.
type bounded struct {
	r          io.Reader
	most, left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("a document has more than %d MiB of JSON", b.most>>20)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// raw reads the next value of any kind.
func (s *jsonSource) raw() (json.RawMessage, error) {
	s.bounded.left = s.bounded.most
	var v json.RawMessage
	err := s.Decode(&v)
	return v, err
}

var errStopped = errors.New("the consumer stopped")

// jsonDrafts is drafts for JSON.
func (r *Reader) jsonDrafts(yield func(*draft, error) bool) {
	err := r.json.values(&jsonParts{
		document:   func(whole json.RawMessage, start int64) error { return r.jsonDocument(whole, start, yield) },
		collection: r.jsonCollection,
	})
	if err != nil && err != errStopped {
		if fault := (Fault{}); !errors.As(err, &fault) {
			err = r.json.place(r.name, err)
		}
		yield(nil, err)
	}
}

func (r *Reader) jsonCollection(fields map[string]json.RawMessage) {
	r.collection.Source, r.collection.Date, r.collection.Key = words(fields["source"]), words(fields["date"]), words(fields["key"])
}

// place returns err with the name of the file and the byte at which reading stopped.
func (s *jsonSource) place(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = errors.New("the JSON ends too early; the file is truncated")
	}
	return fmt.Errorf("%s: byte %d: %w", name, s.InputOffset(), err)
}

// jsonParts receives the parts of a file. An error from document ends the reading.
type jsonParts struct {
	document   func(whole json.RawMessage, start int64) error // start is the byte at which the document begins
	collection func(fields map[string]json.RawMessage)        // all but the documents
}

// values reads the values at the top of the file.
func (s *jsonSource) values(parts *jsonParts) error {
	for {
		s.bounded.left = s.bounded.most
		t, err := s.Token()
		if err == io.EOF {
			return nil
		}
		switch {
		case err != nil:
			return err
		case t == json.Delim('['), t == json.Delim(']'), t == json.Delim('}'):
		case t == json.Delim('{'):
			if err := s.object(parts); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%.20q, want an object; this is not BioC", fmt.Sprint(t))
		}
	}
}

// object reads the rest of an object: a collection, whose documents are passed on as they come, or a document.
func (s *jsonSource) object(parts *jsonParts) error {
	start := s.InputOffset() - 1 // the brace has been read
	fields := map[string]json.RawMessage{}
	documents := false
	for s.More() {
		key, err := s.Token()
		if err != nil {
			return err
		}
		if key == "documents" || key == "PubTator3" {
			documents = true
			if err := s.documents(parts); err != nil {
				return err
			}
			continue
		}
		if fields[key.(string)], err = s.raw(); err != nil {
			return err
		}
	}
	if _, err := s.Token(); err != nil { // its end
		return err
	}
	if _, isDocument := fields["passages"]; isDocument {
		whole, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		return parts.document(whole, start)
	}
	if !documents {
		return errors.New("an object without documents or passages; this is not BioC")
	}
	parts.collection(fields)
	return nil
}

// documents reads an array of documents.
func (s *jsonSource) documents(parts *jsonParts) error {
	if t, err := s.Token(); err != nil || t != json.Delim('[') {
		return errors.Join(err, errors.New("documents are not an array"))
	}
	for s.More() {
		whole, err := s.raw()
		if err != nil {
			return err
		}
		if err := parts.document(whole, s.InputOffset()-int64(len(whole))); err != nil {
			return err
		}
	}
	_, err := s.Token()
	return err
}

// jsonDocument decodes and yields the document whole. It skips a broken one.
func (r *Reader) jsonDocument(whole json.RawMessage, offset int64, yield func(*draft, error) bool) error {
	var in jsonDocument
	at := xmlpull.Position{Offset: offset}
	if err := json.Unmarshal(whole, &in); err != nil {
		return r.fault(Fault{Position: at, ID: words(in.ID), Err: err})
	}
	d := in.draft(at)
	r.addEvidence(d)
	if !yield(d, nil) {
		return errStopped
	}
	return nil
}

// The JSON of documents. Identifiers are strings or numbers, and infons have values of any kind.
type (
	jsonDocument struct {
		ID        json.RawMessage `json:"id"`
		Infons    jsonInfons      `json:"infons"`
		Passages  []jsonPassage   `json:"passages"`
		Relations []jsonRelation  `json:"relations"`
	}
	jsonPassage struct {
		jsonStretch
		Infons    jsonInfons    `json:"infons"`
		Sentences []jsonStretch `json:"sentences"`
	}
	jsonStretch struct {
		Offset      int              `json:"offset"`
		Text        string           `json:"text"`
		Annotations []jsonAnnotation `json:"annotations"`
		Relations   []jsonRelation   `json:"relations"`
	}
	jsonAnnotation struct {
		ID        json.RawMessage `json:"id"`
		Infons    jsonInfons      `json:"infons"`
		Text      string          `json:"text"`
		Locations []struct {
			Offset int `json:"offset"`
			Length int `json:"length"`
		} `json:"locations"`
	}
	jsonRelation struct {
		ID     json.RawMessage `json:"id"`
		Infons jsonInfons      `json:"infons"`
		Nodes  []struct {
			RefID json.RawMessage `json:"refid"`
			Role  string          `json:"role"`
		} `json:"nodes"`
	}
	jsonInfons map[string]json.RawMessage
)

// words is a JSON value as text: a string unchanged, null as the empty string, other values as JSON without
// blanks.
func words(v json.RawMessage) string {
	var s string
	if len(v) == 0 || bytes.Equal(v, []byte("null")) || json.Unmarshal(v, &s) == nil {
		return strings.TrimSpace(s)
	}
	var compact bytes.Buffer
	if json.Compact(&compact, v) != nil {
		return string(v)
	}
	return compact.String()
}

func (in jsonInfons) infons() Infons {
	if len(in) == 0 {
		return nil
	}
	out := Infons{}
	for key, v := range in {
		out[key] = words(v)
	}
	return out
}

func (in *jsonDocument) draft(at xmlpull.Position) *draft {
	d := &draft{Document: &Document{ID: words(in.ID), Infons: in.Infons.infons()}, at: at}
	d.relate(in.Relations)
	for i := range in.Passages {
		p := &in.Passages[i]
		own := p.stretch(i)
		var sentences []stretch
		for _, s := range p.Sentences {
			sentences = append(sentences, s.stretch(i))
			d.relate(s.Relations)
		}
		d.relate(p.Relations)
		d.Passages = append(d.Passages, Passage{Infons: p.Infons.infons(), Offset: p.Offset, Text: p.Text})
		d.stretches = append(d.stretches, joined(&d.Passages[i], own, sentences)...)
	}
	return d
}

func (s *jsonStretch) stretch(passage int) stretch {
	out := stretch{passage: passage, offset: s.Offset, text: s.Text}
	for _, a := range s.Annotations {
		m := mark{Annotation: Annotation{ID: words(a.ID), Infons: a.Infons.infons(), Text: a.Text}}
		for _, l := range a.Locations {
			m.ranges = append(m.ranges, [2]int{l.Offset, l.Offset + l.Length})
		}
		out.marks = append(out.marks, m)
	}
	return out
}

func (d *draft) relate(all []jsonRelation) {
	for _, in := range all {
		r := Relation{ID: words(in.ID), Infons: in.Infons.infons()}
		for _, n := range in.Nodes {
			r.Nodes = append(r.Nodes, Node{words(n.RefID), n.Role})
		}
		d.Relations = append(d.Relations, r)
	}
}
