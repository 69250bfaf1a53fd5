package forms

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Form is the form of a file. Its value is its name in flags.
type Form string

// The forms of documents and of relation corpora, and Auto.
const (
	Auto Form = "auto" // determined by the content

	PubMedXML Form = "pubmed-xml"
	BioC      Form = "bioc"
	BioCJSON  Form = "bioc-json" // accepted wherever BioC is
	PubTator  Form = "pubtator"
	JSONL     Form = "jsonl" // JSON lines
	Text      Form = "text"  // plain, with blank lines between documents

	DDI            Form = "ddi2013"
	PPI            Form = "ppi-xml"
	AIMed          Form = "aimed"
	RelationsJSONL Form = "relations-jsonl" // JSON lines with mentions
	TSV            Form = "tsv"
	CSV            Form = "csv"
)

// String is the form in words.
func (f Form) String() string {
	words := map[Form]string{PubMedXML: "PubMed's XML", BioC: "BioC XML", BioCJSON: "BioC JSON", PubTator: "PubTator's text", JSONL: "JSON lines", Text: "plain text",
		DDI: "the DDI corpus's XML", PPI: "the PPI corpora's XML", AIMed: "JSON lines of pairs", RelationsJSONL: "JSON lines with mentions",
		TSV: "tab-separated columns", CSV: "comma-separated columns"}
	if w, ok := words[f]; ok {
		return w
	}
	return string(f)
}

// is reports whether a file of form f can be read as form g.
func (f Form) is(g Form) bool {
	lines := []Form{AIMed, RelationsJSONL}
	return f == g || f == BioCJSON && g == BioC || g == JSONL && slices.Contains(lines, f) || f == JSONL && slices.Contains(lines, g) || f == Text && g == TSV
}

// HeadBytes is the number of bytes of a file, after decompression, that determine its form.
const HeadBytes = 64 << 10

// Resolve returns the form in which to read a file whose first bytes, after decompression, are head. asked is the
// requested form, or Auto. A requested form is used unless the content is certainly another; plain text may always be
// requested.
func Resolve(path string, head []byte, asked Form) (Form, error) {
	c, err := contentOf(head)
	if markup, ok := errors.AsType[*markupError](err); ok {
		_, named := claim(path)
		if asked == Text || markup.guess && !slices.Contains(named, BioC) && !slices.Contains([]Form{PubMedXML, BioC, DDI, PPI}, asked) {
			c, err = content{form: Text}, nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if asked == Auto || asked == "" {
		return byName(path, c)
	}
	if _, named := claim(path); asked == TSV && c.form == Text && slices.Contains(named, CSV) {
		c = content{CSV, true} // one column, or columns without a header
	}
	if c.sure && asked != Text && !c.form.is(asked) {
		return "", fmt.Errorf("%s: its content is %s, not %s; %s", path, c.form, asked, c.form.remedy())
	}
	return asked, nil
}

// remedy says how to read a file of form f.
func (f Form) remedy() string {
	switch f {
	case CSV:
		return "separate the columns by tabs"
	case RelationsJSONL:
		f = "jsonl"
	case BioCJSON:
		f = BioC
	}
	return "read it with --from " + string(f)
}

// byName is the form of content c in the file at path, whose name may be more specific than the content,
// but must not contradict it.
func byName(path string, c content) (Form, error) {
	ext, named := claim(path)
	switch {
	case c.form == "" && len(named) > 0:
		return named[0], nil
	case c.form == "":
		return Text, nil
	case len(named) == 0:
		return c.form, nil
	case slices.ContainsFunc(named, c.form.is):
		if c.form == Text {
			return named[0], nil
		}
		return c.form, nil
	case !c.sure && len(named) == 1 && named[0] == CSV && c.form == Text:
		return CSV, nil
	}
	return "", fmt.Errorf("%s: named %s, but its content is %s; name the form with --from", path, ext, c.form)
}

// claim returns the extension of a file name and the forms that it stands for; none if it does not determine the form.
// ".txt" does not, because PubTator and other forms use it.
func claim(path string) (ext string, forms []Form) {
	claims := map[string][]Form{
		".xml": {PubMedXML, BioC, DDI, PPI}, ".nxml": {PubMedXML, BioC, DDI, PPI}, ".bioc": {BioC, BioCJSON}, ".pubtator": {PubTator},
		".jsonl": {JSONL, AIMed, RelationsJSONL, BioCJSON}, ".ndjson": {JSONL, AIMed, RelationsJSONL, BioCJSON}, ".json": {JSONL, AIMed, RelationsJSONL, BioCJSON},
		".tsv": {TSV}, ".tab": {TSV}, ".csv": {CSV},
	}
	name := filepath.Base(path)
	for {
		ext := filepath.Ext(name)
		lower := strings.ToLower(ext)
		if forms := claims[lower]; forms != nil {
			return ext, forms
		}
		if !slices.Contains([]string{".gz", ".xz", ".zst", ".txt"}, lower) {
			return "", nil
		}
		name = strings.TrimSuffix(name, ext)
	}
}
