package madeup

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// AnnotatedDocument is a document with its mentions, as PubTator 3 publishes them.
type AnnotatedDocument struct {
	ID       string // a number
	Title    string
	Abstract string
	Mentions []AnnotatedMention // of the title first
}

// AnnotatedMention is a name. Start and End count characters over title, a space and abstract; the end is exclusive.
type AnnotatedMention struct {
	Start, End       int
	Text, Type, Name string // Name is the identifier: several joined by ";", "-" where it is unknown
}

// Annotated returns the documents from number first on, n of them, with every name of the invented world marked: genes, chemicals, diseases and
// species, some without an identifier, some with two. One in eight has Greek letters in it.
func Annotated(seed uint64, first, n int) []AnnotatedDocument {
	l := newLexicon()
	marks := newMarker(l)
	out := make([]AnnotatedDocument, n)
	for i := range out {
		g := grammar{rand.New(rand.NewPCG(seed, uint64(first+i)))}
		d := g.document(l, drawDomain(g.rng))
		if g.rng.IntN(8) == 0 {
			d.Abstract = strings.ReplaceAll(d.Abstract, "with", "β-like, with")
		}
		out[i] = AnnotatedDocument{ID: fmt.Sprint(10_000_000 + first + i), Title: d.Title, Abstract: d.Abstract}
		out[i].Mentions = marks.find(d.Title + " " + d.Abstract)
	}
	return out
}

// marker finds names in texts.
type marker struct {
	names *regexp.Regexp
	of    map[string]AnnotatedMention // by the name in lower case
}

func newMarker(l *lexicon) *marker {
	m := &marker{of: map[string]AnnotatedMention{}}
	add := func(typ, id string, name string) {
		m.of[strings.ToLower(name)] = AnnotatedMention{Type: typ, Name: id}
	}
	for i, d := range l.drugs {
		add("Chemical", fmt.Sprintf("MESH:C%06d", 100+i), d.name)
	}
	for i, c := range l.compounds {
		add("Chemical", []string{"-", fmt.Sprintf("MESH:C%06d", 900+i)}[min(i%5, 1)], c)
	}
	for i, p := range slices.Concat(l.proteins, l.enzymes) {
		add("Gene", []string{fmt.Sprintf("%d;%d", 100+i, 7000+i), fmt.Sprint(100 + i)}[min(i%9, 1)], p)
	}
	for i, c := range classes {
		add("Disease", fmt.Sprintf("MESH:D%06d", 10+i), c.condition)
	}
	for name, id := range map[string]string{"patients": "9606", "people": "9606", "women": "9606", "mice": "10090"} {
		add("Species", id, name)
	}
	var names []string
	for name := range m.of {
		names = append(names, regexp.QuoteMeta(name))
	}
	slices.Sort(names)
	m.names = regexp.MustCompile(`(?i)\b(?:` + strings.Join(names, "|") + `)\b`)
	return m
}

func (m *marker) find(text string) (out []AnnotatedMention) {
	at, chars := 0, 0
	for _, s := range m.names.FindAllStringIndex(text, -1) {
		found := m.of[strings.ToLower(text[s[0]:s[1]])]
		chars += utf8.RuneCountInString(text[at:s[0]])
		found.Start, found.Text = chars, text[s[0]:s[1]]
		chars += utf8.RuneCountInString(found.Text)
		found.End, at = chars, s[1]
		out = append(out, found)
	}
	return out
}

// WriteBioC writes documents as PubTator 3's archives have them: a collection of BioC XML.
func WriteBioC(w io.Writer, docs []AnnotatedDocument) error {
	out := bufio.NewWriter(w) // it keeps the first error for Flush
	fmt.Fprint(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE collection SYSTEM \"BioC.dtd\">\n<collection><source>PubTator</source><date></date><key>BioC.key</key>")
	for i := range docs {
		d := &docs[i]
		fmt.Fprintf(out, "<document><id>%s</id><infon key=\"note\">%s</infon>", d.ID, Notice)
		split := utf8.RuneCountInString(d.Title) + 1
		writePassage(out, "title", d.Title, 0, d.Mentions, 0, split)
		writePassage(out, "abstract", d.Abstract, split, d.Mentions, split, 1<<30)
		fmt.Fprint(out, "</document>\n")
	}
	fmt.Fprint(out, "</collection>\n")
	return out.Flush()
}

// writePassage writes a passage with the mentions that begin from from to before end.
func writePassage(w io.Writer, typ, text string, offset int, mentions []AnnotatedMention, from, end int) {
	fmt.Fprintf(w, "<passage><infon key=\"type\">%s</infon><infon key=\"authors\">Nobody N,</infon><offset>%d</offset><text>%s</text>", typ, offset, escaped(text))
	for i, m := range mentions {
		if m.Start < from || m.Start >= end {
			continue
		}
		fmt.Fprintf(w, "<annotation id=\"%d\"><infon key=\"identifier\">%s</infon><infon key=\"type\">%s</infon><location offset=\"%d\" length=\"%d\"/><text>%s</text></annotation>",
			i+1, m.Name, m.Type, m.Start, m.End-m.Start, escaped(m.Text))
	}
	fmt.Fprint(w, "</passage>")
}

func escaped(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

// WritePubTator writes documents in PubTator's text form.
func WritePubTator(w io.Writer, docs []AnnotatedDocument) error {
	out := bufio.NewWriter(w)
	for i := range docs {
		d := &docs[i]
		fmt.Fprintf(out, "%s|t|%s\n%s|a|%s\n", d.ID, d.Title, d.ID, d.Abstract)
		for _, m := range d.Mentions {
			fmt.Fprintf(out, "%s\t%d\t%d\t%s\t%s\t%s\n", d.ID, m.Start, m.End, m.Text, m.Type, m.Name)
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}
