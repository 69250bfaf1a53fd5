package corpus

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
	"github.com/ulikunitz/xz"
)

// read collects what a file holds until the first error.
func read(t testing.TB, path string) ([]Document, error) {
	t.Helper()
	var out []Document
	for d, err := range Open(t.Context(), path) {
		if err != nil {
			return out, err
		}
		out = append(out, d)
	}
	return out, nil
}

func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlainText(t *testing.T) {
	plain := func(s string) Document { return Document{Sections: []Section{{Part: Text, Text: s}}} }
	for _, c := range []struct {
		name, content string
		want          []Document
	}{
		{"two documents", "One line.\nAnother.\n\nSecond.\n", []Document{plain("One line.\nAnother."), plain("Second.")}},
		{"no last line end", "One", []Document{plain("One")}},
		{"blank lines everywhere", "\n \n\tOne \n\t \n\n\nTwo\n\n", []Document{plain("One"), plain("Two")}},
		{"line ends of Windows and a byte order mark", "\ufeffOne\r\nmore\r\n\r\nTwo\r\n", []Document{plain("One\nmore"), plain("Two")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(t, writeFile(t, "x.txt", c.content))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSONLines(t *testing.T) {
	content := `{"id":"a","title":"T","abstract":"One.","other":[1]}

{"id":12,"abstract":[["AIM","One."],[null,"Two."]],"body":[["M","Three."]],"text":null}
{"text":"Four \u00e9."}
`
	want := []Document{
		{ID: "a", Title: "T", Sections: []Section{{Abstract, "", "One."}}},
		{ID: "12", Sections: []Section{{Abstract, "AIM", "One."}, {Abstract, "", "Two."}, {Body, "M", "Three."}}},
		{Sections: []Section{{Text, "", "Four é."}}},
	}
	for _, name := range []string{"x.jsonl", "x", "X.JSONL"} {
		got, err := read(t, writeFile(t, name, content))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var again strings.Builder
	for _, d := range want {
		line, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		again.Write(append(line, '\n'))
	}
	got, err := read(t, writeFile(t, "again.jsonl", again.String()))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("written and read again: %v (-want +got):\n%s", err, diff)
	}
}

// compressors write what the readers read.
var compressors = map[string]func(io.Writer) (io.WriteCloser, error){
	".gz":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	".xz":  func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	".zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
}

func compress(t testing.TB, ext, content string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := compressors[ext](&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCompressed(t *testing.T) {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "Document %d %x.\n\n", i, sha256.Sum256(fmt.Append(nil, i)))
	}
	for ext := range compressors {
		t.Run(ext, func(t *testing.T) {
			packed := compress(t, ext, b.String())
			for _, name := range []string{"x.txt" + ext, "x.txt"} {
				got, err := read(t, writeFile(t, name, packed))
				if err != nil || len(got) != 3000 {
					t.Errorf("%s: %d documents, %v; want 3000", name, len(got), err)
				}
			}
			for _, n := range []int{len(packed) / 2, len(packed) - 3} {
				path := writeFile(t, "x.txt"+ext, packed[:n])
				if _, err := read(t, path); !oneLine(err, path) || !strings.Contains(err.Error(), "truncated") {
					t.Errorf("cut off at %d of %d: %v", n, len(packed), err)
				}
			}
			damaged := []byte(packed)
			damaged[len(damaged)/2] ^= 0x10
			path := writeFile(t, "x.txt"+ext, string(damaged))
			if _, err := read(t, path); !oneLine(err, path) {
				t.Errorf("damaged: %v", err)
			}
			path = writeFile(t, "x.txt"+ext, "no compressed data")
			if _, err := read(t, path); !oneLine(err, path) || !strings.Contains(err.Error(), "named "+ext) {
				t.Errorf("plain text: %v", err)
			}
		})
	}
}

// oneLine says whether err is one line that begins with the file.
func oneLine(err error, path string) bool {
	return err != nil && strings.HasPrefix(err.Error(), path+": ") && !strings.Contains(err.Error(), "\n")
}

func TestBadFiles(t *testing.T) {
	for _, c := range []struct{ name, file, content, want string }{
		{"empty", "x.txt", "", "empty file"},
		{"only blank lines", "x.txt", "\n \n", "no document"},
		{"only blank JSON lines", "x.jsonl", "\n", "no document"},
		{"XML", "x.xml", "<collection><document>", "x.xml: BioC XML, want JSON lines or plain text"},
		{"another name", "x.jsonl", "Text.\n", "named .jsonl, but its content is plain text"},
		{"invalid UTF-8", "x.txt", "One.\n\nTwo\xff", "line 3: invalid UTF-8 at column 4"},
		{"invalid UTF-8 in JSON", "x.jsonl", "{\"text\":\"\xc3\"}", "line 1: invalid UTF-8 at column 10"},
		{"no JSON", "x.jsonl", "{\"text\":\"One.\"}\ntext\n", "line 2: bad JSON at column"},
		{"half a JSON line", "x.jsonl", "{\"text\":\"One", "line 1: bad JSON"},
		{"two values", "x.jsonl", "{} {}", "line 1: bad JSON"},
		{"an array", "x.jsonl", "[1]", "line 1: a JSON array, want an object"},
		{"a number for a title", "x.jsonl", `{"title":1}`, "line 1: title: a JSON number, want a string"},
		{"an object for an abstract", "x.jsonl", `{"abstract":{}}`, "line 1: abstract, body and text"},
		{"sections of one", "x.jsonl", `{"body":[["a"]]}`, "line 1: abstract, body and text: section 1 has 1"},
		{"an id of no kind", "x.jsonl", `{"id":[1]}`, "line 1: id: want a string or a number"},
		{"a line too long", "x.txt", strings.Repeat("x", text.MaxLine+1), "line 1: line longer than 16 MiB"},
		{"a document too long", "x.txt", strings.Repeat(strings.Repeat("x", 1<<20)+"\n", 17), "without a blank line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := writeFile(t, c.file, c.content)
			_, err := read(t, path)
			if !oneLine(err, path) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one line with %q", err, c.want)
			}
		})
	}
	if _, err := read(t, t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
	if _, err := read(t, filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no file: no error")
	}
}

// TestNUL reads texts with NUL characters, as they are and escaped.
func TestNUL(t *testing.T) {
	plain := func(id, s string) Document { return Document{ID: id, Sections: []Section{{Part: Text, Text: s}}} }
	for _, c := range []struct {
		file, content string
		want          []Document
	}{
		{"x.txt", "Zalor\x00 binds.\n\x00\nNext\x00.\n", []Document{plain("", "Zalor binds."), plain("", "Next.")}},
		{"x.jsonl", `{"id":"1\u0000","text":"Zalor\u0000 binds."}` + "\n" + `{"id":"2","text":"Next` + "\x00" + `."}`, []Document{plain("1", "Zalor binds."), plain("2", "Next.")}},
	} {
		f, err := OpenFile(t.Context(), writeFile(t, c.file, c.content), forms.Auto)
		if err != nil {
			t.Fatal(err)
		}
		var got []Document
		for d, err := range f.Documents() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, d)
		}
		if diff := cmp.Diff(c.want, got); diff != "" || f.NULs() != 3 {
			t.Errorf("%s: %d NULs, want 3 (-want +got):\n%s", c.file, f.NULs(), diff)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestBrokenLineCostsItsDocument has a line that is no UTF-8 within a document, and a document that is too long.
func TestBrokenLineCostsItsDocument(t *testing.T) {
	long := strings.Repeat(strings.Repeat("x", 1<<20)+"\n", 17)
	f, err := OpenFile(t.Context(), writeFile(t, "x.txt", "One.\n\nTwo.\n\xff\nStill two.\n\n"+long+"\nThree.\n"), forms.Auto)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var told, got []string
	f.PassOver(func(err error) { told = append(told, err.Error()) })
	for d, err := range f.Documents() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d.Sections[0].Text)
	}
	if diff := cmp.Diff([]string{"One.", "Three."}, got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	if len(told) != 2 || !strings.Contains(told[0], "x.txt: line 4: invalid UTF-8") || !strings.Contains(told[1], "x.txt: line 22: more than 16 MiB without a blank line") {
		t.Errorf("told %q", told)
	}
}

func TestFileKnowsHowFarItIs(t *testing.T) {
	content := strings.Repeat("A document.\n\n", 100_000)
	f, err := OpenFile(t.Context(), writeFile(t, "x.txt", content), forms.Auto)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for range f.Documents() {
		if n++; n == 10 {
			break
		}
	}
	if f.Size() != int64(len(content)) || f.BytesRead() == 0 || f.BytesRead() >= f.Size() {
		t.Errorf("read %d of %d after 10 documents", f.BytesRead(), f.Size())
	}
	sum, err := f.Sum()
	if err != nil || sum != sha256.Sum256([]byte(content)) {
		t.Errorf("sum %x, %v", sum, err)
	}
}

func FuzzJSONLine(f *testing.F) {
	f.Add(`{"id":1,"title":"T","abstract":[["L","t"]],"body":"b","text":null}`)
	f.Fuzz(func(t *testing.T, line string) {
		d, err := parseDocument([]byte(line))
		if err != nil {
			return
		}
		written, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseDocument(written)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Errorf("written and read again (-first +second):\n%s", diff)
		}
	})
}

// FuzzDocuments checks that reading ends, and that what was read is text.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte("One.\r\nTwo.\n\n\nThree\x00"), true)
	f.Add([]byte("{\"text\":\"a\"}\n{\n\xff\n{\"id\":1}"), false)
	f.Fuzz(func(t *testing.T, data []byte, plain bool) {
		lines := text.NewLines(iotest.OneByteReader(bytes.NewReader(data)))
		next := (&jsonReader{lines: lines}).next
		if plain {
			next = (&plainReader{lines: lines}).next
		}
		for range len(data) + 2 {
			d, err := next()
			var one *text.LineError
			if err != nil && !errors.As(err, &one) {
				return
			}
			if err == nil && plain && (len(d.Sections) != 1 || strings.TrimSpace(d.Sections[0].Text) == "") {
				t.Fatalf("an empty document: %+v", d)
			}
			for s := range d.Texts {
				if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
					t.Fatalf("no text: %q", s)
				}
			}
		}
		t.Fatal("reading does not end")
	})
}
