package relations

import (
	"archive/zip"
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/internal/ctxio"
)

// source is a corpus on disk: a folder, a zip, or a single file.
type source struct {
	fs.FS
	form  forms.Form // the form of the files
	root  string     // the name that the caller gave, for messages
	files []string   // slash-separated, sorted by split, then by path
	close func() error

	options Options
	done    int64 // bytes of files read so far
	size    int64 // bytes of all files; -1 before the first read
}

// Open opens a file. Reading fails when the context of the options ends.
func (s *source) Open(file string) (fs.File, error) {
	return ctxio.OpenIn(s.options.context(), s.FS, file, s.told)
}

// told reports n more bytes to options.Read.
func (s *source) told(n int) {
	if s.options.Read == nil {
		return
	}
	if s.size < 0 {
		s.size = 0
		for _, f := range s.files {
			if info, err := fs.Stat(s.FS, f); err == nil {
				s.size += info.Size()
			}
		}
	}
	s.done += int64(n)
	s.options.Read(s.done, s.size)
}

// openSource opens name and lists its files that have one of the extensions exts (with the dot, lower case).
func openSource(name string, form forms.Form, o Options, exts ...string) (*source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	zipped, err := isZip(name, info)
	if err != nil {
		return nil, err
	}
	s := &source{form: form, root: name, close: func() error { return nil }, options: o, size: -1}
	switch {
	case info.IsDir():
		s.FS = os.DirFS(name)
	case zipped:
		z, err := zip.OpenReader(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.FS, s.close = z, z.Close
	default:
		s.root, s.FS, s.files = filepath.Dir(name), os.DirFS(filepath.Dir(name)), []string{filepath.Base(name)}
		return s, nil
	}
	if err := s.list(exts); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), s.close())
	}
	return s, nil
}

// isZip reports whether a file is a zip, by its name or its content.
func isZip(name string, info fs.FileInfo) (bool, error) {
	if info.IsDir() || strings.EqualFold(filepath.Ext(name), ".zip") {
		return !info.IsDir(), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close() // only read from
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head) // the reader of the file meets the error again
	return string(head[:n]) == "PK\x03\x04", nil
}

// unpackedName returns a file's name without the extension of its compression.
func unpackedName(file string) string {
	for _, ext := range []string{".gz", ".xz", ".zst"} {
		if short, ok := strings.CutSuffix(file, ext); ok {
			return short
		}
	}
	return file
}

func (s *source) list(exts []string) error {
	err := fs.WalkDir(s.FS, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(path.Base(p), ".") || strings.HasPrefix(p, "__MACOSX/")
		if !d.IsDir() && !hidden && slices.Contains(exts, strings.ToLower(path.Ext(unpackedName(p)))) {
			s.files = append(s.files, p)
		}
		return nil
	})
	slices.SortFunc(s.files, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.rank(a), s.rank(b)), strings.Compare(a, b))
	})
	return err
}

// rank orders files by split: train, unnamed, dev, test.
func (s *source) rank(file string) int {
	return slices.Index([]string{"train", "", "dev", "test"}, s.split(file))
}

// split returns the split that the path of file inside the corpus names, or else the folder of the corpus, or empty.
func (s *source) split(file string) string {
	return cmp.Or(splitOf(file), splitOf(filepath.Base(s.root)))
}

// where returns the path of file for messages.
func (s *source) where(file string) string { return filepath.Join(s.root, filepath.FromSlash(file)) }

// open opens a file and decompresses it. It fails if the content is not of the form of s.
func (s *source) open(file string) (io.ReadCloser, error) {
	f, err := s.Open(file)
	if err != nil {
		return nil, err
	}
	data, err := stream.Unpack(f, s.where(file))
	if err != nil {
		return nil, &placedError{errors.Join(err, f.Close())}
	}
	in := bufio.NewReaderSize(data, forms.HeadBytes)
	head, err := in.Peek(forms.HeadBytes)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", s.where(file), err)
	} else {
		_, err = forms.Resolve(s.where(file), head, s.form)
	}
	if err != nil {
		return nil, &placedError{errors.Join(err, data.Close(), f.Close())}
	}
	return &opened{in, data, f}, nil
}

// opened is an open file of a source.
type opened struct {
	io.Reader
	data, file io.Closer
}

func (o *opened) Close() error { return errors.Join(o.data.Close(), o.file.Close()) }

// lines yields the lines of file with their numbers, from 1.
func (s *source) lines(file string) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		if info, err := fs.Stat(s, file); err == nil && info.Size() == 0 {
			return // no lines; some readers report this
		}
		f, err := s.open(file)
		if err != nil {
			yield(line{}, err)
			return
		}
		defer f.Close() // only read from
		for l, err := range readLines(f, s.where(file)) {
			if failed := s.options.context().Err(); failed != nil { // the last line may be incomplete
				l, err = line{}, failed
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// perFile reads the files of name one after the other with parse, each as a whole. drop reports whether a file does not
// belong to the corpus; it may be nil.
func perFile(name string, form forms.Form, o Options, exts []string, drop func(file string) bool, parse func(src *source, file string) ([]Example, error)) iter.Seq2[Example, error] {
	return eachInFile(name, form, o, exts, drop, func(src *source, file string, found func(Example) bool) error {
		examples, err := parse(src, file)
		if err != nil {
			return err
		}
		for _, e := range examples {
			if !found(e) {
				break
			}
		}
		return nil
	})
}

// eachInFile is perFile for files of so many examples that they are not held at once: parse calls found with each of them,
// and ends when that returns false.
func eachInFile(name string, form forms.Form, o Options, exts []string, drop func(file string) bool, parse func(src *source, file string, found func(Example) bool) error) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		src, err := openSource(name, form, o, exts...)
		if err != nil {
			yield(Example{}, err)
			return
		}
		defer src.close() // only read from
		if drop != nil {
			src.files = slices.DeleteFunc(src.files, drop)
		}
		if len(src.files) == 0 {
			yield(Example{}, fmt.Errorf("%s: no files of the corpus (looked for %s)", name, strings.Join(exts, ", ")))
			return
		}
		for _, file := range src.files {
			ended := false
			err := parse(src, file, func(e Example) bool { ended = !yield(e, nil); return !ended })
			if err != nil {
				if _, placed := errors.AsType[*placedError](err); !placed {
					err = fmt.Errorf("%s: %w", src.where(file), err)
				}
				yield(Example{}, err)
				return
			}
			if ended {
				return
			}
		}
	}
}

type line struct {
	name   string
	number int
	text   string
}

// placedError is an error with its place already in the text.
type placedError struct{ error }

func (e *placedError) Unwrap() error { return e.error }

func (l line) errorf(format string, args ...any) error {
	return &placedError{fmt.Errorf("%s:%d: %w", l.name, l.number, fmt.Errorf(format, args...))}
}

// readLines yields the lines of r without their line ends; a line with invalid UTF-8 is an error.
func readLines(r io.Reader, name string) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		lines := text.NewLines(r)
		for {
			next, err := lines.Next()
			if err == io.EOF {
				return
			}
			l := line{name, lines.Number(), string(next)}
			if broken, ok := errors.AsType[*text.LineError](err); ok {
				err = broken.Err
			}
			if err != nil {
				yield(line{}, l.errorf("%w", err))
				return
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// splitOf returns train, dev or test if a part of the path names it, or empty. The last such part wins.
func splitOf(name string) string {
	for _, part := range slices.Backward(strings.Split(filepath.ToSlash(name), "/")) {
		words := strings.FieldsFunc(strings.ToLower(part), func(r rune) bool { return !('a' <= r && r <= 'z') })
		for _, w := range words {
			switch strings.TrimSuffix(w, "set") {
			case "train", "training":
				return "train"
			case "dev", "devel", "development":
				return "dev"
			case "test":
				return "test"
			}
		}
	}
	return ""
}
