package extract

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/subbert/subbert/data/corpus/stream"
)

// biocWriter copies a file of BioC XML and adds the predicted relations at the end of each document. It omits the
// relations in the file.
type biocWriter struct {
	out      *bufio.Writer // keeps the first error for Flush
	labels   []string
	negative string
	name     string
	in       *xml.Decoder
	raw      *bytes.Buffer // what the decoder has read and out does not have yet
	at       int64         // where raw begins in the input
	closing  func() error
	within   []string // elements around the next token
	document string   // the one whose elements are being copied
	found    stated
	unnamed  int // relations whose mentions the file does not name
}

// NewBioC writes a copy of the BioC XML file called name with the predictions of a model with labels: a relation for
// each two concepts of a document for which one was predicted, or for each two annotations if one of them has no
// concept. The infon probability is the greatest over all pairs of mentions with that relation. Predictions must come
// in the order of the file's documents.
func NewBioC(w io.Writer, name string, labels []string, negative string) (Writer, error) {
	in, err := stream.Open(name)
	if err != nil {
		return nil, err
	}
	b := &biocWriter{out: bufio.NewWriter(w), labels: labels, negative: negative, name: name, raw: &bytes.Buffer{}, closing: in.Close}
	b.in = xml.NewDecoder(io.TeeReader(in, b.raw))
	b.in.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return b, nil
}

func (b *biocWriter) Write(p Prediction) error {
	e := p.Example
	if e.Document != b.document {
		if err := b.copyTo(e.Document); err != nil {
			return err
		}
	}
	if p.Label == b.negative {
		return nil
	}
	r := statedRelation{label: p.Label, concepts: [2]string{e.A.ID, e.B.ID}}
	if e.A.ID == "" || e.B.ID == "" {
		names, ok := annotationsOf(e)
		if !ok {
			b.unnamed++
			return nil
		}
		r = statedRelation{label: p.Label, annotations: names}
	}
	b.found.add(r, p, b.labels)
	return nil
}

// copyTo ends the present document and copies elements up to the id of document, or to the end if document is empty.
func (b *biocWriter) copyTo(document string) error {
	for {
		before := b.in.InputOffset()
		token, err := b.in.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			b.within = append(b.within, token.Name.Local)
			if slices.Equal(b.tail(2), []string{"document", "relation"}) {
				b.copyUntil(before)
			}
		case xml.EndElement:
			if err := b.end(token.Name.Local, before); err != nil {
				return err
			}
		case xml.CharData:
			if slices.Equal(b.tail(2), []string{"document", "id"}) {
				b.document = string(bytes.TrimSpace(token))
				if document != "" && b.document == document {
					return nil
				}
			}
		}
	}
	if document != "" {
		return fmt.Errorf("%s: document %s has predictions, but is not in the rest of the file", b.name, document)
	}
	b.copyUntil(b.in.InputOffset())
	return nil
}

// end leaves an element whose end tag begins at before.
func (b *biocWriter) end(name string, before int64) error {
	if len(b.within) == 0 || b.within[len(b.within)-1] != name {
		return fmt.Errorf("%s: </%s> at byte %d without a start tag", b.name, name, before)
	}
	switch {
	case name == "document":
		b.copyUntil(before)
		b.writeRelations()
	case slices.Equal(b.tail(2), []string{"document", "relation"}):
		b.raw.Next(int(b.in.InputOffset() - b.at))
		b.at = b.in.InputOffset()
	}
	b.within = b.within[:len(b.within)-1]
	return nil
}

// tail returns the innermost n elements around the next token, or fewer if there are fewer.
func (b *biocWriter) tail(n int) []string { return b.within[max(0, len(b.within)-n):] }

// copyUntil copies the input up to the byte offset.
func (b *biocWriter) copyUntil(offset int64) {
	b.out.Write(b.raw.Next(int(offset - b.at)))
	b.at = offset
}

// writeRelations writes the relations predicted in the document that ends.
func (b *biocWriter) writeRelations() {
	for i, r := range b.found.order {
		fmt.Fprintf(b.out, `<relation id="R%d">`, i+1)
		b.infon("type", r.label)
		b.infon("probability", fmt.Sprintf("%.4g", b.found.probability[r]))
		if r.concepts[0] != "" {
			b.infon("entity1", r.concepts[0])
			b.infon("entity2", r.concepts[1])
		} else {
			for i, role := range []string{"A", "B"} {
				fmt.Fprintf(b.out, `<node refid="%s" role="%s"/>`, escaped(r.annotations[i]), role)
			}
		}
		fmt.Fprint(b.out, "</relation>")
	}
	b.found = stated{}
}

func (b *biocWriter) infon(key, value string) {
	fmt.Fprintf(b.out, `<infon key="%s">%s</infon>`, key, escaped(value))
}

// escaped returns s escaped for XML.
func escaped(s string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(s)) // a bytes.Buffer never fails
	return out.String()
}

func (b *biocWriter) Close() error {
	err := errors.Join(b.copyTo(""), b.closing(), b.out.Flush())
	if err == nil && b.unnamed > 0 {
		err = fmt.Errorf("%s: left out %d relations: their annotations have neither a concept nor a unique id", b.name, b.unnamed)
	}
	return err
}
