package extract

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/subbert/subbert/data/corpus/bioc"
	"github.com/subbert/subbert/data/corpus/stream"
)

// biocWriter copies a file of BioC and adds the predicted relations at the end of each document. It omits the relations
// in the file.
type biocWriter struct {
	out      *bufio.Writer // keeps the first error for Flush
	labels   []string
	negative string
	name     string
	form     biocForm
	closing  func() error
	document string // the one that predictions are collected for
	found    stated
	unnamed  int // relations whose mentions the file does not name
}

// biocForm copies one of the two forms of BioC.
type biocForm interface {
	// copyTo ends the present document, whose relations are found, and copies up to the document, or to the end if
	// document is empty. It sets the writer's document.
	copyTo(document string) error
}

// NewBioC writes a copy of the BioC file called name, XML or JSON, with the predictions of a model with labels: a
// relation for each two concepts of a document for which one was predicted, or for each two annotations if one of them
// has no concept. The infon probability is the greatest over all pairs of mentions with that relation. Predictions must
// come in the order of the file's documents.
func NewBioC(w io.Writer, name string, labels []string, negative string) (Writer, error) {
	in, err := stream.Open(name)
	if err != nil {
		return nil, err
	}
	b := &biocWriter{out: bufio.NewWriter(w), labels: labels, negative: negative, name: name, closing: in.Close}
	from := bufio.NewReader(in)
	if head, _ := from.Peek(1 << 10); bioc.IsJSON(head) { // later reads return the error again
		b.form = newBioCJSON(b, from)
	} else {
		b.form = newBioCXML(b, from)
	}
	return b, nil
}

func (b *biocWriter) Write(p Prediction) error {
	e := p.Example
	if e.Document != b.document {
		if err := b.form.copyTo(e.Document); err != nil {
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

// relations returns the relations predicted in the document that ends, and forgets them.
func (b *biocWriter) relations() []bioc.Relation {
	var out []bioc.Relation
	for i, r := range b.found.order {
		w := bioc.Relation{ID: fmt.Sprintf("R%d", i+1), Infons: bioc.Infons{
			"type": r.label, "probability": fmt.Sprintf("%.4g", b.found.probability[r]),
		}}
		if r.concepts[0] != "" {
			w.Infons["entity1"], w.Infons["entity2"] = r.concepts[0], r.concepts[1]
		} else {
			w.Nodes = []bioc.Node{{RefID: r.annotations[0], Role: "A"}, {RefID: r.annotations[1], Role: "B"}}
		}
		out = append(out, w)
	}
	b.found = stated{}
	return out
}

// absent is the error of a prediction for a document that the rest of the file does not have.
func (b *biocWriter) absent(document string) error {
	return fmt.Errorf("%s: document %s has predictions, but is not in the rest of the file", b.name, document)
}

func (b *biocWriter) Close() error {
	err := errors.Join(b.form.copyTo(""), b.closing(), b.out.Flush())
	if err == nil && b.unnamed > 0 {
		err = fmt.Errorf("%s: left out %d relations: their annotations have neither a concept nor a unique id", b.name, b.unnamed)
	}
	return err
}
