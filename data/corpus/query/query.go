package query

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus"
)

// Query selects documents. It is immutable and may be used by many goroutines at once.
type Query struct {
	source  string
	root    *node
	terms   []*term
	byFirst map[string][]int // terms by their first word, unless that is truncated
	byStart map[byte][]int   // single truncated words by their first byte
}

func newQuery(source string, root *node) *Query {
	q := &Query{source: source, root: root, byFirst: make(map[string][]int), byStart: make(map[byte][]int)}
	q.collect(root)
	for i, t := range q.terms {
		t.index = i
		if t.in&anywhere == 0 {
			continue
		}
		first := t.words[0]
		if t.prefix && len(t.words) == 1 {
			q.byStart[first[0]] = append(q.byStart[first[0]], i)
		} else {
			q.byFirst[first] = append(q.byFirst[first], i)
		}
	}
	return q
}

func (q *Query) collect(n *node) {
	if n.op != "" {
		q.collect(n.left)
		q.collect(n.right)
		return
	}
	q.terms = append(q.terms, &n.term)
}

// String is the query as it was written.
func (q *Query) String() string { return q.source }

// Expanded is the query as it was parsed, with all brackets and fields.
func (q *Query) Expanded() string { return q.root.expanded() }

func (n *node) expanded() string {
	if n.op != "" {
		return "(" + n.left.expanded() + " " + n.op + " " + n.right.expanded() + ")"
	}
	t := &n.term
	if len(t.names) == 0 || t.in&anywhere == 0 {
		return t.quoted() + "[" + t.tag() + "]"
	}
	s := t.quoted() + "[all]"
	for _, name := range t.names {
		s = "(" + s + ` OR "` + name + `"[mesh])`
	}
	return s
}

// quoted is the term as in a query: dates as a range, headings by their names.
func (t *term) quoted() string {
	if t.in == published {
		return t.from.String() + ":" + t.to.String()
	}
	if len(t.names) > 0 && t.in&anywhere == 0 {
		return `"` + t.names[0] + `"`
	}
	s := strings.Join(t.words, " ")
	if t.prefix {
		s += "*"
	}
	if len(t.words) > 1 {
		s = `"` + s + `"`
	}
	return s
}

func (t *term) tag() string {
	for _, known := range tags {
		if known.in == t.in && known.noBelow == t.noBelow {
			return known.names[0]
		}
	}
	return "all"
}

// Match reports whether the query selects d. If r is nil, terms that need a record do not match.
func (q *Query) Match(d *corpus.Document, r Record) bool {
	var few [32]bool
	found := few[:]
	if len(q.terms) > len(few) {
		found = make([]bool, len(q.terms))
	}
	if r != nil {
		for i, t := range q.terms {
			found[i] = (t.in&recorded != 0 || t.headings != nil) && t.record(r)
		}
	}
	if len(q.byFirst)+len(q.byStart) > 0 {
		q.scan(d.Title, title, found)
		for i := range d.Sections {
			in := rest
			if d.Sections[i].Part == corpus.Abstract {
				in = abstract
			}
			q.scan(d.Sections[i].Text, in, found)
		}
	}
	return q.root.holds(found)
}

func (n *node) holds(found []bool) bool {
	switch n.op {
	case "AND":
		return n.left.holds(found) && n.right.holds(found)
	case "OR":
		return n.left.holds(found) || n.right.holds(found)
	case "NOT":
		return n.left.holds(found) && !n.right.holds(found)
	}
	return found[n.term.index]
}

// scan marks the terms found in text, which is of the field in.
func (q *Query) scan(text string, in field, found []bool) {
	var word []byte
	for i := 0; i < len(text); {
		word = word[:0]
		word, i = nextWord(word, text, i)
		if len(word) == 0 {
			return
		}
		for _, t := range q.byFirst[string(word)] {
			if q.terms[t].in&in != 0 && q.terms[t].follows(text, i) {
				found[t] = true
			}
		}
		for _, t := range q.byStart[word[0]] {
			if q.terms[t].in&in != 0 && strings.HasPrefix(string(word), q.terms[t].words[0]) {
				found[t] = true
			}
		}
	}
}

// follows reports whether the words of t after the first one follow in text at i.
func (t *term) follows(text string, i int) bool {
	var word []byte
	for k, want := range t.words[1:] {
		word = word[:0]
		word, i = nextWord(word, text, i)
		last := k == len(t.words)-2
		if string(word) != want && !(last && t.prefix && strings.HasPrefix(string(word), want)) {
			return false
		}
	}
	return true
}

// nextWord appends the next word of text from i on to dst, in lower case, and returns the offset of its end; it
// appends nothing if there is none.
func nextWord(dst []byte, text string, i int) ([]byte, int) {
	for i < len(text) {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			dst = append(dst, byte(r))
		case 'A' <= r && r <= 'Z':
			dst = append(dst, byte(r)+'a'-'A')
		case r >= utf8.RuneSelf && isWord(r):
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		case len(dst) > 0:
			return dst, i
		}
		i += n
	}
	return dst, i
}
