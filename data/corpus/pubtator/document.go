package pubtator

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

// Document is an annotated title and abstract, without NUL characters.
type Document struct {
	ID        string // a PMID, in PubTator's own files
	Title     string
	Abstract  string
	Mentions  []Mention // in the order of the file
	Relations []Relation
}

// Mention is a name in the text and its concept.
type Mention struct {
	Name   string    // T1, T2 and so on: its number among the annotations of the document
	Span   text.Span // of Document.Text
	Text   string    // as in the file; the spelling may differ from the text
	Type   string    // as the file writes it: Gene, ChemicalEntity, DiseaseOrPhenotypicFeature ...
	ID     string    // of the concept; empty or "-1" if unknown
	Within []string  // the names in a compound mention, if the file lists them
}

// Relation is a relation between two concepts.
type Relation struct {
	Type, A, B string
	Novelty    string // in BioRED "Novel" or "No", else empty
}

// Text is the text that spans refer to: title and abstract, joined by a space.
func (d *Document) Text() string { return d.Title + " " + d.Abstract }

// Has reports whether there is a mention of a type. Types are compared by TypeKey.
func (d *Document) Has(typ string) bool {
	key := TypeKey(typ)
	for _, m := range d.Mentions {
		if TypeKey(m.Type) == key {
			return true
		}
	}
	return false
}

// Document returns title and abstract as a corpus.Document.
func (d *Document) Document() corpus.Document {
	c := corpus.Document{ID: d.ID, Title: strings.TrimSpace(d.Title)}
	if abstract := strings.TrimSpace(d.Abstract); abstract != "" {
		c.Sections = []corpus.Section{{Part: corpus.Abstract, Text: abstract}}
	}
	return c
}

// TypeName is a type in lower case with only letters and digits. BioRED's long names become PubTator's.
func TypeName(typ string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(typ))
	switch name {
	case "geneorgeneproduct":
		return "gene"
	case "chemicalentity":
		return "chemical"
	case "diseaseorphenotypicfeature":
		return "disease"
	case "sequencevariant":
		return "variant"
	case "organismtaxon":
		return "species"
	}
	return name
}

// TypeKey is the normalised type by which documents are selected: TypeName, with one word for related types: a protein
// is a gene, a drug a chemical, and every mutation a variant.
func TypeKey(typ string) string {
	switch name := TypeName(typ); name {
	case "protein":
		return "gene"
	case "drug":
		return "chemical"
	case "mutation", "dnamutation", "proteinmutation", "snp":
		return "variant"
	default:
		return name
	}
}

// Concepts are the concepts of an identifier, separated by ";", "," or "|". The "|" within the description of a
// variant, c|SUB|G|10|A, is not a separator.
func Concepts(id string) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(id, func(r rune) bool { return r == ';' || r == ',' }) {
		if isVariant(part) {
			out = append(out, part)
			continue
		}
		for one := range strings.FieldsFuncSeq(part, func(r rune) bool { return r == '|' }) {
			out = append(out, one)
		}
	}
	return out
}

// Known returns the known concepts of an identifier, as Concepts splits it. "-", "-1" and the empty identifier are
// unknown concepts.
func Known(id string) []string {
	return slices.DeleteFunc(Concepts(id), func(c string) bool { return !IsKnown(c) })
}

// IsKnown reports whether a concept is known: it is none of "-", "-1" and the empty identifier.
func IsKnown(concept string) bool {
	return concept != "" && (concept[0] != '-' || strings.Trim(concept, "-1") != "")
}

// Plain returns a concept in the form in which concepts are compared: without the prefix MESH:, which only some files
// write.
func Plain(concept string) string {
	const prefix = "MESH:"
	if len(concept) > len(prefix) && strings.EqualFold(concept[:len(prefix)], prefix) {
		return concept[len(prefix):]
	}
	return concept
}

// isVariant reports whether id describes a variant in tmVar's form: the kind of sequence, the change, and the
// position.
func isVariant(id string) bool {
	_, description, found := strings.Cut(id, ":") // tmVar:p|SUB|V|600|E
	if !found {
		description = id
	}
	kind, rest, ok := strings.Cut(description, "|")
	event, _, more := strings.Cut(rest, "|")
	return ok && more && len(kind) <= 1 && strings.Contains("cgmnrp", strings.ToLower(kind)) && event != "" && strings.Trim(event, "ABCDEFGHIJKLMNOPQRSTUVWXYZ+") == ""
}

// Open reads the documents of a file in PubTator's text form. The last item is the first error, if there was one.
func Open(path string, o Options) iter.Seq2[*Document, error] {
	return opened(path, func(r io.Reader) iter.Seq2[*Document, error] { return Documents(r, path, o) })
}

// opened reads a file of text, which may be compressed.
func opened[T any](path string, read func(io.Reader) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		f, err := stream.Open(path)
		if err != nil {
			yield(none, err)
			return
		}
		in := bufio.NewReader(f)
		head, err := in.Peek(512)
		if err == nil || err == io.EOF {
			err = forms.IsText(head)
		}
		if err != nil {
			yield(none, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close()))
			return
		}
		for item, err := range read(in) {
			if !yield(item, err) {
				break
			}
		}
		if err := f.Close(); err != nil {
			yield(none, err)
		}
	}
}
