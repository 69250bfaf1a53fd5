package pubmed

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus/pmid"
	"github.com/subbert/subbert/data/corpus/pubmed/pubmedtest"
	"github.com/subbert/subbert/data/corpus/stream"
)

func generate(t testing.TB, c pubmedtest.Config) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pubmedtest.Write(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pack(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAgainstEncodingXML compares with texts that encoding/xml finds in a file of all kinds of elements.
func TestAgainstEncodingXML(t *testing.T) {
	data := generate(t, pubmedtest.Config{Seed: 3, Citations: 200, FirstPMID: 1000, Deleted: []int{5, 6}})
	i, want := 0, standardTexts(t, data)
	for c, err := range NewReader(bytes.NewReader(data), "made up", Options{Strict: true}).Records() {
		if err != nil {
			t.Fatal(err)
		}
		if c.Deleted {
			continue
		}
		got := []string{fmt.Sprint(c.PMID), c.Title}
		for _, s := range c.Abstract {
			got = append(got, strings.ReplaceAll(s.Text, "R0 = a/b", "R0=ab")) // encoding/xml knows no MathML
		}
		for _, h := range c.MeSH {
			got = append(got, h.Name)
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Fatalf("record %d: -encoding/xml +pubmed:\n%s", i, diff)
		}
		i++
	}
	if i != 200 || len(want) != 200 {
		t.Errorf("got %d citations, want 200 of %d", i, len(want))
	}
}

// standardTexts returns PMID, title, abstract and descriptors of each record.
func standardTexts(t *testing.T, data []byte) [][]string {
	t.Helper()
	var records [][]string
	var path []string
	text := ""
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return records
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, token.Name.Local)
			switch strings.Join(path, "/") {
			case "PubmedArticleSet/PubmedArticle":
				records = append(records, nil)
			case "PubmedArticleSet/PubmedArticle/MedlineCitation/PMID", "PubmedArticleSet/PubmedArticle/MedlineCitation/Article/ArticleTitle",
				"PubmedArticleSet/PubmedArticle/MedlineCitation/Article/Abstract/AbstractText",
				"PubmedArticleSet/PubmedArticle/MedlineCitation/MeshHeadingList/MeshHeading/DescriptorName":
				text = "" // collected up to the end tag
			}
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			switch last := strings.Join(path[max(0, len(path)-2):], "/"); last {
			case "MedlineCitation/PMID", "Article/ArticleTitle", "Abstract/AbstractText", "MeshHeading/DescriptorName":
				n := len(records) - 1
				if path[len(path)-2] != "Abstract" || path[len(path)-3] == "Article" {
					records[n] = append(records[n], strings.Join(strings.Fields(text), " "))
				}
			}
			path = path[:len(path)-1]
		}
	}
}

func TestFile(t *testing.T) {
	data := generate(t, pubmedtest.Config{Seed: 2, Citations: 50})
	packed := pack(t, data)
	sum := md5.Sum(packed)
	damaged := bytes.Clone(packed)
	damaged[len(damaged)-6] ^= 1 // in the checksum
	middle := bytes.Clone(packed)
	middle[len(middle)/2] ^= 0x55
	tests := []struct {
		name, file string
		data       []byte
		sum        string
		want       error // nil: good
		says       string
	}{
		{name: "plain", file: "a.xml", data: data},
		{name: "packed", file: "a.xml.gz", data: packed},
		{name: "packed in two parts", file: "a.xml.gz", data: append(pack(t, data[:1000]), pack(t, data[1000:])...)},
		{name: "sum as NLM writes it", file: "a.xml.gz", data: packed, sum: fmt.Sprintf("MD5(a.xml.gz)= %x\n", sum)},
		{name: "sum as md5sum writes it", file: "a.xml.gz", data: packed, sum: fmt.Sprintf("%X  a.xml.gz\n", sum)},
		{name: "sum differs", file: "a.xml.gz", data: packed, sum: strings.Repeat("0", 32), want: &stream.SumError{}, says: "but the .md5 file has 0000"},
		{name: "no sum", file: "a.xml.gz", data: packed, sum: "404", says: "no md5 checksum"},
		{name: "truncated", file: "a.xml.gz", data: packed[:len(packed)/2], want: stream.ErrTruncated, says: "the file is truncated"},
		{name: "truncated at the end", file: "a.xml.gz", data: packed[:len(packed)-4], want: stream.ErrTruncated},
		{name: "truncated and sum", file: "a.xml.gz", data: packed[:len(packed)/2], sum: fmt.Sprintf("%x", sum), want: &stream.SumError{}},
		{name: "truncated plain", file: "a.xml", data: data[:len(data)/2], want: io.ErrUnexpectedEOF, says: "no </PubmedArticleSet>"},
		{name: "checksum", file: "a.xml.gz", data: damaged, want: stream.ErrDamaged},
		{name: "damaged", file: "a.xml.gz", data: middle, says: "a.xml.gz: "},
		{name: "more after the end", file: "a.xml.gz", data: append(bytes.Clone(packed), "oops"...), says: "a.xml.gz: "},
		{name: "not packed", file: "a.xml.gz", data: data, says: "its content is not gz"},
		{name: "empty", file: "a.xml.gz", data: nil, says: "empty file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.file)
			write(t, path, test.data)
			if test.sum != "" {
				write(t, path+".md5", []byte(test.sum))
			}
			err := readFile(path)
			if test.want == nil && test.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			sum := new(stream.SumError)
			isSum := errors.As(test.want, &sum) && errors.As(err, &sum)
			if err == nil || !strings.Contains(err.Error(), test.says) || test.want != nil && !errors.Is(err, test.want) && !isSum {
				t.Errorf("got error %v, want %v, saying %q", err, test.want, test.says)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %v", err)
			}
		})
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(path string) error {
	for _, err := range Open(path, Options{}) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xml.gz")
	data := generate(t, pubmedtest.Config{Seed: 2, Citations: 5, Deleted: []int{77}})
	data = bytes.Replace(data, []byte("<PMID Version=\"1\">2<"), []byte("<PMID Version=\"1\">x<"), 1)
	write(t, path, pack(t, data))
	f, err := OpenFile(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range f.Records() {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := Counts{Bytes: int64(len(data)), Citations: 4, Deleted: 1, Broken: 1}
	if diff := cmp.Diff(want, f.Counts()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if f.BytesRead() != f.Size() {
		t.Errorf("read %d of %d bytes", f.BytesRead(), f.Size())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// TestBounded reads a small packed file with an abstract, and then an author list, of a gigabyte in one line.
func TestBounded(t *testing.T) {
	length := int64(1 << 30)
	if testing.Short() {
		length = 64 << 20
	}
	path := filepath.Join(t.TempDir(), "bomb.xml.gz")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(out)
	head, tail, _ := strings.Cut(file(article("1", "")+article("2", "<ArticleTitle>#</ArticleTitle>")+article("3", "<AuthorList>#</AuthorList>")+article("4", "")), "#")
	between, tail, _ := strings.Cut(tail, "#")
	for _, s := range []string{head, between} {
		if _, err := io.Copy(w, io.MultiReader(strings.NewReader(s), io.LimitReader(letters{}, length))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, tail); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	var pmids []uint32
	faults := 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for c, err := range Open(path, Options{Fault: func(Fault) { faults++ }}) {
		if err != nil {
			t.Fatal(err)
		}
		pmids = append(pmids, c.PMID)
	}
	runtime.ReadMemStats(&after)
	if diff := cmp.Diff([]uint32{1, 4}, pmids); diff != "" || faults != 2 {
		t.Errorf("%d faults, want 2; -want +got:\n%s", faults, diff)
	}
	// A text that grows to 32 MiB by appending costs about 200 MB in all, freed and not.
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 400<<20 {
		t.Errorf("allocated %d MB, want under 400", grown>>20)
	}
}

// letters is endless text.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// FuzzRecords checks that reading ends, that counts agree, and that texts are normalised.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(file(full)))
	f.Add([]byte(file(article("1", "<ArticleTitle>a <math><mo>-</mo><mi>x</mi></math></ArticleTitle>") + "<PubmedArticle>")))
	f.Add([]byte(file(article("1", "") + "<DeleteCitation><PMID>3</PMID></DeleteCitation>")))
	f.Add([]byte(file("&oops;" + article("2", ""))))
	f.Fuzz(func(t *testing.T, data []byte) {
		faults, records := 0, 0
		r := NewReader(bytes.NewReader(data), "fuzz", Options{Fault: func(Fault) { faults++ }})
		for c, err := range r.Records() {
			if err != nil {
				break
			}
			records++
			if c.PMID == 0 || c.PMID > pmid.Max || c.Version == 0 {
				t.Errorf("ID %v", c.ID)
			}
			if c.Title != strings.Join(strings.Fields(c.Title), " ") || !isText(c.Title) {
				t.Errorf("title %q", c.Title)
			}
		}
		if n := r.Counts(); n.Citations+n.Deleted != records || n.Broken+n.Repeated != faults {
			t.Errorf("counts %+v, read %d and %d faults", n, records, faults)
		}
	})
}

func isText(s string) bool { return strings.ToValidUTF8(s, "") == s && !strings.ContainsRune(s, 0) }
