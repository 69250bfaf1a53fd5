package bioc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"strings"
)

// Part is a stretch of a file of BioC in JSON: a document, or what lies between documents.
type Part struct {
	Raw      []byte
	Document bool
	ID       string // of the document
}

// IsJSON reports whether head, the first bytes of a file, begin BioC in JSON rather than in XML.
func IsJSON(head []byte) bool { return isJSON(head) }

// Parts cuts BioC in JSON into its documents and what lies between them: the parts in order are the bytes of r, except a
// byte order mark, which JSON does not allow. name appears in errors. The last item is the first error, if there was one.
func Parts(r io.Reader, name string) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		c := &cutter{yield: yield}
		from := bufio.NewReader(r)
		if mark, _ := from.Peek(3); string(mark) == "\ufeff" { // later reads return the error again
			from.Discard(len(mark))
		}
		in := newJSONSource(io.TeeReader(from, &c.read), 0)
		err := in.values(&jsonParts{
			document:   func(_ json.RawMessage, start int64) error { return c.document(start, in.InputOffset()) },
			collection: func(map[string]json.RawMessage) {}, // it lies between documents
		})
		switch {
		case err == errStopped:
		case err != nil:
			yield(Part{}, in.place(name, err))
		default:
			c.pass(Part{Raw: c.read.Bytes()})
		}
	}
}

// cutter passes on what a JSON decoder has read, part by part.
type cutter struct {
	yield func(Part, error) bool
	read  bytes.Buffer // what the decoder has read and yield does not have yet
	at    int64        // where read begins in the input
}

// document passes on what lies before the document from start to end, and the document.
func (c *cutter) document(start, end int64) error {
	between := bytes.Clone(c.take(start))
	whole := bytes.Clone(c.take(end))
	var head struct{ ID json.RawMessage }
	broken := json.Unmarshal(whole, &head) != nil // Documents skips it
	if !c.pass(Part{Raw: between}) || !c.pass(Part{whole, !broken, words(head.ID)}) {
		return errStopped
	}
	return nil
}

// take returns the bytes up to an offset of the input. They are valid until the decoder reads on.
func (c *cutter) take(offset int64) []byte {
	out := c.read.Next(int(offset - c.at))
	c.at = offset
	return out
}

func (c *cutter) pass(p Part) bool { return len(p.Raw) == 0 || c.yield(p, nil) }

// WithRelations returns a document of BioC in JSON with relations in place of its own. Other bytes stay as they are.
func WithRelations(document []byte, relations []Relation) ([]byte, error) {
	written, err := json.Marshal(jsonRelations(relations))
	if err != nil {
		return nil, err
	}
	in := json.NewDecoder(bytes.NewReader(document))
	if _, err := in.Token(); err != nil { // the brace
		return nil, err
	}
	var out bytes.Buffer
	copied, replaced, comma := 0, false, ""
	last := int(in.InputOffset()) // the end of the last member
	for in.More() {
		comma = ", "
		key, err := in.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, err
		}
		// A reader of this package takes a key in capitals, too.
		if last = int(in.InputOffset()); strings.EqualFold(key.(string), "relations") {
			out.Write(document[copied : last-len(value)])
			out.Write(written)
			copied, replaced = last, true
		}
	}
	if !replaced {
		out.Write(document[copied:last])
		out.WriteString(comma + `"relations": `)
		out.Write(written)
		copied = last
	}
	out.Write(document[copied:])
	return out.Bytes(), nil
}

type (
	writtenRelation struct {
		ID     string        `json:"id"`
		Infons Infons        `json:"infons"`
		Nodes  []writtenNode `json:"nodes"`
	}
	writtenNode struct {
		RefID string `json:"refid"`
		Role  string `json:"role"`
	}
)

func jsonRelations(all []Relation) []writtenRelation {
	out := []writtenRelation{}
	for _, r := range all {
		w := writtenRelation{r.ID, r.Infons, []writtenNode{}}
		for _, n := range r.Nodes {
			w.Nodes = append(w.Nodes, writtenNode(n))
		}
		out = append(out, w)
	}
	return out
}
