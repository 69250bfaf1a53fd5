package selection

import (
	"bufio"
	"bytes"
	"fmt"
	"iter"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/bioc"
	"github.com/subbert/subbert/data/corpus/pubmed"
	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/corpus/query"
	"github.com/subbert/subbert/data/corpus/stream"
)

// Format is how documents are written.
type Format string

const (
	Auto      Format = "auto" // as name and content of each file say
	PubMedXML Format = "pubmed-xml"
	PubTator  Format = "pubtator"
	BioC      Format = "bioc"
	JSONL     Format = "jsonl"
	Text      Format = "text"
)

// of is the format of a file.
func (f Format) of(path string) (Format, error) {
	if f != Auto {
		return f, nil
	}
	name := strings.ToLower(path)
	for _, ext := range []string{".gz", ".zst", ".xz"} {
		name = strings.TrimSuffix(name, ext)
	}
	switch {
	case strings.HasSuffix(name, ".pubtator"):
		return PubTator, nil
	case !strings.HasSuffix(name, ".xml"):
		detected, err := corpus.OpenFile(path, corpus.Detect)
		if err != nil {
			return "", err
		}
		return Format(detected.Format()), detected.Close()
	}
	file, err := stream.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close() // only read from
	head, _ := bufio.NewReader(file).Peek(2048)
	switch {
	case bytes.Contains(head, []byte("<PubmedArticleSet")), bytes.Contains(head, []byte("<PubmedBookArticleSet")):
		return PubMedXML, nil
	case bytes.Contains(head, []byte("<collection")):
		return BioC, nil
	}
	return "", fmt.Errorf("%s: neither PubMed's XML nor BioC; name its format with --from", path)
}

// record is what a source gives one after the other.
type record struct {
	document corpus.Document
	known    query.Record          // what else is known of it, or nil
	names    func(typ string) bool // whether it names something of a type, or nil
	citation *pubmed.Citation      // of PubMed's XML
}

// source is an open input file.
type source struct {
	records  iter.Seq2[record, error]
	size     int64
	read     func() int64
	sum      func() ([32]byte, error)
	close    func() error
	repeated func() int // records that were in the file before
}

// openSource opens a file. Broken records are passed over and told to broken, unless strict.
func openSource(path string, f Format, strict bool, broken func(error)) (*source, error) {
	switch f {
	case PubMedXML:
		return openPubMed(path, strict, broken)
	case PubTator, BioC:
		return openAnnotated(path, f, strict, broken)
	}
	file, err := corpus.OpenFile(path, corpus.Format(f))
	if err != nil {
		return nil, err
	}
	if !strict {
		file.PassOver(broken)
	}
	return &source{size: file.Size(), read: file.BytesRead, sum: file.Sum, close: file.Close, repeated: func() int { return 0 },
		records: func(yield func(record, error) bool) {
			for d, err := range file.Documents() {
				if !yield(record{document: d}, err) {
					return
				}
			}
		}}, nil
}

func openPubMed(path string, strict bool, broken func(error)) (*source, error) {
	o := pubmed.Options{Strict: strict, Fault: func(f pubmed.Fault) { broken(f) }}
	file, err := pubmed.OpenFile(path, o)
	if err != nil {
		return nil, err
	}
	return &source{size: file.Size(), read: file.BytesRead, sum: file.Sum, close: file.Close,
		repeated: func() int { return file.Counts().Repeated },
		records: func(yield func(record, error) bool) {
			for c, err := range file.Records() {
				if err != nil {
					yield(record{}, err)
					return
				}
				r := record{citation: c}
				if !c.Deleted {
					r.document, r.known = c.Document(), citation{c}
				}
				if !yield(r, nil) {
					return
				}
			}
		}}, nil
}

func openAnnotated(path string, f Format, strict bool, broken func(error)) (*source, error) {
	file, err := stream.Open(path)
	if err != nil {
		return nil, err
	}
	s := &source{size: file.Size(), read: file.BytesRead, sum: file.Sum, close: file.Close, repeated: func() int { return 0 }}
	if f == BioC {
		r := bioc.NewReader(file, path, bioc.Options{Strict: strict, Fault: func(f bioc.Fault) { broken(f) }})
		s.records = func(yield func(record, error) bool) {
			for d, err := range r.Documents() {
				if err != nil {
					yield(record{}, err)
					return
				}
				if !yield(record{document: d.Document(), names: func(typ string) bool { return biocNames(d, typ) }}, nil) {
					return
				}
			}
		}
		return s, nil
	}
	documents := pubtator.Documents(file, path, pubtator.Options{Strict: strict, Fault: func(f pubtator.Fault) { broken(f) }})
	s.records = func(yield func(record, error) bool) {
		for d, err := range documents {
			if err != nil {
				yield(record{}, err)
				return
			}
			if !yield(record{document: d.Document(), names: d.Has}, nil) {
				return
			}
		}
	}
	return s, nil
}

// biocNames tells whether d has an annotation of a type.
func biocNames(d *bioc.Document, typ string) bool {
	has := func(all []bioc.Annotation) bool {
		for _, a := range all {
			if pubtator.TypeKey(a.Infons["type"]) == pubtator.TypeKey(typ) {
				return true
			}
		}
		return false
	}
	for i := range d.Passages {
		p := &d.Passages[i]
		if has(p.Annotations.Annotations) {
			return true
		}
		for j := range p.Sentences {
			if has(p.Sentences[j].Annotations.Annotations) {
				return true
			}
		}
	}
	return false
}

// citation is what a record of PubMed says of an article beside its text.
type citation struct{ *pubmed.Citation }

func (c citation) Heading(wanted map[string]bool, major bool) bool {
	for i := range c.MeSH {
		if h := &c.MeSH[i]; wanted[h.UI] && (!major || h.MajorTopic()) {
			return true
		}
	}
	return false
}

func (c citation) PublicationType(yes func(ui, name string) bool) bool {
	for _, t := range c.PublicationTypes {
		if yes(t.UI, t.Name) {
			return true
		}
	}
	return false
}

func (c citation) Language(code string) bool {
	for _, l := range c.Languages {
		if strings.EqualFold(l, code) {
			return true
		}
	}
	return false
}

func (c citation) Published(from, to query.Date) bool {
	for _, d := range []pubmed.Date{c.Citation.Published, c.Electronic} {
		if d.Year == 0 && len(d.Text) >= 4 { // 1998 Dec-1999 Jan
			_, _ = fmt.Sscanf(d.Text[:4], "%d", &d.Year) // it may be no year, and stays 0
		}
		if (query.Date{Year: d.Year, Month: d.Month, Day: d.Day}).Within(from, to) {
			return true
		}
	}
	return false
}
