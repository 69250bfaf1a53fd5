package madeup

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The labels, named as in the DDI 2013 corpus.
const (
	Advise    = "advise"    // what to do about taking the two together
	Effect    = "effect"    // the one changes what the other does to the body
	Int       = "int"       // an interaction is stated without details
	Mechanism = "mechanism" // the one changes what the body does to the other
	False     = "false"     // no interaction of the two is stated
)

// Tag replaces each of the two drugs of a pair.
const Tag = "@DRUG$"

// Relation is a sentence in which two drugs are replaced by Tag; other drugs keep their names.
type Relation struct {
	Index    string
	Sentence string
	Label    string
}

// Relations returns n marked sentences. A sentence occurs once for each pair of its drugs, in the order of
// the text, so that neighbours differ only in their tags. Sets with different seeds share wording and names
// but hardly any sentence.
func Relations(seed uint64, n int) []Relation {
	l := newLexicon()
	out := make([]Relation, 0, n+10)
	for i := 0; len(out) < n; i++ {
		g := grammar{rand.New(rand.NewPCG(seed, 1<<32|uint64(i)))}
		s := g.scene()
		out = s.appendPairs(out, fmt.Sprintf("madeup-%d-s%06d", seed, i), l.drawDrugs(g.rng, s.drugs))
	}
	return out[:n]
}

// scene is a sentence with places for drugs, and the labels of related pairs.
type scene struct {
	text   string
	drugs  int
	labels map[[2]int]string // by the places, the smaller first
}

// place is the placeholder in a scene's text for drug k.
func place(k int) string { return "\x00" + string(rune('0'+k)) }

// appendPairs appends one relation for each pair of drugs.
func (s scene) appendPairs(dst []Relation, id string, drugs []drug) []Relation {
	p := 0
	for i := range s.drugs {
		for j := i + 1; j < s.drugs; j++ {
			label := False
			if l, ok := s.labels[[2]int{i, j}]; ok {
				label = l
			}
			dst = append(dst, Relation{Index: fmt.Sprintf("%s-p%d", id, p), Sentence: s.marked(i, j, drugs), Label: label})
			p++
		}
	}
	return dst
}

// marked is the text with the tag at places i and j and names elsewhere.
func (s scene) marked(i, j int, drugs []drug) string {
	text := s.text
	for k, d := range drugs {
		name := d.name
		if k == i || k == j {
			name = Tag
		}
		text = strings.Replace(text, place(k), name, 1)
	}
	return finish(text)
}

// scene draws a sentence: a single clause, a clause with a bystander, or two unrelated clauses.
func (g grammar) scene() scene {
	s := scene{labels: map[[2]int]string{}}
	switch k := g.rng.IntN(20); {
	case k < 14:
		g.clause(&s)
		if g.rng.IntN(2) == 0 {
			s.text += g.fill(pick(g.rng, settings), nil)
		}
	case k < 17:
		before := pick(g.rng, bystandersBefore)
		g.bystander(&s, before)
		g.clause(&s)
	case k < 19:
		g.clause(&s)
		g.bystander(&s, pick(g.rng, bystandersAfter))
	default:
		g.clause(&s)
		s.text += pick(g.rng, links)
		g.clause(&s)
	}
	return s
}

// clause appends a clause with two or three drugs to s. A label is drawn first, so that the labels are
// spread evenly over the clauses, and then its wording.
func (g grammar) clause(s *scene) {
	c := pick(g.rng, clauses[pick(g.rng, labelOdds)])
	s.text += g.fill(c.text, s.places(c.drugs))
	for _, p := range c.pairs {
		s.labels[[2]int{s.drugs + p[0] - 1, s.drugs + p[1] - 1}] = c.label
	}
	s.drugs += c.drugs
}

// bystander appends a phrase that names one drug without relating it to another.
func (g grammar) bystander(s *scene, template string) {
	s.text += g.fill(template, s.places(1))
	s.drugs++
}

// places binds the slots {1} to {n} of the next clause to the next places of s.
func (s *scene) places(n int) map[string]string {
	bound := map[string]string{}
	for k := range n {
		bound[string(rune('1'+k))] = place(s.drugs + k)
	}
	return bound
}
