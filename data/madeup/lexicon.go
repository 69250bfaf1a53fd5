package madeup

import "math/rand/v2"

// Sizes of the invented world. It is the same for every seed: seeds draw sentences, not names.
const (
	drugsPerClass = 16
	numEnzymes    = 12
	numProteins   = 60
	numCompounds  = 40

	worldSeed = 0x5ab_be47
)

// class is a family of invented drugs. Its members share an ending and an indication.
type class struct {
	ending, noun, condition, effect string
}

// classes lists the families: ordinary words for their effects, invented endings of their names.
var classes = []class{
	{"oxumib", "calming agents", "anxiety", "sedative effect"},
	{"arvex", "clotting inhibitors", "thrombosis", "bleeding tendency"},
	{"etulan", "pressure-lowering agents", "hypertension", "hypotensive effect"},
	{"iquor", "sugar-lowering agents", "diabetes", "hypoglycaemic effect"},
	{"ozefin", "seizure-preventing agents", "epilepsy", "anticonvulsant effect"},
	{"udelin", "pain-relieving agents", "chronic pain", "analgesic effect"},
}

// drug is one invented drug and the facts about it, which hold in every document.
type drug struct {
	name, enzyme string
	class        class
}

// lexicon is the invented world that documents and relations draw from.
type lexicon struct {
	drugs     []drug
	enzymes   []string
	proteins  []string
	compounds []string
}

// newLexicon makes the world. Names are distinct.
func newLexicon() *lexicon {
	n := namer{rng: rand.New(rand.NewPCG(worldSeed, 0)), taken: map[string]bool{}}
	var l lexicon
	for range numEnzymes {
		l.enzymes = append(l.enzymes, n.distinct(n.enzyme))
	}
	for _, c := range classes {
		for range drugsPerClass {
			name := n.distinct(func() string { return n.stem() + c.ending })
			l.drugs = append(l.drugs, drug{name: name, enzyme: pick(n.rng, l.enzymes), class: c})
		}
	}
	for range numProteins {
		l.proteins = append(l.proteins, n.distinct(n.protein))
	}
	for range numCompounds {
		l.compounds = append(l.compounds, n.distinct(n.compound))
	}
	return &l
}

// drawDrugs returns n different drugs in random order.
func (l *lexicon) drawDrugs(rng *rand.Rand, n int) []drug {
	out := make([]drug, n)
	for i, k := range rng.Perm(len(l.drugs))[:n] {
		out[i] = l.drugs[k]
	}
	return out
}

// namer invents names and never gives the same one twice.
type namer struct {
	rng   *rand.Rand
	taken map[string]bool
}

func (n *namer) distinct(next func() string) string {
	for {
		if s := next(); !n.taken[s] {
			n.taken[s] = true
			return s
		}
	}
}

var (
	onsets  = []string{"b", "br", "d", "dr", "f", "g", "gl", "h", "k", "kr", "l", "m", "n", "p", "qu", "r", "s", "t", "v", "vl", "w", "x", "z", "zw"}
	vowels  = []string{"a", "e", "i", "o", "u", "y"}
	codas   = []string{"b", "d", "l", "m", "n", "r", "s", "t", "v", "z"}
	letters = []string{"B", "D", "F", "G", "H", "J", "K", "M", "Q", "V", "W", "X", "Z"}
	groups  = []string{"anol", "yxide", "oquine", "ethrone", "ylate"}
)

// stem is a syllable, or two, that ends in a consonant: "zwad", "kravem".
func (n *namer) stem() string {
	s := pick(n.rng, onsets) + pick(n.rng, vowels) + pick(n.rng, codas)
	if n.rng.IntN(2) == 0 {
		s += pick(n.rng, vowels) + pick(n.rng, codas)
	}
	return s
}

// enzyme is a name such as "ZQ7H".
func (n *namer) enzyme() string {
	return pick(n.rng, letters) + "Q" + digit(n.rng) + pick(n.rng, letters)
}

// protein is a gene-like symbol, "VXK4", or a protein-like word, "Dremulin".
func (n *namer) protein() string {
	if n.rng.IntN(2) == 0 {
		return pick(n.rng, letters) + "X" + pick(n.rng, letters) + digit(n.rng)
	}
	return capital(n.stem()) + "ulyx"
}

// compound is a name such as "vlorethrone".
func (n *namer) compound() string { return n.stem() + pick(n.rng, groups) }

func digit(rng *rand.Rand) string { return string(rune('1' + rng.IntN(9))) }

// pick returns a random element of list.
func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }
