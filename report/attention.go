package report

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/subbert/subbert/runs/result"
)

// Sentence is a marked sentence with its words shaded by weight.
type Sentence struct {
	result.Sentence
	Parts [][]result.Word // what is shown: the sentence of the mentions, then the rest of the text
}

func (Sentence) block() string { return "sentence" }

// attentionPart shows the attention runs, with their sentences unfolded if the page shows nothing else.
func attentionPart(runs []named, alone bool) part {
	var p part
	for _, n := range runs {
		a := n.run.attention()
		if a == nil {
			continue
		}
		title := "Attention"
		if len(runs) > 1 {
			title += ": " + n.name
		}
		s := Section{Title: title, Folded: !alone}
		if len(a.Sentences) > 0 {
			s.Blocks = []Block{Sentences(a), Remarks{attentionKey}}
		}
		s.Blocks = append(s.Blocks, Facts{Facts: []Fact{{"weights", a.Of}, {"sentences", a.Data}}})
		p.sections = append(p.sections, s)
		if len(a.Stems) > 0 {
			if alone {
				p.verdict = append(p.verdict, stemVerdict(n, a, len(runs) > 1))
			}
			title := "Heaviest stems"
			if len(runs) > 1 {
				title += ": " + n.name
			}
			p.sections = append(p.sections, Section{Title: title, Folded: !alone, Blocks: []Block{stemTable(n.name, a)}})
		}
	}
	switch {
	case len(p.sections) == 0:
		p.lead = []Block{outcomeTable(runs)}
	case alone:
		p.verdict = append(p.verdict, attentionCaveat)
	default:
		p.sections[0].Intro = attentionCaveat
	}
	return p
}

// attentionKey explains the shades.
const attentionKey = "A word is shaded if its weight is above an equal share, 1/n for each of n positions; the darkest words have at least eight times that share. Point at a word to see its weight. The two mentions are outlined."

// attentionCaveat says what a weight does not mean.
const attentionCaveat = "A weight is not an explanation. It is the share of a position in the input of the classifier, and the state of a position also contains its context; other weights can give the same label (Jain & Wallace 2019, Wiegreffe & Pinter 2019)."

// stemVerdict says which stem has the greatest weight, in multiples of an equal share.
func stemVerdict(n named, a *result.Weights, several bool) string {
	s := a.Stems[0]
	where := "In the sentences"
	if a.Near > 0 {
		where = "Near the mentions"
	}
	if several {
		where = n.name + ": " + strings.ToLower(where[:1]) + where[1:]
	}
	text := fmt.Sprintf("%s, words such as “%s” have the greatest weight", where, isolated(s.Word))
	if s.Times > 0 {
		text += fmt.Sprintf(": %s times an equal share", fixed(s.Times, 1))
	}
	return text + "."
}

// Sentences returns the sentences of a, which the reader chooses by label and by whether the model is right.
func Sentences(a *result.Weights) Choice {
	c := Choice{What: "sentences"}
	var labels []string
	for _, s := range a.Sentences {
		if label := cmp.Or(s.Gold, s.Predicted); label != "" && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	c.Facets = []Facet{{Name: "label", Values: labels}, {Name: "the model is", Values: []string{"right", "wrong"}}}
	for _, s := range a.Sentences {
		right := ""
		if s.Gold != "" && s.Predicted != "" {
			if right = "wrong"; s.Gold == s.Predicted {
				right = "right"
			}
		}
		c.Items = append(c.Items, Item{Values: []string{cmp.Or(s.Gold, s.Predicted), right}, Block: Sentence{s, partsOfText(s)}})
	}
	return c
}

// partsOfText returns the sentence of the mentions, then the other sentences of a text.
func partsOfText(s result.Sentence) [][]result.Word {
	with := map[int]bool{}
	for _, w := range s.Words {
		if w.Mention {
			with[w.Sentence] = true
		}
	}
	if len(with) == 0 {
		return [][]result.Word{s.Words}
	}
	var first, rest []result.Word
	for _, w := range s.Words {
		if with[w.Sentence] {
			first = append(first, w)
		} else {
			rest = append(rest, w)
		}
	}
	if rest == nil {
		return [][]result.Word{first}
	}
	return [][]result.Word{first, rest}
}

// stemTable returns the paper's Table 8 with its caption.
func stemTable(name string, a *result.Weights) Table {
	where := "in the sentence"
	if a.Near > 0 {
		where = fmt.Sprintf("within %d words of a mention", a.Near)
	}
	without := ""
	if a.NoStops {
		without = ", without stop words"
	}
	t := StemTable(a)
	t.Caption = fmt.Sprintf("Porter stems by mean weight: %s, words %s, at least %s times in %s sentences%s", name, where, count(a.Least), count(a.Examples), without)
	return t
}

// StemTable returns the stems of the greatest weight, for the page and the terminal.
func StemTable(a *result.Weights) Table {
	t := Table{Columns: append([]Column{{Name: "stem"}, {Name: "such as"}}, numeric("mean weight", "times an equal share", "met")...)}
	for _, s := range a.Stems {
		times := noValue
		if s.Times > 0 {
			times = fixed(s.Times, 1)
		}
		t.Rows = append(t.Rows, Row{Cells: []string{s.Stem, s.Word, fixed(s.Mean, 4), times, count(s.Count)}})
	}
	return t
}

// positions returns n, the number of positions that share the weights of s.
func positions(s result.Sentence) int {
	if s.Positions > 0 {
		return s.Positions
	}
	return len(s.Words) // older results do not say: assume one position a word
}

// darkest is the share of the colour, in percent, of a word of eight equal shares or more. Text on it is still legible.
const darkest = 60

// tone returns how dark a word of s is, in percent: white up to an equal share, and darker each time the weight
// doubles.
func tone(s result.Sentence, w result.Word) int {
	return int(darkest*max(0, min(1, math.Log2(max(1, w.Times(positions(s))))/3)) + 0.5)
}

// times writes the weight of a word.
func times(s result.Sentence, w result.Word) string {
	return fmt.Sprintf("weight %s, %s times an equal share", fixed(w.Weight, 4), fixed(w.Times(positions(s)), 1))
}

// Shown returns the word to show: for a mention its name, if it is known.
func (s Sentence) Shown(w result.Word) string { return shownWord(w) }

func shownWord(w result.Word) string { return cmp.Or(w.Name, unmarked(w.Text)) }

var typedMark = regexp.MustCompile(`^<e[12]:[^>]*>\s*(.*?)\s*</e[12]:[^>]*>$`)

// unmarked returns a mention without the marks around it.
func unmarked(mention string) string {
	if m := typedMark.FindStringSubmatch(mention); m != nil {
		return m[1]
	}
	return mention
}

// Names returns the two mentions.
func (s Sentence) Names() string {
	var names []string
	for _, w := range s.Words {
		if w.Mention {
			names = append(names, isolated(shownWord(w)))
		}
	}
	return strings.Join(names, " – ")
}

// Verdict returns the labels of the sentence in words.
func (s Sentence) Verdict() string { return verdict(s.Sentence) }

// verdict returns the labels of a sentence in words.
func verdict(s result.Sentence) string {
	var parts []string
	for _, p := range []struct{ name, label string }{{"gold", s.Gold}, {"predicted", s.Predicted}, {"baseline", s.Baseline}} {
		if p.label == "" {
			continue
		}
		text := p.name + " " + isolated(p.label)
		if p.name == "predicted" && s.Probability > 0 {
			text += fmt.Sprintf(" (%s)", fixed(s.Probability, 2))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// Heaviest names the heaviest words, for readers who cannot see the shades.
func (s Sentence) Heaviest() string { return heaviestWords(s.Sentence) }

func heaviestWords(s result.Sentence) string {
	n := positions(s)
	order := slices.SortedStableFunc(slices.Values(s.Words), func(a, b result.Word) int { return compareFloat(b.Times(n), a.Times(n)) })
	var parts []string
	for _, w := range order[:min(5, len(order))] {
		parts = append(parts, isolated(shownWord(w))+" "+fixed(w.Times(n), 1))
	}
	return "Greatest weights, in equal shares: " + strings.Join(parts, ", ") + "."
}
