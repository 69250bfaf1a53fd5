package relations

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/internal/ctxio"
)

type ddiDocument struct {
	XMLName   xml.Name      `xml:"document"`
	ID        string        `xml:"id,attr"`
	Sentences []ddiSentence `xml:"sentence"`
}

type ddiSentence struct {
	ID       string      `xml:"id,attr"`
	Text     string      `xml:"text,attr"`
	Entities []xmlEntity `xml:"entity"`
	Pairs    []ddiPair   `xml:"pair"`
}

// xmlEntity is a mention in DDI 2013 and in the common form of the PPI corpora. Ends are inclusive in the first and
// exclusive in the second.
type xmlEntity struct {
	ID     string `xml:"id,attr"`
	Offset string `xml:"charOffset,attr"`
	Type   string `xml:"type,attr"`
	Text   string `xml:"text,attr"`
}

type ddiPair struct {
	ID   string `xml:"id,attr"`
	E1   string `xml:"e1,attr"`
	E2   string `xml:"e2,attr"`
	DDI  string `xml:"ddi,attr"`
	Type string `xml:"type,attr"`
}

// readDDI2013 reads the official XML in name: the zip, a folder of it, or one file. The drug name recognition part
// of the test set repeats documents without their pairs.
func readDDI2013(name string, o Options) iter.Seq2[Example, error] {
	drop := func(file string) bool { return strings.Contains(file, "DrugNER") }
	return eachInFile(name, forms.DDI, o, []string{".xml"}, drop, func(src *source, file string, found func(Example) bool) error {
		var doc ddiDocument
		if err := decodeXML(src, file, &doc); err != nil {
			return err
		}
		for _, s := range doc.Sentences {
			mentions, err := s.mentions()
			if err != nil {
				return err
			}
			places := byID(mentions)
			if limit := o.maxPairs(text.Span{End: len(s.Text)}); len(s.Pairs) > limit {
				o.warn("sentence %s: it has %d pairs, more than %d; the others are left out", s.ID, len(s.Pairs), limit)
				s.Pairs = s.Pairs[:limit]
			}
			for _, p := range s.Pairs {
				e := Example{ID: p.ID, Document: doc.ID, Split: src.split(file), Fold: NoFold, Text: s.Text, Mentions: mentions}
				var err1, err2 error
				e.Label, err1 = p.label(o)
				e.A, e.B, err2 = ends(places, p.E1, p.E2)
				if err := firstError(err1, err2); err != nil {
					return fmt.Errorf("pair %s: %w", p.ID, err)
				}
				if !found(e) {
					return nil
				}
			}
		}
		return nil
	})
}

func (s *ddiSentence) mentions() ([]Mention, error) {
	off := text.NewOffsets(s.Text)
	out := make([]Mention, len(s.Entities))
	for i, e := range s.Entities {
		spans, err := spansOf(off, e.Offset, ";", 1)
		if err != nil {
			return nil, fmt.Errorf("entity %s: %w", e.ID, err)
		}
		out[i] = Mention{Spans: spans, Type: "DRUG", Subtype: e.Type, ID: e.ID, Surface: e.Text}
	}
	return out, nil
}

// label returns the pair's type, or false. One pair of the corpus interacts but has no type; the published counts
// (4,020 interactions, 23,772 pairs without) count it as false.
func (p ddiPair) label(o Options) (string, error) {
	switch {
	case p.DDI == "false":
		return "false", nil
	case p.DDI != "true":
		return "", fmt.Errorf("ddi %q, want true or false", p.DDI)
	case p.Type == "":
		o.warn("pair %s: ddi is true, but there is no type; counted as false, as in the published table", p.ID)
		return "false", nil
	case slices.Contains(DDI.Labels, p.Type):
		return p.Type, nil
	}
	return "", fmt.Errorf("type %q, want one of %s", p.Type, strings.Join(DDI.Labels, ", "))
}

// byID maps ids to mentions; of several mentions with one id it keeps the first.
func byID(mentions []Mention) map[string]Mention {
	out := make(map[string]Mention, len(mentions))
	for _, m := range slices.Backward(mentions) {
		out[m.ID] = m
	}
	return out
}

// ends finds the two mentions of a pair in its sentence.
func ends(mentions map[string]Mention, e1, e2 string) (a, b Mention, err error) {
	find := func(id string) Mention {
		m, ok := mentions[id]
		if !ok {
			err = fmt.Errorf("entity %q is not in the sentence of the pair", id)
		}
		return m
	}
	a, b = find(e1), find(e2)
	if err == nil && e1 == e2 {
		err = fmt.Errorf("both mentions are entity %q", e1)
	}
	return a, b, err
}

// maxXML is the largest XML file in bytes. Decoded, a file takes up to twelve times its size. The largest published corpus
// has about ten million.
const maxXML = 32 << 20

// decodeXML decodes the one document of file into v.
func decodeXML(src *source, file string, v any) error {
	f, err := src.open(file)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	data, err := io.ReadAll(io.LimitReader(f, maxXML+1))
	if err != nil {
		return err
	}
	if len(data) > maxXML {
		return fmt.Errorf("more than %d MiB of XML; split the file", maxXML>>20)
	}
	if at := text.InvalidAt(data); at < len(data) {
		return fmt.Errorf("invalid UTF-8 at byte %d; convert the file to UTF-8", at)
	}
	dec := xml.NewDecoder(ctxio.Reader(src.options.context(), bytes.NewReader(data), nil))
	switch err := dec.Decode(v); {
	case errors.Is(err, io.EOF):
		return errors.New("no XML document")
	case err != nil:
		return err
	}
	return nothingMore(dec)
}

// nothingMore returns an error if an element or text follows the root element.
func nothingMore(dec *xml.Decoder) error {
	for {
		t, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := dec.InputPos()
		switch t := t.(type) {
		case xml.StartElement:
			return fmt.Errorf("line %d: <%s> after the end of the document; want one document per file", line, t.Name.Local)
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return fmt.Errorf("line %d: text after the end of the document: %.40q", line, bytes.TrimSpace(t))
			}
		}
	}
}
