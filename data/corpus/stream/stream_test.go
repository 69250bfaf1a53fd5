package stream

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

const text = "some text, some text, some text\n"

func packed(t *testing.T, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpen(t *testing.T) {
	gz := packed(t, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
	zst := packed(t, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })
	xzed := packed(t, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })
	wrong := bytes.Clone(gz)
	wrong[len(wrong)-8] ^= 1
	for _, test := range []struct {
		name, file string
		data       []byte
		want       string // the text, or the error
	}{
		{"plain", "a.txt", []byte(text), text},
		{"gzip", "a.gz", gz, text},
		{"gzip without the name", "a", gz, text},
		{"zstd", "a.zst", zst, text},
		{"plain called gzip", "a.gz", []byte(text), "a.gz: named .gz, but its content is not gz"},
		{"xz", "a.xz", xzed, text},
		{"only the header of xz", "a.xz", xzed[:6], "a.xz: the compressed data ends too early"},
		{"truncated xz", "a.xz", xzed[:len(xzed)-9], "the file is truncated"},
		{"empty", "a.txt", nil, "a.txt: empty file"},
		{"truncated gzip", "a.gz", gz[:len(gz)-9], "the file is truncated"},
		{"only the header", "a.gz", gz[:6], "a.gz: the compressed data ends too early"},
		{"truncated zstd", "a.zst", zst[:len(zst)-5], "the file is truncated"},
		{"checksum", "a.gz", wrong, "checksum differs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.file)
			if err := os.WriteFile(path, test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t, path, test.data)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("directory: got error %v", err)
	}
	if _, err := Open("nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nowhere: got error %v", err)
	}
}

// readAll reads a file and checks what it says of itself.
func readAll(t *testing.T, path string, data []byte) (string, error) {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		return "", err
	}
	got, err := io.ReadAll(f)
	sum, sumErr := f.Sum()
	if sumErr != nil || sum != sha256.Sum256(data) || f.Size() != int64(len(data)) || f.BytesRead() != f.Size() {
		t.Errorf("sum %x, error %v, read %d of %d bytes", sum, sumErr, f.BytesRead(), f.Size())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	return string(got), err
}

func TestXZWindowIsBounded(t *testing.T) {
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 256 << 20}.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, strings.Repeat("One. ", 50)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := xzWindow(b.Bytes()); got != 256<<20 {
		t.Errorf("window %d, want %d", got, 256<<20)
	}
	path := filepath.Join(t.TempDir(), "x.txt.xz")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.HasPrefix(err.Error(), path+": xz: wants a window of 256 MiB") {
		t.Errorf("%v, want a line about the window", err)
	}
}

// FuzzRead checks that reading whatever claims to be compressed ends, without a panic and with bounded memory.
func FuzzRead(f *testing.F) {
	for _, open := range []func(io.Writer) (io.WriteCloser, error){
		func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: 1 << 16}.NewWriter(w) },
	} {
		var b bytes.Buffer
		w, err := open(&b)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			f.Fatal(err)
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(text))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err != nil {
			return
		}
		n, err := io.Copy(io.Discard, io.LimitReader(file, 16<<20))
		if err == nil && n < 16<<20 && file.BytesRead() != int64(len(data)) {
			t.Errorf("read %d of %d bytes without an error", file.BytesRead(), len(data))
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
}
