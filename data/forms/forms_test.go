package forms

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	pubmed   = "\ufeff<?xml version=\"1.0\"?>\n<!-- made up --><!DOCTYPE PubmedArticleSet PUBLIC \"a\" \"c\">\n<PubmedArticleSet>"
	biocXML  = "<collection><source/><document><id>1</id>"
	ddi      = `<document id="D.d1"><sentence id="D.d1.s0" text="Zalor.">`
	ppi      = `<corpus source="Made-up"><document id="M.d0">`
	pubtator = "\n12|t|The title.\n12|a|Text.\n12\t0\t3\tThe\tGene\t1\n"
	object   = `{"id": 1, "text": "Zalor binds."}` + "\n"
	mentions = `{"id":"1","text":"a","mentions":[]}`
	aimed    = `{"id":"1","text":"a","relation":[{"relation_type":"positive"}]}`
	tsv      = "index\tsentence\tlabel\n0\t@GENE$ binds @DRUG$.\t1\n"
	bare     = "@GENE$ binds @DRUG$.\t1\nNone.\t0\n"
	csv      = "index,sentence,label\n0,\"@GENE$ binds, @DRUG$.\",1\n"
	plain    = "Zalor binds.\nBrimadol does not.\n\nNext.\n"
	page     = "<!doctype HTML>\n<html><body>404</body></html>"
	pointer  = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
)

func TestResolve(t *testing.T) {
	for _, test := range []struct {
		name, file, content string
		asked               Form
		want                string // the form, or what is in the error
	}{
		{"PubMed", "x.xml", pubmed, Auto, "pubmed-xml"},
		{"PubMed without the name", "x", pubmed, "", "pubmed-xml"},
		{"BioC", "x.XML", biocXML, Auto, "bioc"},
		{"BioC called text", "x.txt", biocXML, Auto, "bioc"},
		{"BioC JSON", "x.json", `{"source":"x","documents":[`, Auto, "bioc-json"},
		{"BioC JSON over several lines", "x.json", "[\n {\n  \"PubTator3\": [\n {", Auto, "bioc-json"},
		{"BioC JSON, a document a line", "x.jsonl", `{"_id":"1|None","id":"1","passages":[]}` + "\n", Auto, "bioc-json"},
		{"asked for BioC, JSON", "x", `{"passages":[]}`, BioC, "bioc"},
		{"DDI", "x.xml", ddi, Auto, "ddi2013"},
		{"PPI", "x.xml", ppi, Auto, "ppi-xml"},
		{"PubTator", "x.pubtator", pubtator, Auto, "pubtator"},
		{"PubTator called text, packed", "CDR.PubTator.txt.xz", pubtator, Auto, "pubtator"},
		{"PubTator called text", "x.txt", pubtator, Auto, "pubtator"},
		{"objects", "x.jsonl", object, Auto, "jsonl"},
		{"objects without the name", "x", object, Auto, "jsonl"},
		{"an empty object", "x.jsonl", "{}\n", Auto, "jsonl"},
		{"a broken object first", "x.jsonl", "{\"text\":\"One\n" + object, Auto, "jsonl"},
		{"a long object", "x", `{"id":1,"text":"` + strings.Repeat("x", 2*HeadBytes), Auto, "jsonl"},
		{"mentions", "x.jsonl", mentions, Auto, "relations-jsonl"},
		{"mentions as documents", "x.jsonl", mentions, JSONL, "jsonl"},
		{"AIMed", "test_0.json", aimed, Auto, "aimed"},
		{"header", "x.tsv", tsv, Auto, "tsv"},
		{"columns", "x.tab.gz", bare, Auto, "tsv"},
		{"columns called text", "x.txt", "1\tAlb binds.\n2\tBor does.\n3\t\n", Auto, "tsv"},
		{"one column", "x.tsv", plain, Auto, "tsv"},
		{"marks", "x", "<e1:DRUG>Zalor</e1:DRUG> binds <e2:GENE>Bor</e2:GENE>.\t1\n", Auto, "tsv"},
		{"commas", "x.csv", csv, Auto, "csv"},
		{"semicolons", "x", "sentence;label\nx;1\n", Auto, "csv"},
		{"commas by name", "x.csv", "1,Alb.\n", Auto, "csv"},
		{"text", "x.txt", plain, Auto, "text"},
		{"text of many commas", "x", "Alb, Bor, and the text, were read.\n", Auto, "text"},
		{"text with NUL", "x.txt", "Zalor\x00 binds.\n", Auto, "text"},
		{"text in brackets", "x.txt", "[1] Zalor binds.\n{alpha} too.\n", Auto, "text"},
		{"text that begins with <", "x.txt", "<0.05 was the limit.\n", Auto, "text"},
		{"indented", "x.txt", "\tZalor binds.\n\tBor does.\n", Auto, "text"},
		{"cut off", "x.txt", strings.Repeat("1\tAlb.\n", HeadBytes/7) + "1", Auto, "tsv"},
		{"text that begins with markup", "x.txt", "<sup>3</sup>H was bound.\n", Auto, "text"},
		{"columns that begin with markup", "x.tsv", "<sup>3</sup>H binds @GENE$.\t1\n", TSV, "tsv"},
		{"blank", "x.txt", "\n \n", Auto, "text"},
		{"blank, called JSON", "x.jsonl", "\n \n", Auto, "jsonl"},
		{"Latin-1", "x.txt", "Caf\xe9 au lait, s'il vous pla\xeet.\n", Auto, "text"},

		{"XML called JSON", "x.jsonl", biocXML, Auto, "x.jsonl: named .jsonl, but its content is BioC XML; name the form with --from"},
		{"JSON called XML", "a/x.xml.gz", object, Auto, "a/x.xml.gz: named .xml, but its content is JSON lines"},
		{"text called PubTator", "x.pubtator", plain, Auto, "named .pubtator, but its content is plain text"},
		{"text called XML", "x.xml", plain, Auto, "named .xml, but its content is plain text"},
		{"commas called tabs", "x.tsv", csv, Auto, "named .tsv, but its content is comma-separated columns"},
		{"tabs called commas", "x.csv", tsv, Auto, "named .csv, but its content is tab-separated columns"},
		{"BioC called BioC's JSON", "x.bioc", object, Auto, "named .bioc, but its content is JSON lines"},

		{"asked for BioC", "x.jsonl", biocXML, BioC, "bioc"},
		{"asked for text", "x.pubtator", plain, Text, "text"},
		{"PubTator as text", "x.txt", pubtator, Text, "text"},
		{"HTML as text", "x.txt", page, Text, "text"},
		{"columns, by guess, as text", "x.tsv", bare, Text, "text"},
		{"text as lines of JSON", "x", plain, JSONL, "jsonl"},
		{"commas as tabs", "x", csv, TSV, "x: its content is comma-separated columns, not tab-separated columns; separate the columns by tabs"},
		{"commas without a header as tabs", "x.csv", "0,@A$ binds @B$.,1\n", TSV, "its content is comma-separated columns"},
		{"tabs called commas, as tabs", "x.csv", tsv, TSV, "tsv"},
		{"PubTator as tabs", "x.tsv", pubtator, TSV, "its content is PubTator's text, not tab-separated columns; read it with --from pubtator"},
		{"BioC as PubMed", "x.xml", biocXML, PubMedXML, "its content is BioC XML, not PubMed's XML"},

		{"nothing", "x.txt", "", Auto, "x.txt: empty file"},
		{"web page", "x.xml", page, Auto, "a web page in HTML"},
		{"web page in XML", "x.xml", `<?xml version="1.0"?><html xmlns="x">`, Auto, "a web page in HTML"},
		{"pointer", "x.jsonl", pointer, JSONL, "a Git LFS pointer"},
		{"PDF", "x.txt", "%PDF-1.4\n", Text, "a PDF"},
		{"zip", "x.docx", "PK\x03\x04", Auto, "a zip archive"},
		{"UTF-16", "x.txt", "\xff\xfea\x00", Text, "UTF-16; convert it"},
		{"UTF-16 without a mark", "x.txt", "a\x00b\x00c\x00", Auto, "binary data"},
		{"binary", "x.txt", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\xff\xfe\x03\x80\x81", Text, "binary data"},
		{"weights", "x", "\x98\x05\x00\x00\x00\x00\x00\x00{\"embeddings\":" + strings.Repeat(" ", 999), Text, "binary data"},
		{"packed twice", "x.gz", "\x1f\x8b\x08", Auto, "compressed twice"},
		{"other XML", "x.xml", "<Error><Code>AccessDenied</Code></Error>", Auto, "the root element <Error>"},
		{"a document of no corpus", "x.xml", "<document><id>1</id></document>", Auto, "the root element <document>"},
		{"MeSH", "desc2026.xml", "<DescriptorRecordSet>", Auto, "--mesh"},
		{"table", "gene2pubtator3", "PMID\tType\tConceptID\tMentions\tResource\n", Auto, "--tables"},
		{"BioC JSON called text columns", "x.tsv", `{"source":"x","documents":[`, Auto, "named .tsv, but its content is BioC JSON"},
		{"BioC JSON as PubTator", "x.json", `{"source":"x","documents":[`, PubTator, "its content is BioC JSON, not PubTator's text; read it with --from bioc"},
		{"an object over several lines", "x.json", "{\n  \"id\": 1,\n  \"text\": \"a\"\n}\n", Auto, "JSON over several lines"},
		{"an array over several lines", "x.json", "[\n  {\"id\": 1},\n", Auto, "JSON over several lines"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Resolve(test.file, []byte(test.content)[:min(len(test.content), HeadBytes)], test.asked)
			if err != nil {
				if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("got error %v, want %q", err, test.want)
				}
			} else if got != Form(test.want) {
				t.Errorf("got %q, want %q", string(got), test.want)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(pubtator)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.txt.gz")
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Detect(path); err != nil || got != PubTator {
		t.Errorf("got %q, %v", string(got), err)
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{pubmed, biocXML, ddi, pubtator, object, mentions, tsv, csv, page, pointer, "[[1]", "\xff\xfe", "<!DOCTYPE a [<!ENTITY"} {
		f.Add("x.xml", []byte(s), "auto")
	}
	f.Fuzz(func(t *testing.T, name string, head []byte, asked string) {
		form, err := Resolve(name, head, Form(asked))
		if (form == "") != (err != nil) {
			t.Errorf("%q with error %v", string(form), err)
		}
	})
}
