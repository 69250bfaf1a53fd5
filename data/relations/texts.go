package relations

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/bioc"
	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

// Text is an annotated text. Pairs makes its pairs.
type Text struct{ a *abstract }

// ID returns the id of the document.
func (t *Text) ID() string { return t.a.id }

// Bytes returns the length of the text.
func (t *Text) Bytes() int { return len(t.a.text) }

// Names reports whether a mention has the type typ, compared by pubtator.TypeKey, and a concept that wanted accepts.
func (t *Text) Names(typ string, wanted func(concept string) bool) bool {
	key := pubtator.TypeKey(typ)
	return slices.ContainsFunc(t.a.mentions, func(m annotation) bool {
		return pubtator.TypeKey(m.Subtype) == key && slices.ContainsFunc(Concepts(m.concept), wanted)
	})
}

// Pairs yields the examples of the text as Read does. Pairs of several texts may run concurrently if o.Sentences and
// o.Warn may.
func (t *Text) Pairs(o Options) iter.Seq2[Example, error] { return t.a.each(o) }

// Concepts returns the concepts that the id of a mention names (two in "D1|D2") and the id itself, without unknown
// concepts ("-" or "-1"), in the form of pubtator.Plain.
func Concepts(id string) []string { return conceptsOf(id) }

// TextFault is a fault in one text of a file. Its error names the place.
type TextFault struct {
	Annotation bool // only an annotation of the text is lost
	Err        error
}

func (f *TextFault) Error() string { return f.Err.Error() }

func (f *TextFault) Unwrap() error { return f.Err }

// TextOptions controls how annotated texts are read. The zero value is valid.
type TextOptions struct {
	Strict bool             // end at the first broken text or annotation
	Fault  func(*TextFault) // called with each fault that is skipped; may be nil
	Note   func(string)     // called with one line for each change to a file as a whole; may be nil
}

// Texts yields the annotated texts in r, in a form that is BioC, PubTator or RelationsJSONL. name is the name of the
// input in errors. A text without words is a fault. At the first error Texts yields it and ends.
func Texts(r io.Reader, name string, form forms.Form, o TextOptions) iter.Seq2[*Text, error] {
	if o.Fault == nil {
		o.Fault = func(*TextFault) {}
	}
	if o.Note == nil {
		o.Note = func(string) {}
	}
	read := map[forms.Form]func(io.Reader, string, TextOptions) iter.Seq2[*abstract, error]{
		forms.BioC: biocTexts, forms.BioCJSON: biocTexts, forms.PubTator: pubtatorTexts, forms.RelationsJSONL: jsonlTexts,
	}[form]
	return func(yield func(*Text, error) bool) {
		if read == nil {
			yield(nil, fmt.Errorf("%s: got %s, want texts with mentions: bioc, pubtator or jsonl", name, form))
			return
		}
		nuls := 0
		for a, err := range read(r, name, o) {
			if err == nil && strings.TrimSpace(a.text) == "" {
				fault := &TextFault{Err: fmt.Errorf("%s: document %s: no text", name, a.id)}
				if !o.Strict {
					o.Fault(fault)
					continue
				}
				err = fault
			}
			if err != nil {
				yield(nil, err)
				return
			}
			a.withoutNUL(Options{nuls: &nuls})
			if !yield(&Text{a}, nil) {
				return
			}
		}
		if nuls > 0 {
			o.Note(fmt.Sprintf("%s: NUL characters left out: %d", name, nuls))
		}
	}
}

func biocTexts(r io.Reader, name string, o TextOptions) iter.Seq2[*abstract, error] {
	in := bioc.NewReader(r, name, bioc.Options{Strict: o.Strict, Note: o.Note, Fault: func(f bioc.Fault) { o.Fault(&TextFault{f.Annotation, f}) }})
	return texts(in.Documents(), func(d *bioc.Document) *abstract { return ofBioC(d, Options{}) })
}

func pubtatorTexts(r io.Reader, name string, o TextOptions) iter.Seq2[*abstract, error] {
	in := pubtator.Documents(r, name, pubtator.Options{Strict: o.Strict, Note: o.Note, Fault: func(f pubtator.Fault) { o.Fault(&TextFault{f.Annotation, f}) }})
	return texts(in, func(d *pubtator.Document) *abstract { return ofPubTator(d, "") })
}

// texts converts each document of seq to an abstract.
func texts[T any](seq iter.Seq2[T, error], of func(T) *abstract) iter.Seq2[*abstract, error] {
	return func(yield func(*abstract, error) bool) {
		for d, err := range seq {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(of(d), nil) {
				return
			}
		}
	}
}

// jsonlTexts reads one text per line.
func jsonlTexts(r io.Reader, name string, o TextOptions) iter.Seq2[*abstract, error] {
	return func(yield func(*abstract, error) bool) {
		lines := text.NewLines(r)
		for {
			read, err := lines.Next()
			if err == io.EOF {
				return
			}
			l := line{name, lines.Number(), string(read)}
			if broken, ok := errors.AsType[*text.LineError](err); ok {
				if !passOver(&TextFault{false, l.errorf("%w", broken.Err)}, o, yield) {
					return
				}
				continue
			}
			if err != nil {
				yield(nil, l.errorf("%w", err))
				return
			}
			if strings.TrimSpace(l.text) != "" && !jsonlText(l, o, yield) {
				return
			}
		}
	}
}

// jsonlText yields the text of a line and reports whether to continue.
func jsonlText(l line, o TextOptions, yield func(*abstract, error) bool) bool {
	ok := true
	a, err := parseJSONL(l, func(err error) { ok = ok && passOver(&TextFault{true, err}, o, yield) })
	if err != nil {
		return passOver(&TextFault{false, err}, o, yield)
	}
	return ok && yield(&a.abstract, nil)
}

// passOver reports a fault to o.Fault, or yields it if o is strict. It returns whether to continue.
func passOver(f *TextFault, o TextOptions, yield func(*abstract, error) bool) bool {
	if o.Strict {
		yield(nil, f)
		return false
	}
	o.Fault(f)
	return true
}
