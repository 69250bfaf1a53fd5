package query

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/mesh"
)

// Record is a source's description of a document beside its text.
type Record interface {
	// Heading reports whether the document has one of the wanted MeSH headings, given by UI; if major, as a
	// main topic.
	Heading(wanted map[string]bool, major bool) bool
	// PublicationType reports whether yes holds for one of the publication types.
	PublicationType(yes func(ui, name string) bool) bool
	// Language reports whether the document is in a language, given by a code of three letters.
	Language(code string) bool
	// Published reports whether a date of publication lies in a range.
	Published(from, to Date) bool
}

// NeedsRecords names the tags of the query that need a Record.
func (q *Query) NeedsRecords() []string {
	found := map[string]bool{}
	for _, t := range q.terms {
		if t.in&recorded != 0 {
			found[t.tag()] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// NeedsMeSH reports whether the query names headings, which match nothing before Expand.
func (q *Query) NeedsMeSH() bool {
	return slices.ContainsFunc(q.terms, func(t *term) bool { return t.in&(heading|majorHeading) != 0 })
}

// Expand looks up the headings of the query, with those below them in the tree. If untagged, words without a field also
// stand for the heading of that name, as in PubMed. It fails if a heading named with [mesh] does not exist.
func (q *Query) Expand(v *mesh.Vocabulary, untagged bool) (*Query, error) {
	again, err := Parse(q.source)
	if err != nil {
		return nil, err
	}
	for _, t := range again.terms {
		named := t.in&(heading|majorHeading) != 0
		if !named && t.in != publicationType && !(untagged && t.in == anywhere && !t.prefix) {
			continue
		}
		found := v.Find(t.text)
		if len(found) == 0 && named {
			return nil, &SyntaxError{Query: q.source, Offset: t.at, What: fmt.Sprintf("no MeSH heading %q in the descriptors of %d", t.text, v.Year())}
		}
		if len(found) == 0 {
			continue
		}
		t.headings = map[string]bool{}
		t.names = append(t.names, found[0].Name)
		below := v.Explode(found[0].UI)
		if t.noBelow {
			below = []string{found[0].UI}
		}
		for _, ui := range below {
			t.headings[ui] = true
		}
	}
	return again, nil
}

// Headings lists the MeSH headings that the terms stand for, each with the number of headings at and below it.
func (q *Query) Headings() map[string]int {
	found := map[string]int{}
	for _, t := range q.terms {
		for _, name := range t.names {
			found[name] = len(t.headings)
		}
	}
	return found
}

// record reports whether the record of a document satisfies t.
func (t *term) record(r Record) bool {
	switch {
	case t.in == published:
		return r.Published(t.from, t.to)
	case t.in == language:
		return r.Language(languageCode(t.text))
	case t.in == publicationType:
		return r.PublicationType(func(ui, name string) bool { return t.headings[ui] || t.is(name) })
	}
	return len(t.headings) > 0 && r.Heading(t.headings, t.in == majorHeading)
}

// is reports whether a name has the words of t.
func (t *term) is(name string) bool {
	got := words(name)
	if len(got) < len(t.words) || len(got) > len(t.words) && !t.prefix {
		return false
	}
	last := len(t.words) - 1
	return slices.Equal(got[:last], t.words[:last]) && (got[last] == t.words[last] || t.prefix && strings.HasPrefix(got[last], t.words[last]))
}

// irregular are the languages whose code in PubMed is not their first three letters.
var irregular = map[string]string{"japanese": "jpn", "serbian": "srp", "croatian": "hrv", "romanian": "rum", "slovenian": "slv"}

// languageCode is PubMed's code of a language given by name or code.
func languageCode(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if code, ok := irregular[s]; ok {
		return code
	}
	return s[:min(3, len(s))]
}
