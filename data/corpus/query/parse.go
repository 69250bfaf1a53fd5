package query

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError describes a fault of a query and its position.
type SyntaxError struct {
	Query  string
	Offset int // in bytes
	What   string
}

func (e *SyntaxError) Error() string {
	column := utf8.RuneCountInString(e.Query[:e.Offset]) + 1
	return fmt.Sprintf("query: character %d: %s, in %s <here> %s", column, e.What, e.Query[:e.Offset], e.Query[e.Offset:])
}

// field is the set of places in which a term is looked for.
type field uint16

const (
	title field = 1 << iota
	abstract
	rest
	heading         // MeSH headings
	majorHeading    // MeSH headings that are main topics
	publicationType // Review, Clinical Trial ...
	language
	published // dates
	anywhere  = title | abstract | rest
	recorded  = heading | majorHeading | publicationType | language | published // not in the text
)

// tags are the supported tags of PubMed. Expanded writes a field with its first name.
var tags = []struct {
	in      field
	names   []string
	noBelow bool // the heading alone, without those below it in the tree
}{
	{in: title, names: []string{"ti", "title"}},
	{in: abstract, names: []string{"ab", "abstract"}},
	{in: title | abstract, names: []string{"tiab", "title/abstract"}},
	{in: anywhere, names: []string{"all", "all fields"}},
	{in: heading, names: []string{"mesh", "mh", "mesh terms"}},
	{in: heading, names: []string{"mesh:noexp", "mh:noexp"}, noBelow: true},
	{in: majorHeading, names: []string{"majr", "mesh major topic"}},
	{in: majorHeading, names: []string{"majr:noexp"}, noBelow: true},
	{in: publicationType, names: []string{"pt", "publication type"}},
	{in: language, names: []string{"la", "language"}},
	{in: published, names: []string{"dp", "date - publication"}},
}

// Parse reads a query. Its error is a *SyntaxError.
func Parse(s string) (*Query, error) {
	p := parser{in: s}
	p.next()
	root, err := p.expression()
	if err == nil && p.token.kind != end {
		err = p.fault(p.token.at, "a closing bracket without an opening one")
	}
	if err != nil {
		return nil, err
	}
	return newQuery(s, root), nil
}

// node is a part of a query: an operator over others, or a term.
type node struct {
	op          string // and, or, not; or empty for a term
	left, right *node
	term        term
}

// term is a word or phrase, and its field.
type term struct {
	index    int      // among the terms of the query
	at       int      // offset in the query, in bytes
	text     string   // as written
	words    []string // lower-case
	prefix   bool     // the last word is truncated: it matches as a prefix
	in       field
	noBelow  bool
	from, to Date
	headings map[string]bool // UIs of the MeSH headings that it stands for; set by Expand
	names    []string        // of these headings, without those below them
}

type tokenKind int

const (
	end tokenKind = iota
	open
	shut
	operator
	text
	quoted
	tag
	broken // an opening quote or bracket without its end
)

type token struct {
	kind tokenKind
	text string
	at   int
}

type parser struct {
	in    string
	pos   int
	token token // the next one
}

func (p *parser) fault(at int, format string, args ...any) error {
	return &SyntaxError{Query: p.in, Offset: at, What: fmt.Sprintf(format, args...)}
}

// next reads a token into p.token.
func (p *parser) next() {
	rest := strings.TrimLeftFunc(p.in[p.pos:], unicode.IsSpace)
	p.pos = len(p.in) - len(rest)
	p.token = token{at: p.pos}
	if rest == "" {
		return
	}
	n := 1
	switch rest[0] {
	case '(':
		p.token.kind = open
	case ')':
		p.token.kind = shut
	case '"', '[':
		n = p.delimited(rest)
	default:
		n = strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("()\"[", r) })
		if n < 0 {
			n = len(rest)
		}
		p.token.kind, p.token.text = text, rest[:n]
		if p.token.text == "AND" || p.token.text == "OR" || p.token.text == "NOT" {
			p.token.kind = operator
		}
	}
	p.pos += n
}

// delimited reads a phrase in quotes or a field in brackets and returns its length.
func (p *parser) delimited(rest string) int {
	kind, closing := quoted, "\""
	if rest[0] == '[' {
		kind, closing = tag, "]"
	}
	inside, _, found := strings.Cut(rest[1:], closing)
	if !found {
		p.token.kind = broken
		return len(rest)
	}
	p.token.kind, p.token.text = kind, inside
	return len(inside) + 2
}

// expression reads operands joined by operators, from left to right.
func (p *parser) expression() (*node, error) {
	left, err := p.operand()
	for err == nil && p.token.kind != end && p.token.kind != shut {
		op := "AND"
		if p.token.kind == operator {
			op = p.token.text
			p.next()
			if op == "AND" && p.token.kind == operator && p.token.text == "NOT" {
				op = "NOT"
				p.next()
			}
		}
		var right *node
		right, err = p.operand()
		left = &node{op: op, left: left, right: right}
	}
	return left, err
}

func (p *parser) operand() (*node, error) {
	t := p.token
	switch t.kind {
	case open:
		p.next()
		n, err := p.expression()
		if err != nil {
			return nil, err
		}
		if p.token.kind != shut {
			return nil, p.fault(t.at, "an opening bracket that is never closed")
		}
		p.next()
		return n, nil
	case text, quoted:
		p.next()
		if t.kind == text {
			t = p.tagged(t)
		}
		return p.term(t)
	case broken:
		return nil, p.fault(t.at, "%s that is never closed", map[byte]string{'"': "a quote", '[': "a field"}[p.in[t.at]])
	case operator:
		return nil, p.fault(t.at, "%s has nothing before it", t.text)
	case tag:
		return nil, p.fault(t.at, "field [%s] without a word before it", t.text)
	case shut:
		return nil, p.fault(t.at, "a closing bracket where a word is expected")
	}
	return nil, p.fault(t.at, "the query ends where a word is expected")
}

// tagged joins the words from t up to the tag of a heading or type: review article[pt] is one term.
func (p *parser) tagged(t token) token {
	before := *p
	for p.token.kind == text {
		p.next()
	}
	if p.token.kind == tag {
		if in, _, ok := fieldOf(p.token.text); ok && in&(heading|majorHeading|publicationType) != 0 {
			t.text = strings.TrimSpace(p.in[t.at:p.token.at])
			return t
		}
	}
	*p = before
	return t
}

func (p *parser) term(t token) (*node, error) {
	n := &node{term: term{at: t.at, text: t.text, in: anywhere}}
	if p.token.kind == tag {
		in, noBelow, ok := fieldOf(p.token.text)
		if !ok {
			return nil, p.fault(p.token.at, "unknown field [%s], want one of %s", p.token.text, knownFields())
		}
		n.term.in, n.term.noBelow = in, noBelow
		p.next()
	}
	if n.term.in == published {
		return n, p.dates(&n.term)
	}
	body, truncated := strings.CutSuffix(t.text, "*")
	if i := strings.IndexByte(body, '*'); i >= 0 {
		return nil, p.fault(t.at+i, "* inside a word; it is allowed only at the end")
	}
	if truncated && n.term.in&(heading|majorHeading) != 0 {
		return nil, p.fault(t.at+len(body), "* in a MeSH heading; name a heading, which includes those below it")
	}
	n.term.words, n.term.prefix = words(body), truncated
	if len(n.term.words) == 0 {
		return nil, p.fault(t.at, "%q has no letter or digit", t.text)
	}
	return n, nil
}

func fieldOf(name string) (in field, noBelow, ok bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	for _, t := range tags {
		if slices.Contains(t.names, name) {
			return t.in, t.noBelow, true
		}
	}
	return 0, false, false
}

func knownFields() string {
	var names []string
	for _, t := range tags {
		names = append(names, "["+t.names[0]+"]")
	}
	return strings.Join(names, " ")
}

// words are the runs of letters and digits of s, in lower case.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !isWord(r) })
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}
