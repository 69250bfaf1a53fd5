// Package safetensors reads and writes the safetensors container: eight bytes of header length, a JSON header,
// and the tensors' bytes, little endian and row major.
//
// The format is https://huggingface.co/docs/safetensors. Like the reference implementation, the reader requires that
// tensors cover the data exactly, without holes or overlaps, and that the header is at most 100 MB. Package host bounds
// names, ranks and the number of tensors.
//
// The reader is our own, because go-huggingface's allocates by the sizes in the header, returns tensors of a tensor
// library and panics on some malformed files; this one is bounded by the file's size, fuzzed, and imports no tensor
// library. A test reads the output of Write with go-huggingface's.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/internal/regularfile"
)

const maxHeader = 100_000_000

// File is an open safetensors file. It is a host.Container.
type File struct {
	name     string
	r        io.ReaderAt
	closer   io.Closer
	infos    []host.Info // by position in the file
	at       map[string]place
	metadata map[string]string
}

// place is the offset of a tensor's bytes from the start of the file, and the tensor's description.
type place struct {
	info   host.Info
	offset int64
}

// Open opens the file at path.
func Open(path string) (*File, error) {
	f, size, err := regularfile.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := New(f, size, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.closer = f
	return s, nil
}

// New reads the header of a file of size bytes. The name appears in errors.
func New(r io.ReaderAt, size int64, name string) (*File, error) {
	header, err := readHeader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := &File{name: name, r: r, at: make(map[string]place)}
	if err := f.parse(header, size-8-int64(len(header))); err != nil {
		return nil, fmt.Errorf("%s: header: %w", name, err)
	}
	return f, nil
}

func readHeader(r io.ReaderAt, size int64) ([]byte, error) {
	var length [8]byte
	if size < int64(len(length)) {
		return nil, fmt.Errorf("%d bytes, too few for a safetensors file", size)
	}
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, fmt.Errorf("header length: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, want at most %d: not a safetensors file, or damaged", n, maxHeader)
	}
	if int64(n) > size-8 {
		return nil, fmt.Errorf("header of %d bytes in a file of %d: truncated", n, size)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("header: %w", err)
	}
	if !bytes.HasPrefix(header, []byte("{")) {
		return nil, errors.New("header does not begin with {: not a safetensors file, or damaged")
	}
	return header, nil
}

// parse reads the header's entries; dataSize is the number of bytes after the header. It compares keys exactly:
// encoding/json, when it fills structs, accepts DTYPE for dtype, the last of two equal keys, and broken UTF-8.
func (f *File) parse(header []byte, dataSize int64) error {
	if !utf8.Valid(header) {
		return errors.New("not UTF-8: not a safetensors file, or damaged")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	dec.UseNumber()
	err := object(dec, func(name string) error {
		if len(f.at) == host.MaxTensors {
			return fmt.Errorf("more than %d tensors", host.MaxTensors)
		}
		return f.parseEntry(dec, name)
	})
	if err != nil {
		return err
	}
	if rest := bytes.Trim(header[dec.InputOffset():], " \t\r\n\x00"); len(rest) > 0 {
		return fmt.Errorf("%d bytes follow its end", len(rest))
	}
	return f.arrange(dataSize, 8+int64(len(header)))
}

// object reads an object with unique keys; each reads the value.
func object(dec *json.Decoder, each func(key string) error) error {
	if err := delimiter(dec, '{', "an object"); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // the decoder accepts only strings here
		if seen[key] {
			return fmt.Errorf("%.200q appears twice", key)
		}
		seen[key] = true
		if err := each(key); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// delimiter reads the opening delimiter of an object or array called what.
func delimiter(dec *json.Decoder, want json.Delim, what string) error {
	token, err := dec.Token()
	if err == nil && token != any(want) {
		err = fmt.Errorf("is %s, want %s", describe(token), what)
	}
	return err
}

// describe names a value, or its beginning, in messages.
func describe(token json.Token) string {
	switch v := token.(type) {
	case json.Delim:
		return map[json.Delim]string{'{': "an object", '[': "a list"}[v]
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("%.200q", v)
	}
	return fmt.Sprint(token)
}

func (f *File) parseEntry(dec *json.Decoder, name string) error {
	if name == "__metadata__" {
		if err := f.parseMetadata(dec); err != nil {
			return fmt.Errorf("__metadata__: %w", err)
		}
		return nil
	}
	info := host.Info{Name: name}
	var offsets []int
	err := object(dec, func(key string) (err error) {
		switch key {
		case "dtype":
			info.DType, err = dtype(dec)
		case "shape":
			info.Shape, err = integers(dec, host.MaxRank, "axes")
		case "data_offsets":
			offsets, err = integers(dec, 2, "offsets")
		default:
			err = errors.New("want only dtype, shape and data_offsets")
		}
		if err != nil {
			err = fmt.Errorf("%.200s: %w", key, err)
		}
		return err
	})
	switch {
	case err != nil:
	case info.DType == 0:
		err = errors.New("no dtype")
	case info.Shape == nil:
		err = errors.New("no shape")
	case len(offsets) != 2:
		err = errors.New("want two data_offsets")
	}
	if err != nil {
		return fmt.Errorf("tensor %.200q: %w", name, err)
	}
	if err := info.Check(); err != nil {
		return err
	}
	begin, end := int64(offsets[0]), int64(offsets[1])
	if begin < 0 || end < begin || end-begin != int64(info.Bytes()) {
		return fmt.Errorf("tensor %q: bytes [%d,%d), want %d of them for %v %v", name, begin, end, info.Bytes(), info.DType, info.Shape)
	}
	f.at[name] = place{info: info, offset: begin}
	return nil
}

// parseMetadata reads the header's free text.
func (f *File) parseMetadata(dec *json.Decoder) error {
	f.metadata = make(map[string]string)
	return object(dec, func(key string) error {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		text, ok := token.(string)
		if !ok {
			return fmt.Errorf("%.200s is %s, want a string", key, describe(token))
		}
		f.metadata[key] = text
		return nil
	})
}

func dtype(dec *json.Decoder) (host.DType, error) {
	token, err := dec.Token()
	if err != nil {
		return 0, err
	}
	name, ok := token.(string)
	if !ok {
		return 0, fmt.Errorf("is %s, want a string", describe(token))
	}
	return host.ParseDType(name)
}

// integers reads a list of at most limit integers; what names them in errors.
func integers(dec *json.Decoder, limit int, what string) ([]int, error) {
	if err := delimiter(dec, '[', "a list"); err != nil {
		return nil, err
	}
	list := []int{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		number, _ := token.(json.Number)
		n, err := strconv.Atoi(string(number))
		if err != nil {
			return nil, fmt.Errorf("%s is not an integer in range", describe(token))
		}
		if len(list) == limit {
			return nil, fmt.Errorf("more than %d %s", limit, what)
		}
		list = append(list, n)
	}
	_, err := dec.Token()
	return list, err
}

// arrange checks that the tensors cover the data exactly and turns their offsets into positions in the file.
func (f *File) arrange(dataSize, dataStart int64) error {
	places := make([]place, 0, len(f.at))
	for _, p := range f.at {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.info.Bytes(), b.info.Bytes()), cmp.Compare(a.info.Name, b.info.Name))
	})
	var next int64
	for _, p := range places {
		if p.offset != next {
			return fmt.Errorf("tensor %q begins at byte %d, want %d: tensors overlap or leave a gap", p.info.Name, p.offset, next)
		}
		next += int64(p.info.Bytes())
		f.infos = append(f.infos, p.info)
		f.at[p.info.Name] = place{info: p.info, offset: dataStart + p.offset}
	}
	if next != dataSize {
		return fmt.Errorf("tensors take %d bytes, the file has %d: truncated or damaged", next, dataSize)
	}
	return nil
}

// Tensors lists the tensors by position in the file.
func (f *File) Tensors() []host.Info { return f.infos }

// Metadata is the free text of the header, nil if there is none.
func (f *File) Metadata() map[string]string { return f.metadata }

// Read fills dst with a tensor's bytes.
func (f *File) Read(name string, dst []byte) error {
	p, ok := f.at[name]
	if !ok {
		return fmt.Errorf("%s: tensor %q: not found", f.name, name)
	}
	if err := host.CheckSize(p.info, dst); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if n, err := f.r.ReadAt(dst, p.offset); n < len(dst) {
		return fmt.Errorf("%s: tensor %q: %w", f.name, name, err)
	}
	return nil
}

// Close closes the file if Open opened it.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// OpenIndex opens the files that an index (model.safetensors.index.json) names.
func OpenIndex(path string) (*host.Sharded, error) {
	return host.OpenSharded(path, func(path string) (host.Container, error) { return Open(path) })
}
