package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/corpus/xmlpull"
	"github.com/subbert/subbert/internal/ctxio"
)

const (
	maxRecord      = 16 << 20 // bytes of XML of a descriptor
	maxDescriptors = 1 << 20  // a year has some 31,000
	maxTerms       = 64 << 20 // bytes of all terms; a year has some 15 MB
)

// Open reads a descriptor file, which may be compressed, until ctx ends. If want, a year of four digits, is not 0, Open warns
// when the file is of another or an unknown year: PubMed's baseline of 2026, pubmed26n0001.xml, belongs to desc2026.xml.
func Open(ctx context.Context, path string, want int, log *slog.Logger) (*Vocabulary, error) {
	f, err := stream.Open(path)
	if err != nil {
		return nil, err
	}
	v, err := Read(ctxio.Reader(ctx, f, nil), path)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	switch {
	case want == 0 || v.year == want:
	case v.year == 0:
		log.Warn("the year of the MeSH file is unknown", "file", path, "want", want)
	default:
		log.Warn("the years of the MeSH file and the citations differ; headings may differ", "file", path, "year", v.year, "want", want)
	}
	return v, nil
}

// Read reads a descriptor file; name appears in errors and may contain the year. Any fault is an error, because an
// incomplete vocabulary would silently select fewer documents.
func Read(r io.Reader, name string) (*Vocabulary, error) {
	p := parser{x: xmlpull.New(r, xmlpull.Config{Records: []string{"DescriptorRecord"}, MaxRecord: maxRecord})}
	var list []Descriptor
	for d, err := range p.descriptors() {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, d)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no descriptors", name)
	}
	v, err := newVocabulary(list, yearOf(p.x.Doctype(), name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// Descriptors reads a descriptor file one descriptor at a time. The last item is the first error, if any.
func Descriptors(r io.Reader) iter.Seq2[Descriptor, error] {
	p := parser{x: xmlpull.New(r, xmlpull.Config{Records: []string{"DescriptorRecord"}, MaxRecord: maxRecord})}
	return p.descriptors()
}

// yearOf finds the year in the name of the file, desc2026.xml, or else in the date of its document type, which does
// not change every year and may be too early.
func yearOf(doctype, name string) int {
	base := filepath.Base(name)
	if i := strings.Index(base, "desc"); i >= 0 {
		if y := leadingYear(base[i+len("desc"):]); y != 0 {
			return y
		}
	}
	if _, after, ok := strings.Cut(doctype, "recordset_"); ok {
		return leadingYear(after)
	}
	return 0
}

// leadingYear is the year of four digits at the start of s, or 0.
func leadingYear(s string) int {
	if len(s) < 4 || s[:2] != "20" && s[:2] != "19" || s[2] < '0' || s[2] > '9' || s[3] < '0' || s[3] > '9' {
		return 0
	}
	return 1000*int(s[0]-'0') + 100*int(s[1]-'0') + 10*int(s[2]-'0') + int(s[3]-'0')
}

// parser reads descriptors. Each method is called after the start tag of its element and returns after its end tag;
// if x has an error, it returns at once.
type parser struct {
	x     *xmlpull.Reader
	buf   []byte
	bytes int // of terms
}

func (p *parser) descriptors() iter.Seq2[Descriptor, error] {
	return func(yield func(Descriptor, error) bool) {
		root := p.x.Root()
		if err := p.x.Err(); err != nil {
			yield(Descriptor{}, err)
			return
		}
		if root != "DescriptorRecordSet" {
			yield(Descriptor{}, fmt.Errorf("the root element is <%.40s>, want <DescriptorRecordSet>; this is not a file of MeSH descriptors", root))
			return
		}
		for n := 0; p.x.Record(); n++ {
			d, err := p.descriptor()
			if err == nil && (n >= maxDescriptors || p.bytes > maxTerms) {
				err = fmt.Errorf("more than %d descriptors or %d MiB of terms; this is not MeSH", maxDescriptors, maxTerms>>20)
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
		if err := p.x.Err(); err != nil {
			yield(Descriptor{}, err)
		}
	}
}

func (p *parser) descriptor() (Descriptor, error) {
	if name := p.x.Name(); string(name) != "DescriptorRecord" {
		return Descriptor{}, fmt.Errorf("<%.40s>, want <DescriptorRecord>", name)
	}
	at := p.x.RecordPosition()
	d := Descriptor{Class: string(p.x.Attr(nil, "DescriptorClass"))}
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "DescriptorUI":
			d.UI = p.text()
		case "DescriptorName":
			p.each("String", func() { d.Name = p.text() })
		case "TreeNumberList":
			p.each("TreeNumber", func() { d.TreeNumbers = append(d.TreeNumbers, p.text()) })
		case "ConceptList":
			p.each("Concept", func() { p.concept(&d) })
		default:
			p.x.Skip()
		}
	}
	if err := p.x.Err(); err != nil {
		return Descriptor{}, err
	}
	if d.UI == "" || d.Name == "" {
		return Descriptor{}, fmt.Errorf("line %d: descriptor %q (%q) has no UI or no name", at.Line, d.UI, d.Name)
	}
	if !slices.Contains(d.Terms, d.Name) {
		d.Terms = append([]string{d.Name}, d.Terms...)
	}
	return d, nil
}

func (p *parser) concept(d *Descriptor) {
	p.each("TermList", func() {
		p.each("Term", func() {
			p.each("String", func() { d.Terms = append(d.Terms, p.text()) })
		})
	})
}

// each calls read for the children of the current element that are called name.
func (p *parser) each(name string, read func()) {
	for p.x.Child() {
		if string(p.x.Name()) == name {
			read()
		} else {
			p.x.Skip()
		}
	}
}

func (p *parser) text() string {
	p.buf = p.x.AppendText(p.buf[:0])
	p.bytes += len(p.buf)
	return strings.Join(strings.Fields(string(p.buf)), " ")
}
