package documents

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/subbert/subbert/data/forms"
)

// compressors are the ways in which files are packed, by what their names end in.
var compressors = map[string]func(io.Writer) (io.WriteCloser, error){
	"":     func(w io.Writer) (io.WriteCloser, error) { return plain{w}, nil },
	".gz":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	".xz":  func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: 1 << 16}.NewWriter(w) },
	".zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

func packed(t *testing.T, ext, content string) string {
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

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	pubmedXML  = `<?xml version="1.0"?><PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>Zalor.</ArticleTitle><Abstract><AbstractText>It binds IL-8.</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>`
	biocXML    = `<collection><document><id>1</id><passage><infon key="type">title</infon><text>Zalor.</text></passage><passage><infon key="type">abstract</infon><offset>7</offset><text>It binds IL-8.</text><annotation id="T1"><infon key="type">Gene</infon><location offset="16" length="4"/><text>IL-8</text></annotation></passage></document></collection>`
	asPubTator = "1|t|Zalor.\n1|a|It binds IL-8.\n1\t16\t20\tIL-8\tGene\t8\n"
	jsonl      = `{"id":"1","title":"Zalor.","abstract":"It binds IL-8."}` + "\n"
	aimed      = `{"id":"1","title":"Zalor.","abstract":"It binds IL-8.","text":null,"relation":[]}` + "\n"
	text       = "It binds IL-8.\n"
)

// TestForms reads the same document in every form, packed in every way, whatever the file is called.
func TestForms(t *testing.T) {
	for _, test := range []struct {
		names, content, want string
		form                 forms.Form
	}{
		{"x.xml x", pubmedXML, `{"id":"1","title":"Zalor.","abstract":"It binds IL-8."}`, forms.PubMedXML},
		{"x.xml x.txt x", biocXML, `{"id":"1","title":"Zalor.","abstract":"It binds IL-8."}`, forms.BioC},
		{"x.pubtator x.PubTator.txt x.txt x", asPubTator, `{"id":"1","title":"Zalor.","abstract":"It binds IL-8."}`, forms.PubTator},
		{"x.jsonl x.json x", jsonl, `{"id":"1","title":"Zalor.","abstract":"It binds IL-8."}`, forms.JSONL},
		{"x.jsonl x", aimed, `{"id":"1","title":"Zalor.","abstract":"It binds IL-8."}`, forms.JSONL},
		{"x.txt x", text, `{"text":"It binds IL-8."}`, forms.Text},
	} {
		for ext := range compressors {
			for name := range strings.FieldsSeq(test.names) {
				t.Run(string(test.form)+" "+name+ext, func(t *testing.T) {
					for _, path := range []string{write(t, name+ext, packed(t, ext, test.content)), write(t, name, packed(t, ext, test.content))} {
						f, err := Open(path, Options{Strict: true})
						if err != nil {
							t.Fatal(err)
						}
						n := 0
						for r, err := range f.Records() {
							if err != nil {
								t.Fatal(err)
							}
							got, err := json.Marshal(r.Document)
							if diff := cmp.Diff(test.want, string(got)); diff != "" || err != nil {
								t.Errorf("error %v (-want +got):\n%s", err, diff)
							}
							if (r.Names != nil) != (test.form == forms.BioC || test.form == forms.PubTator) || r.Names != nil && (!r.Names("gene") || r.Names("disease")) {
								t.Error("names: want a gene and no disease, where the form says so")
							}
							n++
						}
						if n != 1 || f.Form() != test.form {
							t.Errorf("%d records of %s", n, f.Form())
						}
						if err := f.Close(); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
	}
}

func TestNoDocuments(t *testing.T) {
	for _, test := range []struct {
		name, file, content string
		asked               forms.Form
		want                string
	}{
		{"DDI", "x.xml", `<document id="d"><sentence id="s" text="x"/></document>`, forms.Auto, "x.xml: the DDI corpus's XML, which has no documents; want pubmed-xml"},
		{"columns", "x.tsv.gz", packed(t, ".gz", "index\tsentence\n1\tx\n"), forms.Auto, "x.tsv.gz: tab-separated columns, which has no documents"},
		{"commas", "x.csv", "id,abstract\n1,x\n", forms.Auto, "x.csv: comma-separated columns, which has no documents"},
		{"a web page", "x.jsonl.xz", packed(t, ".xz", "<!DOCTYPE html>\n"), forms.JSONL, "x.jsonl.xz: a web page in HTML"},
		{"a pointer", "x.xml", "version https://git-lfs.github.com/spec/v1\n", forms.PubMedXML, "x.xml: a Git LFS pointer"},
		{"another name", "x.pubtator", biocXML, forms.Auto, "x.pubtator: named .pubtator, but its content is BioC XML; name the form with --from"},
		{"another form", "x.xml", biocXML, forms.PubMedXML, "x.xml: its content is BioC XML, not PubMed's XML; read it with --from bioc"},
		{"packed otherwise", "x.jsonl.gz", jsonl, forms.Auto, "x.jsonl.gz: named .gz, but its content is not gz"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Open(write(t, test.file, test.content), Options{Form: test.asked}); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got error %v, want one line with %q", err, test.want)
			}
		})
	}
	if f, err := FormOf(write(t, "x.pubtator", text), forms.Text); err != nil || f != forms.Text {
		t.Errorf("text called PubTator, asked for as text: %v, error %v", f, err)
	}
}

// TestNotes has what is told of a file as a whole, once it has been read.
func TestNotes(t *testing.T) {
	for _, test := range []struct{ file, content, want string }{
		{"x.txt", "Zalor\x00 binds.\n", "x.txt: NUL characters left out: 1"},
		{"x.jsonl", `{"text":"Zalor\u0000."}`, "x.jsonl: NUL characters left out: 1"},
		{"x.pubtator", "1|t|β Ab\x00.\n1\t3\t5\tAb\tGene\t1\n", "x.pubtator: positions count bytes, not characters; they were converted|x.pubtator: NUL characters left out: 1"},
		{"x.xml", `<collection><document><id>1</id><passage><text>β Ab.</text><annotation id="a"><location offset="3" length="2"/><text>Ab</text></annotation></passage></document></collection>`, "x.xml: positions count bytes, not characters; they were converted"},
	} {
		t.Run(test.file, func(t *testing.T) {
			f, err := Open(write(t, test.file, test.content), Options{Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for _, err := range f.Records() {
				if err != nil {
					t.Fatal(err)
				}
			}
			got := strings.ReplaceAll(strings.Join(f.Notes(), "|"), filepath.Dir(f.Path())+string(filepath.Separator), "")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzRecords reads anything in every form: it ends, and what it gives is text.
func FuzzRecords(f *testing.F) {
	for _, s := range []string{pubmedXML, biocXML, asPubTator, jsonl, aimed, text} {
		f.Add([]byte(s), "auto")
	}
	f.Add([]byte(asPubTator), "text")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, form string) {
		path := filepath.Join(dir, "x")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path, Options{Form: forms.Form(form)})
		if err != nil {
			return
		}
		defer file.Close()
		for r, err := range file.Records() {
			if err != nil {
				return
			}
			for s := range r.Document.Texts {
				if strings.Contains(s, "\x00") || strings.ToValidUTF8(s, "") != s {
					t.Fatalf("no text: %q", s)
				}
			}
		}
	})
}
