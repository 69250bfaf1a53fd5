// Package documents opens files of documents in any form: PubMed's XML, BioC, PubTator, JSON lines and plain text.
//
// The content of a file determines its form (data/forms). Readers stream; a broken record is skipped and reported, or
// ends the reading. Notes lists changes to a file as a whole, such as converted positions.
package documents

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/bioc"
	"github.com/subbert/subbert/data/corpus/pubmed"
	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/forms"
)

// Options are the settings of a reader. The zero value is ready to use.
type Options struct {
	Form   forms.Form  // forms.Auto, or empty: determined by the content
	Strict bool        // end at the first broken record instead of skipping it
	Broken func(error) // called for each skipped record; may be nil
}

// Record is a record of a file of any form.
type Record struct {
	Document corpus.Document
	Citation *pubmed.Citation      // in PubMed's XML, else nil; if Deleted, there is no document
	Names    func(typ string) bool // reports whether the document has a mention of a type; nil if the form has no mentions
}

// File is an open file of documents. Its methods Path, Size, BytesRead, Sum and Close are those of stream.File.
type File struct {
	*stream.File
	form     forms.Form
	records  iter.Seq2[Record, error]
	repeated func() int
	notes    []string
}

// Open opens a file. It fails if the file holds no documents, or if its name contradicts its compression.
func Open(ctx context.Context, path string, o Options) (*File, error) {
	file, err := stream.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	f, err := open(file, o)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

// FormOf is the form in which a file is read if asked, which may be forms.Auto, is requested.
func FormOf(ctx context.Context, path string, asked forms.Form) (forms.Form, error) {
	f, err := Open(ctx, path, Options{Form: asked})
	if err != nil {
		return "", err
	}
	return f.form, f.Close()
}

func open(file *stream.File, o Options) (*File, error) {
	in := bufio.NewReaderSize(file, 1<<18)
	head, err := in.Peek(forms.HeadBytes)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", file.Path(), err)
	}
	form, err := forms.Resolve(file.Path(), head, o.Form)
	if err != nil {
		return nil, err
	}
	if o.Broken == nil {
		o.Broken = func(error) {}
	}
	f := &File{File: file, form: form, repeated: func() int { return 0 }}
	switch form {
	case forms.PubMedXML:
		f.openPubMed(in, o)
	case forms.BioC, forms.BioCJSON:
		f.openBioC(in, o)
	case forms.PubTator:
		f.openPubTator(in, o)
	case forms.AIMed, forms.RelationsJSONL: // documents with mentions or pairs
		f.form = forms.JSONL
		f.openCorpus(in, o)
	case forms.JSONL, forms.Text:
		f.openCorpus(in, o)
	default:
		return nil, fmt.Errorf("%s: %s, which has no documents; want pubmed-xml, bioc, pubtator, jsonl or text", file.Path(), form)
	}
	return f, nil
}

// Form is the form of the file.
func (f *File) Form() forms.Form { return f.form }

// Records reads the records in order; it may be called once. The last item is the first error, if any.
func (f *File) Records() iter.Seq2[Record, error] { return f.records }

// Repeated is the number of records read so far that occurred in the file before.
func (f *File) Repeated() int { return f.repeated() }

// Notes lists the changes to the content read so far, one line each.
func (f *File) Notes() []string { return f.notes }

func (f *File) note(line string) { f.notes = append(f.notes, line) }

func (f *File) openCorpus(in io.Reader, o Options) {
	file := corpus.NewFile(f.File, in, f.form)
	if !o.Strict {
		file.PassOver(o.Broken)
	}
	all := func(yield func(corpus.Document, error) bool) {
		file.Documents()(yield)
		if n := file.NULs(); n > 0 {
			f.note(fmt.Sprintf("%s: NUL characters left out: %d", f.Path(), n))
		}
	}
	f.records = mapped(all, func(d corpus.Document) Record { return Record{Document: d} })
}

func (f *File) openPubMed(in io.Reader, o Options) {
	r := pubmed.NewReader(in, f.Path(), pubmed.Options{Strict: o.Strict, Fault: func(f pubmed.Fault) { o.Broken(f) }})
	f.repeated = func() int { return r.Counts().Repeated }
	f.records = mapped(r.Records(), func(c *pubmed.Citation) Record {
		if c.Deleted {
			return Record{Citation: c}
		}
		return Record{Document: c.Document(), Citation: c}
	})
}

func (f *File) openBioC(in io.Reader, o Options) {
	r := bioc.NewReader(in, f.Path(), bioc.Options{Strict: o.Strict, Fault: func(f bioc.Fault) { o.Broken(f) }, Note: f.note})
	f.records = mapped(r.Documents(), func(d *bioc.Document) Record { return Record{Document: d.Document(), Names: d.Has} })
}

func (f *File) openPubTator(in io.Reader, o Options) {
	all := pubtator.Documents(in, f.Path(), pubtator.Options{Strict: o.Strict, Fault: func(f pubtator.Fault) { o.Broken(f) }, Note: f.note})
	f.records = mapped(all, func(d *pubtator.Document) Record { return Record{Document: d.Document(), Names: d.Has} })
}

// mapped is seq with each item converted to a record.
func mapped[T any](seq iter.Seq2[T, error], record func(T) Record) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for item, err := range seq {
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(record(item), nil) {
				return
			}
		}
	}
}
