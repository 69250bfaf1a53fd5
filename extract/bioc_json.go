package extract

import (
	"fmt"
	"io"
	"iter"

	"github.com/subbert/subbert/data/corpus/bioc"
)

// biocJSON copies BioC in JSON.
type biocJSON struct {
	*biocWriter
	next    func() (bioc.Part, error, bool)
	stop    func()
	present []byte // the document that predictions are collected for; out does not have it yet
}

func newBioCJSON(w *biocWriter, r io.Reader) *biocJSON {
	b := &biocJSON{biocWriter: w}
	b.next, b.stop = iter.Pull2(bioc.Parts(r, w.name))
	closing := w.closing
	w.closing = func() error {
		b.stop()
		return closing()
	}
	return b
}

func (b *biocJSON) copyTo(document string) error {
	if err := b.endDocument(); err != nil {
		return err
	}
	for {
		part, err, ok := b.next()
		switch {
		case err != nil:
			return err
		case !ok && document != "":
			return b.absent(document)
		case !ok:
			return nil
		case !part.Document:
			b.out.Write(part.Raw)
			continue
		}
		b.document, b.present = part.ID, part.Raw
		if document != "" && part.ID == document {
			return nil
		}
		if err := b.endDocument(); err != nil {
			return err
		}
	}
}

// endDocument writes the present document with the relations predicted in it.
func (b *biocJSON) endDocument() error {
	if b.present == nil {
		return nil
	}
	written, err := bioc.WithRelations(b.present, b.relations())
	if err != nil {
		return fmt.Errorf("%s: document %s: %w", b.name, b.document, err)
	}
	b.out.Write(written)
	b.present = nil
	return nil
}
