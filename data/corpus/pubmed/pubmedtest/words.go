package pubmedtest

import (
	"math"
	"math/rand/v2"
	"strings"
)

// wordSize is the number of words of the made-up language.
const wordSize = 20000

// words makes a vocabulary of words from syllables, short words first, including some that queries look
// for.
func words(r *rand.Rand) []string {
	onset := strings.Split("b c d f g h k l m n p r s t v z br cr dr gl pl pr st tr th ph", " ")
	nucleus := strings.Split("a e i o u ae io ou y", " ")
	coda := strings.Split("l n r s t x m sis tin rol min ase ne", " ")
	list := strings.Split("the of and in to with was for were by that from protein gene drug cells patients expression", " ")
	for len(list) < wordSize {
		var w strings.Builder
		for range 1 + r.IntN(1+min(4, len(list)/40)) {
			w.WriteString(onset[r.IntN(len(onset))])
			w.WriteString(nucleus[r.IntN(len(nucleus))])
		}
		if r.IntN(3) > 0 {
			w.WriteString(coda[r.IntN(len(coda))])
		}
		list = append(list, w.String())
	}
	return list
}

// word draws a word; the i-th with a probability of about 1/i.
func (g *generator) word() string {
	x := math.Exp(g.r.Float64() * math.Log(wordSize))
	return g.words[min(int(x)-1, wordSize-1)]
}

// name is a word with a capital letter.
func (g *generator) name() string {
	w := g.words[20+g.r.IntN(wordSize-20)]
	return strings.ToUpper(w[:1]) + w[1:]
}

// sentence writes a sentence of about n words, occasionally with a number, a reference or inline markup.
func (g *generator) sentence(n int) {
	g.put(g.name())
	for range n {
		switch g.r.IntN(60) {
		case 0:
			g.putf(" %d.%d%%", g.r.IntN(100), g.r.IntN(10))
		case 1:
			g.put(" (p &lt; 0.05)")
		case 2:
			g.put(pick(g.r, " &#945;-subunit", " β-catenin", " 10\u00a0µg/ml", " A &amp; B", " Ca²⁺", " naïve", " &#x3bc;m"))
		case 3:
			g.putf(" <i>%s %s</i>", g.name(), g.word())
		case 4:
			g.put(pick(g.r, " 10<sup>-5</sup>", " H<sub>2</sub>O", " <b>bold</b>", " <u>under</u>", " CD4<sup>+</sup> T-cells"))
		default:
			g.put(" ", g.word())
		}
		if g.r.IntN(14) == 0 {
			g.put(",")
		}
	}
	g.put(".")
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }
