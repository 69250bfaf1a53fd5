package evaluate

import (
	"cmp"
	"slices"
)

// Fact is a relation between two identifiers that an article states. The order of the two has no meaning.
type Fact struct {
	Article string
	A, B    string
	Label   string
}

// pair is f without its label, the identifiers in the order of their names.
func (f Fact) pair() Fact { return Fact{Article: f.Article, A: min(f.A, f.B), B: max(f.A, f.B)} }

// Claim is a fact that a model predicts for one pair of mentions, and the probability of the label.
type Claim struct {
	Fact
	Probability float64
}

// Combine makes one fact from all claims of two identifiers in an article: the claim with the greatest probability, the
// first of equal ones. It ignores claims with the label negative: a pair of identifiers is predicted if any pair of its
// mentions is. The facts are sorted.
func Combine(claims []Claim, negative string) []Fact {
	best := map[Fact]Claim{}
	for _, c := range claims {
		if c.Label == negative {
			continue
		}
		if b, ok := best[c.pair()]; !ok || c.Probability > b.Probability {
			best[c.pair()] = c
		}
	}
	facts := make([]Fact, 0, len(best))
	for pair, c := range best {
		pair.Label = c.Label
		facts = append(facts, pair)
	}
	slices.SortFunc(facts, Fact.compare)
	return facts
}

func (f Fact) compare(g Fact) int {
	return cmp.Or(cmp.Compare(f.Article, g.Article), cmp.Compare(f.A, g.A), cmp.Compare(f.B, g.B), cmp.Compare(f.Label, g.Label))
}

// HypernymsKept is the only value of ArticleReport.Hypernyms.
const HypernymsKept = "kept"

// ArticleReport is the scores of facts about articles, counted as in the chemical-disease task of BioCreative
// V.
type ArticleReport struct {
	Predicted int `json:"predicted"` // pairs of identifiers and article
	Both      int `json:"both"`      // of these, pairs that are gold
	Micro     PRF `json:"micro"`     // over the pairs of all articles together, whatever their labels
	Labelled  PRF `json:"labelled"`  // likewise, but a pair is correct only with its label
	// Hypernyms says whether pairs count whose disease is more general than that of another pair with the same
	// chemical. Some systems of the task remove such pairs before scoring. Here they are kept.
	Hypernyms string `json:"hypernyms"`
}

// ScoreArticles compares facts; duplicates count once.
func ScoreArticles(gold, predicted []Fact) ArticleReport {
	pairs := counted(gold, predicted, Fact.pair)
	labelled := counted(gold, predicted, func(f Fact) Fact {
		p := f.pair()
		p.Label = f.Label
		return p
	})
	return ArticleReport{
		Predicted: pairs.predicted, Both: pairs.both, Micro: pairs.prf(), Labelled: labelled.prf(), Hypernyms: HypernymsKept,
	}
}

// counted counts the different keys of gold and predicted.
func counted(gold, predicted []Fact, key func(Fact) Fact) counts {
	g, p := map[Fact]bool{}, map[Fact]bool{}
	for _, f := range gold {
		g[key(f)] = true
	}
	for _, f := range predicted {
		p[key(f)] = true
	}
	k := counts{gold: len(g), predicted: len(p)}
	for f := range p {
		if g[f] {
			k.both++
		}
	}
	return k
}
