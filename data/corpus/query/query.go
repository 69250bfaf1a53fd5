package query

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus"
)

// Query decides which documents are wanted. It is immutable and may be used by many goroutines at once.
type Query struct {
	source  string
	root    *node
	terms   []*term
	byFirst map[string][]int // terms by their first word, if it must be whole
	byStart map[byte][]int   // single truncated words by their first byte
}

func newQuery(source string, root *node) *Query {
	q := &Query{source: source, root: root, byFirst: make(map[string][]int), byStart: make(map[byte][]int)}
	q.collect(root)
	for i, t := range q.terms {
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

// Expanded writes the query as it is understood, with all brackets and fields.
func (q *Query) Expanded() string { return q.root.expanded() }

func (n *node) expanded() string {
	if n.op != "" {
		return "(" + n.left.expanded() + " " + n.op + " " + n.right.expanded() + ")"
	}
	t := strings.Join(n.term.words, " ")
	if n.term.prefix {
		t += "*"
	}
	if len(n.term.words) > 1 {
		t = `"` + t + `"`
	}
	return t + map[field]string{title: "[ti]", abstract: "[ab]", title | abstract: "[tiab]", anywhere: "[all]"}[n.term.in]
}

// Match says whether d is wanted.
func (q *Query) Match(d *corpus.Document) bool {
	found := make(map[*term]bool, len(q.terms))
	q.scan(d.Title, title, found)
	for i := range d.Sections {
		in := rest
		if d.Sections[i].Part == corpus.Abstract {
			in = abstract
		}
		q.scan(d.Sections[i].Text, in, found)
	}
	return q.root.holds(found)
}

func (n *node) holds(found map[*term]bool) bool {
	switch n.op {
	case "AND":
		return n.left.holds(found) && n.right.holds(found)
	case "OR":
		return n.left.holds(found) || n.right.holds(found)
	case "NOT":
		return n.left.holds(found) && !n.right.holds(found)
	}
	return found[&n.term]
}

// scan marks the terms found in text, which belongs to the field in.
func (q *Query) scan(text string, in field, found map[*term]bool) {
	var word []byte
	for i := 0; i < len(text); {
		word = word[:0]
		word, i = nextWord(word, text, i)
		if len(word) == 0 {
			return
		}
		for _, t := range q.byFirst[string(word)] {
			if q.terms[t].in&in != 0 && q.terms[t].follows(text, i) {
				found[q.terms[t]] = true
			}
		}
		for _, t := range q.byStart[word[0]] {
			if q.terms[t].in&in != 0 && strings.HasPrefix(string(word), q.terms[t].words[0]) {
				found[q.terms[t]] = true
			}
		}
	}
}

// follows says whether the words of t after its first one stand in text from i on.
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

// nextWord appends the next word of text from i on, in lower case, to dst, and returns where it ends; it appends
// nothing if there is none.
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
