package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/subbert/subbert/data/text"
)

// record is a document as a JSON line. Other keys are ignored.
type record struct {
	ID       identifier `json:"id,omitempty"`
	Title    string     `json:"title,omitempty"`
	Abstract sections   `json:"abstract,omitempty"`
	Body     sections   `json:"body,omitempty"`
	Text     sections   `json:"text,omitempty"`
}

// jsonReader reads JSON lines one document at a time. It skips blank lines.
type jsonReader struct {
	lines *text.Lines
	nuls  int
}

func (r *jsonReader) next() (Document, error) {
	for {
		line, err := r.lines.Next()
		if err != nil {
			return Document{}, err
		}
		line = bytes.TrimSpace(withoutNUL(line, &r.nuls))
		if len(line) == 0 {
			continue
		}
		d, err := parseDocument(line)
		if err != nil {
			return Document{}, r.lines.Fault(err)
		}
		if bytes.Contains(line, []byte(`\u0000`)) {
			r.nuls += d.dropNUL()
		}
		return d, nil
	}
}

func parseDocument(line []byte) (Document, error) {
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		return Document{}, jsonFault(err)
	}
	d := Document{ID: string(r.ID), Title: r.Title}
	d.Sections = appendSections(d.Sections, Abstract, r.Abstract)
	d.Sections = appendSections(d.Sections, Body, r.Body)
	d.Sections = appendSections(d.Sections, Text, r.Text)
	return d, nil
}

// jsonFault words the errors of encoding/json for people who do not know Go.
func jsonFault(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("bad JSON at column %d: %w", syntax.Offset, err)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("a JSON %s, want an object with id, title, abstract, body or text", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s: a JSON %s, want a string", kind.Field, kind.Value)
	}
	return err
}

// MarshalJSON encodes d in the form that the readers accept: one object with the keys id, title, abstract,
// body and text.
func (d Document) MarshalJSON() ([]byte, error) {
	r := record{ID: identifier(d.ID), Title: d.Title}
	for _, s := range d.Sections {
		pair := [2]string{s.Label, s.Text}
		switch s.Part {
		case Abstract:
			r.Abstract = append(r.Abstract, pair)
		case Body:
			r.Body = append(r.Body, pair)
		default:
			r.Text = append(r.Text, pair)
		}
	}
	return encode(r)
}

// identifier is a JSON string, or a number that is kept as written.
type identifier string

func (id *identifier) UnmarshalJSON(b []byte) error {
	if b[0] != '"' && b[0] != '{' && b[0] != '[' && b[0] != 't' && b[0] != 'f' && b[0] != 'n' {
		*id = identifier(b)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return errors.New("id: want a string or a number")
	}
	*id = identifier(s)
	return nil
}

// sections is a JSON string, or an array of [label, text].
type sections [][2]string

func (s *sections) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		*s = make(sections, 1)
		return json.Unmarshal(b, &(*s)[0][1])
	}
	var pairs [][]*string
	if err := json.Unmarshal(b, &pairs); err != nil {
		return errors.New("abstract, body and text: want a string or an array of [label, text]")
	}
	*s = make(sections, len(pairs))
	for i, p := range pairs {
		if len(p) != 2 || p[1] == nil {
			return fmt.Errorf("abstract, body and text: section %d has %d entries, want [label, text]", i+1, len(p))
		}
		if p[0] != nil {
			(*s)[i][0] = *p[0]
		}
		(*s)[i][1] = *p[1]
	}
	return nil
}

func (s sections) MarshalJSON() ([]byte, error) {
	if len(s) == 1 && s[0][0] == "" {
		return encode(s[0][1])
	}
	return encode([][2]string(s))
}

// encode writes v as JSON with <, > and & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func appendSections(dst []Section, part Part, pairs sections) []Section {
	for _, p := range pairs {
		dst = append(dst, Section{Part: part, Label: p[0], Text: p[1]})
	}
	return dst
}
