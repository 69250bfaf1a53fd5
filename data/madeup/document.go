package madeup

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Domain is the subject of a document. A query for the words of one domain finds its documents and, as in
// PubMed, some of a neighbour's: "protein or gene" finds the chemical ones too.
type Domain string

const (
	Drugs     Domain = "drug"     // contains "drug"; the query Drug selects it
	Proteins  Domain = "protein"  // contains "protein" or "gene"
	Chemicals Domain = "chemical" // compounds that act on proteins: contains "chemical" and "protein"
	Other     Domain = "other"    // contains none of these words
)

// Document is one made-up abstract.
type Document struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Abstract string `json:"abstract"`
	Domain   Domain `json:"domain"`
	Note     string `json:"note"` // Notice
}

// Documents returns n abstracts of six to nine sentences. About a third is about drugs, a quarter about
// proteins, a fifth about chemicals and a fifth about something else.
func Documents(seed uint64, n int) []Document {
	l := newLexicon()
	out := make([]Document, n)
	for i := range out {
		g := grammar{rand.New(rand.NewPCG(seed, uint64(i)))}
		out[i] = g.document(l, drawDomain(g.rng))
		out[i].ID = fmt.Sprintf("madeup-%d-%06d", seed, i)
		out[i].Note = Notice
	}
	return out
}

func drawDomain(rng *rand.Rand) Domain {
	switch k := rng.IntN(20); {
	case k < 7:
		return Drugs
	case k < 12:
		return Proteins
	case k < 16:
		return Chemicals
	}
	return Other
}

// document writes one abstract: an opening, an aim, results in random order, a conclusion.
func (g grammar) document(l *lexicon, d Domain) Document {
	p, bound := plans[d], g.subject(l, d)
	sentences := []string{
		g.sentence(pick(g.rng, p.openings), bound),
		g.sentence(pick(g.rng, p.aims), bound),
	}
	for _, k := range g.rng.Perm(len(p.results))[:3+g.rng.IntN(4)] {
		sentences = append(sentences, g.sentence(p.results[k], bound))
	}
	sentences = append(sentences, g.sentence(pick(g.rng, p.conclusions), bound))
	return Document{
		Title:    g.sentence(pick(g.rng, p.titles), bound),
		Abstract: strings.Join(sentences, " "),
		Domain:   d,
	}
}

// subject draws the subjects of a document, which it names repeatedly.
func (g grammar) subject(l *lexicon, d Domain) map[string]string {
	bound := map[string]string{}
	switch d {
	case Drugs:
		two := l.drawDrugs(g.rng, 2)
		bound["a"], bound["b"] = two[0].name, two[1].name
		bound["class"], bound["otherclass"] = two[0].class.noun, two[1].class.noun
		bound["condition"], bound["effect"] = two[0].class.condition, two[0].class.effect
		bound["enzyme"] = "the enzyme " + two[0].enzyme
	case Proteins:
		two := g.rng.Perm(len(l.proteins))[:2]
		bound["p"], bound["q"] = l.proteins[two[0]], l.proteins[two[1]]
	case Chemicals:
		bound["c"], bound["p"] = pick(g.rng, l.compounds), pick(g.rng, l.proteins)
	}
	for _, slot := range []string{"cells", "process", "tissue", "place", "habit", "solvent"} {
		bound[slot] = pick(g.rng, phrases[slot])
	}
	return bound
}

// plan holds the templates of one domain.
type plan struct {
	titles, openings, aims, results, conclusions []string
}

var plans = map[Domain]plan{
	Drugs: {
		titles: []string{
			"{a} and {b} in {patients} with {condition}",
			"the drug {a} and the {effect} of {class}",
			"does {a} change the {level} of {b}?",
		},
		openings: []string{
			"the drug {a} is one of the {class} and is {given} for {condition}",
			"drugs such as {a}, one of the {class}, are {given} to {patients} with {condition}",
			"{condition} is treated with {class}, and {a} is the drug most often {given}",
		},
		aims: []string{
			"{aim} {a} and {b} in a {study} of {n} {patients}",
			"{aim} the {effect} of {a} when {b}, one of the {otherclass}, is {given} {together}",
			"in a {study} of {n} {patients} {a} was {given} for {period}, with or without {b}",
		},
		results: []string{
			"{a} {changed} the {level} of {b}",
			"{a} did not {change} the {level} of {b}",
			"{b} {changed} the {effect} of {a}",
			"the {level} of {a} was {altered} by {food}, but not by {b}",
			"{a} is broken down by {enzyme}, which {b} {blocked} in {cells}",
			"after {period} the {effect} of the drug {rose}",
			"{harm} was {seen} {often} when {b} was added to {a}",
			"{n} of the {patients} had {harm}, and the drug was stopped in some of them",
			"both drugs were {given} with {food} for {period}",
			"no change was {seen} in {marker}",
		},
		conclusions: []string{
			"{a} should not be {given} with {b} in {condition}",
			"{people} with {condition} who take {a} should be {watched} for {harm} when {b} is started",
			"{a} may interact with {b}",
			"these results {showed} that the drug can be {given} for {condition}",
		},
	},
	Proteins: {
		titles: []string{
			"{p} {bound} {q} in {cells}",
			"the gene of {p} and {process} in {tissue}",
			"a role of the protein {p} in {process}",
		},
		openings: []string{
			"the protein {p} is found in {tissue} and takes part in {process}",
			"{p} is a protein of {cells}",
			"little is known of the gene that encodes {p}",
		},
		aims: []string{
			"{aim} {p} and its partner {q} in {cells}",
			"{aim} {process} in {cells} that lack {p}, with {assay}",
			"with {assay} {aim} how {p} and {q} act on {process}",
		},
		results: []string{
			"{p} {bound} {q} in {cells}",
			"{p} did not bind {q} when the gene was silenced",
			"the gene of {p} was {clearly} active in {tissue}",
			"loss of {p} {changed} {process} in {cells}",
			"{assay} {showed} that {q} acts after {p}",
			"a mutant protein that cannot bind {q} {changed} {process}",
			"the level of {p} {rose} when {q} was {blocked}",
			"{process} {rose} in {n} of the samples",
		},
		conclusions: []string{
			"{p} acts on {process} through {q}",
			"these results {showed} that {p} and {q} form a complex in {cells}",
			"the gene of {p} is needed for {process} in {tissue}",
		},
	},
	Chemicals: {
		titles: []string{
			"{c} {bound} the protein {p}",
			"effects of the chemical {c} on the protein {p} in {tissue}",
		},
		openings: []string{
			"the chemical {c} dissolves in {solvent} and is found in {tissue}",
			"{c} is a chemical that acts on the protein {p}",
			"how the chemical {c} enters {cells} is not known",
		},
		aims: []string{
			"{aim} {c} and the protein {p} in {cells}",
			"{aim} the binding of {c} to {p} in {solvent}, with {assay}",
		},
		results: []string{
			"{c} {bound} {p} in {solvent}",
			"{c} {changed} the activity of {p} in {cells}",
			"no binding of {c} to {p} was {seen} in {tissue}",
			"the activity of the protein {rose} {clearly} with the amount of {c}",
			"{assay} {showed} that {c} acts on {p} directly",
			"{c} {changed} {process} in {n} of the samples",
			"the chemical was stable in {solvent} for {period}",
		},
		conclusions: []string{
			"{c} acts on {process} through {p}",
			"these results {showed} that the chemical {c} is bound by {p}",
		},
	},
	Other: {
		titles: []string{
			"{habit} in {place}",
			"a {study} of {habit} among {people} of {place}",
		},
		openings: []string{
			"{habit} is part of daily life in {place}",
			"people in {place} are often asked about {habit}",
		},
		aims: []string{
			"{aim} {habit} among {n} people in {place}, with {method}",
			"in {place} {aim} {habit} over {period}",
		},
		results: []string{
			"{habit} {helped} in {n} of the people",
			"{method} {showed} that {habit} {rose} after {period}",
			"people who liked {habit} came to {place} {often}",
			"no change was {seen} in {marker}",
			"{habit} was {clearly} better in the morning",
			"the staff of {place} had {more} time for {habit}",
			"answers were {seen} to differ between women and men",
		},
		conclusions: []string{
			"{habit} can be taught in {place}",
			"these results {showed} that {habit} matters in {place}",
		},
	},
}
