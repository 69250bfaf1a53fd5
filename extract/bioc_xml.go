package extract

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
)

// biocXML copies BioC XML.
type biocXML struct {
	*biocWriter
	in     *xml.Decoder
	raw    *bytes.Buffer // what the decoder has read and out does not have yet
	at     int64         // where raw begins in the input
	within []string      // elements around the next token
}

func newBioCXML(w *biocWriter, r io.Reader) *biocXML {
	b := &biocXML{biocWriter: w, raw: &bytes.Buffer{}}
	b.in = xml.NewDecoder(io.TeeReader(r, b.raw))
	b.in.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return b
}

func (b *biocXML) copyTo(document string) error {
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
		return b.absent(document)
	}
	b.copyUntil(b.in.InputOffset())
	return nil
}

// end leaves an element whose end tag begins at before.
func (b *biocXML) end(name string, before int64) error {
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
func (b *biocXML) tail(n int) []string { return b.within[max(0, len(b.within)-n):] }

// copyUntil copies the input up to the byte offset.
func (b *biocXML) copyUntil(offset int64) {
	b.out.Write(b.raw.Next(int(offset - b.at)))
	b.at = offset
}

// writeRelations writes the relations predicted in the document that ends.
func (b *biocXML) writeRelations() {
	for _, r := range b.relations() {
		fmt.Fprintf(b.out, `<relation id="%s">`, r.ID)
		for _, key := range []string{"type", "probability", "entity1", "entity2"} {
			if value, ok := r.Infons[key]; ok {
				fmt.Fprintf(b.out, `<infon key="%s">%s</infon>`, key, escaped(value))
			}
		}
		for _, n := range r.Nodes {
			fmt.Fprintf(b.out, `<node refid="%s" role="%s"/>`, escaped(n.RefID), n.Role)
		}
		fmt.Fprint(b.out, "</relation>")
	}
}

// escaped returns s escaped for XML.
func escaped(s string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(s)) // a bytes.Buffer never fails
	return out.String()
}
