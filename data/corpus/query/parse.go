package query

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says where a query cannot be understood.
type SyntaxError struct {
	Query  string
	Offset int // in bytes
	What   string
}

func (e *SyntaxError) Error() string {
	column := utf8.RuneCountInString(e.Query[:e.Offset]) + 1
	return fmt.Sprintf("query: character %d: %s, in %s <here> %s", column, e.What, e.Query[:e.Offset], e.Query[e.Offset:])
}

// field says where a term is looked for, as a set.
type field uint8

const (
	title field = 1 << iota
	abstract
	rest
	anywhere = title | abstract | rest
)

// fields are the tags of PubMed that are understood.
var fields = map[string]field{
	"ti": title, "title": title, "ab": abstract, "abstract": abstract, "tiab": title | abstract,
	"title/abstract": title | abstract, "all": anywhere, "all fields": anywhere,
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

// term is a word or phrase.
type term struct {
	words  []string // lower-case
	prefix bool     // the last word may go on
	in     field
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
		return p.term(t)
	case broken:
		return nil, p.fault(t.at, "%s that is never closed", map[byte]string{'"': "a quote", '[': "a field"}[p.in[t.at]])
	case operator:
		return nil, p.fault(t.at, "%s has nothing before it", t.text)
	case tag:
		return nil, p.fault(t.at, "field [%s] without a word before it", t.text)
	case shut:
		return nil, p.fault(t.at, "a closing bracket where a word was expected")
	}
	return nil, p.fault(t.at, "ends where a word was expected")
}

func (p *parser) term(t token) (*node, error) {
	body, truncated := strings.CutSuffix(t.text, "*")
	if i := strings.IndexByte(body, '*'); i >= 0 {
		return nil, p.fault(t.at+i, "* inside a word; it can only stand at its end")
	}
	n := &node{term: term{words: words(body), prefix: truncated, in: anywhere}}
	if len(n.term.words) == 0 {
		return nil, p.fault(t.at, "%q has no letter or digit", t.text)
	}
	if p.token.kind != tag {
		return n, nil
	}
	in, known := fields[strings.ToLower(strings.TrimSpace(p.token.text))]
	if !known {
		return nil, p.fault(p.token.at, "unknown field [%s], want one of %s", p.token.text, knownFields())
	}
	n.term.in = in
	p.next()
	return n, nil
}

func knownFields() string {
	var names []string
	for name := range fields {
		names = append(names, "["+name+"]")
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// words are the runs of letters and digits of s, in lower case.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !isWord(r) })
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}
