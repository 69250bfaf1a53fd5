package stream

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
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
	if _, err := Open(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("directory: got error %v", err)
	}
	if _, err := Open(t.Context(), "nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nowhere: got error %v", err)
	}
}

// readAll reads a file and checks what it says of itself.
func readAll(t *testing.T, path string, data []byte) (string, error) {
	t.Helper()
	f, err := Open(t.Context(), path)
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

// xzOf is s as an xz stream.
func xzOf(t *testing.T, s string, c xz.WriterConfig) []byte {
	t.Helper()
	return packed(t, func(w io.Writer) (io.WriteCloser, error) {
		z, err := c.NewWriter(w)
		if err != nil {
			return nil, err
		}
		_, err = io.WriteString(z, s)
		return z, err
	})
}

// TestXZWindowIsBounded has the window of a gigabyte and a half in the first stream, in a later one, and in a later block.
func TestXZWindowIsBounded(t *testing.T) {
	var small []byte
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []xz.WriterConfig{{DictCap: 1 << 16}, {DictCap: 1 << 20, CheckSum: xz.CRC32}, {DictCap: 1 << 20, CheckSum: xz.SHA256}, {DictCap: 1 << 20, NoCheckSum: true},
		{DictCap: 1 << 20, BlockSize: 100_000}} {
		noise := make([]byte, 70_000) // chunks that are not compressed
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		small = append(small, xzOf(t, strings.Repeat("a line of text\n", 10_000)+string(noise), c)...)
		small = append(small, make([]byte, 8)...) // padding
	}
	large := withWindow(t, xzOf(t, "x", xz.WriterConfig{DictCap: 1 << 16}), 37) // (2 + 37%2) << (37/2 + 11)
	for _, test := range []struct {
		name string
		data []byte
	}{
		{"in the first stream", large},
		{"in the last of many streams", append(bytes.Clone(small), large...)},
		{"in a later block", secondBlock(t, large)},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.txt.xz")
			if err := os.WriteFile(path, test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := readAll(t, path, test.data)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), "xz: needs a window of 1536 MiB") {
				t.Errorf("%v, want a line about the window", err)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 100<<20 {
				t.Errorf("allocated %d MB", grown>>20)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "small.xz")
	if err := os.WriteFile(path, small, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, path, small); err != nil || len(got) != 5*(150_000+70_000+len(text)) {
		t.Errorf("small windows: %d bytes, error %v", len(got), err)
	}
}

// withWindow is an xz file whose first block asks for another window, encoded in a byte.
func withWindow(t *testing.T, data []byte, window byte) []byte {
	t.Helper()
	const header, lzma2 = 12, 0x21
	block := data[header : header+(int(data[header])+1)*4]
	at := bytes.Index(block, []byte{lzma2, 1})
	if at < 0 {
		t.Fatal("no filter in the header of the block")
	}
	block[at+2] = window
	binary.LittleEndian.PutUint32(block[len(block)-4:], crc32.ChecksumIEEE(block[:len(block)-4]))
	return data
}

// secondBlock puts the block of another stream behind the block of a good one. The reader would find that only at the end.
func secondBlock(t *testing.T, other []byte) []byte {
	t.Helper()
	const header = 12
	good := xzOf(t, "y", xz.WriterConfig{DictCap: 1 << 16})
	index := bytes.LastIndex(good[:len(good)-header], []byte{0, 1}) // the index: no bytes of a header, and one record
	return append(bytes.Clone(good[:index]), other[header:]...)
}

// FuzzWindow checks that the guard changes nothing that it passes on, however it is read.
func FuzzWindow(f *testing.F) {
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&b)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, size byte) {
		g := newWindowGuard(bytes.NewReader(data))
		p := make([]byte, int(size)+1)
		var got []byte
		for {
			n, err := g.Read(p)
			got = append(got, p[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.HasPrefix(data, got) || g.err == nil && len(got) != len(data) {
			t.Errorf("%d of %d bytes passed on, error %v", len(got), len(data), g.err)
		}
	})
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
		file, err := Open(t.Context(), path)
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
