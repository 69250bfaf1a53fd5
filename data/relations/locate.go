package relations

import (
	"regexp"
	"strings"

	"github.com/subbert/subbert/data/text"
)

// tag matches the tags that replace mentions in marked sentences: @DRUG$, @CHEM-GENE$, and BioELECTRA's BC6ENTC
// (chemical), BC6ENTG (gene) and BC6OTHER.
var tag = regexp.MustCompile(`@([A-Z][A-Z0-9_]*)(?:-([A-Z][A-Z0-9_]*))?\$|BC6(ENTC|ENTG|OTHER)`)

// located finds the two mentions a and b of a marked sentence, marks included, and all mentions. The first mention in
// the text is a, except that a chemical comes before a gene. A sentence with more or fewer tags than a pair needs is
// ambiguous: a mention that cannot be assigned is not found.
func located(sentence string) (a, b Mention, all []Mention) {
	a, b = enclosed(sentence, "e1"), enclosed(sentence, "e2")
	if a.Found() || b.Found() {
		return a, b, []Mention{a, b}
	}
	var pair []Mention
	for _, m := range tag.FindAllStringSubmatchIndex(sentence, -1) {
		group := func(i int) string { return sentence[max(m[2*i], 0):max(m[2*i+1], 0)] }
		at := Mention{Spans: []text.Span{{Start: m[0], End: m[1]}}, Surface: sentence[m[0]:m[1]]}
		first, second := kindOf(group(1)+group(3)), kindOf(group(2))
		at.Type = first
		all = append(all, at)
		if first != "OTHER" {
			pair = append(pair, at)
		}
		if second != "" {
			at.Type = second
			pair = append(pair, at)
		}
	}
	a, b = ordered(pair)
	return a, b, all
}

// ordered returns the two mentions of a pair in their order.
func ordered(pair []Mention) (a, b Mention) {
	switch len(pair) {
	case 1:
		if pair[0].Type == "GENE" {
			return Mention{}, pair[0]
		}
		return pair[0], Mention{}
	case 2:
		if pair[0].Type == "GENE" && pair[1].Type == "CHEMICAL" {
			return pair[1], pair[0]
		}
		return pair[0], pair[1]
	}
	return Mention{}, Mention{}
}

// kindOf returns the mention type of a tag.
func kindOf(name string) string {
	switch name {
	case "CHEM", "ENTC":
		return "CHEMICAL"
	case "ENTG":
		return "GENE"
	}
	return name
}

// enclosed returns the mention between <name:TYPE> and </name:TYPE>, marks included.
func enclosed(sentence, name string) Mention {
	start := strings.Index(sentence, "<"+name+":")
	if start < 0 {
		return Mention{}
	}
	kind, _, ok := strings.Cut(sentence[start+len(name)+2:], ">")
	closing := "</" + name + ":" + kind + ">"
	length := strings.Index(sentence[start:], closing)
	if !ok || length < 0 {
		return Mention{}
	}
	end := start + length + len(closing)
	return Mention{Spans: []text.Span{{Start: start, End: end}}, Type: kind, Surface: sentence[start:end]}
}
