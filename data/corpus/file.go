package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/data/corpus/stream"
)

// Format is how documents are written in a file.
type Format string

const (
	Detect Format = ""      // by the name, .jsonl or .txt, else by the first character
	Plain  Format = "text"  // one document per block of lines, blocks separated by blank lines
	JSONL  Format = "jsonl" // one JSON object a line
)

// Open reads the documents of a file in the format its name and content suggest. The last item is the first error,
// if there was one.
func Open(path string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		f, err := OpenFile(path, Detect)
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
	text   *bufio.Reader
	format Format
	broken func(error) // or nil
}

// PassOver makes Documents pass over lines that are broken by themselves, telling tell of each, in place of ending there.
func (f *File) PassOver(tell func(error)) { f.broken = tell }

// OpenFile opens a file of documents. It fails if the file is empty, or compressed otherwise than its name says.
func OpenFile(path string, format Format) (*File, error) {
	file, err := stream.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{File: file, text: bufio.NewReaderSize(file, 1<<18), format: format}
	if format == Detect {
		f.format = detect(path, f.text)
	}
	return f, nil
}

// Format is how the documents are written, once detected.
func (f *File) Format() Format { return f.format }

// detect names the format of a file from its name, or from the first character of its text.
func detect(path string, text *bufio.Reader) Format {
	name := strings.ToLower(path)
	for _, ext := range []string{".gz", ".xz", ".zst"} {
		name = strings.TrimSuffix(name, ext)
	}
	switch filepath.Ext(name) {
	case ".jsonl":
		return JSONL
	case ".txt":
		return Plain
	}
	head, _ := text.Peek(64) // an error shows up again when the text is read
	if bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) {
		return JSONL
	}
	return Plain
}

// Documents reads the documents from the start; it may be called once. The last item is the first error, if any; a
// file without a document is one.
func (f *File) Documents() iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		lines := &lines{r: f.text}
		next := plainReader(lines)
		if f.format == JSONL {
			next = jsonReader(lines)
		}
		for n := 0; ; n++ {
			d, err := next()
			if err == io.EOF && n > 0 {
				return
			}
			if err == io.EOF {
				err = errors.New("no document in it")
			} else if err != nil {
				err = f.fault(lines.number, err)
				if err == nil {
					continue
				}
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

// fault words what is wrong at a line. It returns nil if the line was passed over.
func (f *File) fault(line int, err error) error {
	wrong := fmt.Errorf("line %d: %w", line, err)
	var one lineFault
	if f.broken == nil || !errors.As(err, &one) {
		return wrong
	}
	f.broken(fmt.Errorf("%s: %w", f.Path(), wrong))
	return nil
}
