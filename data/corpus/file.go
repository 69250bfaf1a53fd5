package corpus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

// Open reads the documents of a file of JSON lines or plain text; the content decides which. The last item is the first
// error, if there was one.
func Open(path string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		f, err := OpenFile(path, forms.Auto)
		if err != nil {
			yield(Document{}, err)
			return
		}
		for d, err := range f.Documents() {
			if !yield(d, err) {
				break
			}
		}
		if err := f.Close(); err != nil {
			yield(Document{}, err)
		}
	}
}

// File is an open file of documents that knows how much of it has been read. Its methods Size, BytesRead, Sum and Close are those
// of stream.File.
type File struct {
	*stream.File
	lines  *text.Lines
	form   forms.Form
	json   jsonReader
	plain  plainReader
	broken func(error) // or nil
}

// PassOver makes Documents skip broken documents instead of ending there; it calls tell for each.
func (f *File) PassOver(tell func(error)) { f.broken = tell }

// OpenFile opens a file of JSON lines or plain text. It fails if the file has another form, or if its name contradicts
// its compression.
func OpenFile(path string, form forms.Form) (*File, error) {
	file, err := stream.Open(path)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(file, 1<<18)
	head, err := in.Peek(forms.HeadBytes)
	if err == nil || err == io.EOF {
		form, err = forms.Resolve(path, head, form)
	} else {
		err = fmt.Errorf("%s: %w", path, err)
	}
	if err == nil && form != forms.Text && form != forms.JSONL && form != forms.RelationsJSONL && form != forms.AIMed {
		err = fmt.Errorf("%s: %s, want JSON lines or plain text", path, form)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return NewFile(file, in, form), nil
}

// NewFile returns the documents of an open file; in reads the file's content from the start.
func NewFile(file *stream.File, in io.Reader, form forms.Form) *File {
	lines := text.NewLines(in)
	return &File{File: file, lines: lines, form: form, json: jsonReader{lines: lines}, plain: plainReader{lines: lines}}
}

// NULs is the number of NUL characters that have been removed so far.
func (f *File) NULs() int { return f.json.nuls + f.plain.nuls }

// Documents reads the documents from the start; it may be called once. The last item is the first error, if any; a
// file without a document is one.
func (f *File) Documents() iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		next := f.json.next
		if f.form == forms.Text {
			next = f.plain.next
		}
		for n := 0; ; n++ {
			d, err := next()
			var one *text.LineError
			switch {
			case err == io.EOF && n > 0:
				return
			case err == io.EOF:
				err = errors.New("no documents")
			case f.broken != nil && errors.As(err, &one):
				f.broken(fmt.Errorf("%s: %w", f.Path(), err))
				continue
			}
			if err != nil {
				yield(Document{}, fmt.Errorf("%s: %w", f.Path(), err))
				return
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}
