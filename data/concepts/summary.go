package concepts

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/extracted"
)

// Group is a relation between two concepts over all articles.
type Group struct {
	Label     string          `json:"label"`
	A         Concept         `json:"a"`
	B         Concept         `json:"b"`
	Articles  int             `json:"articles"`
	Rows      int             `json:"rows"`
	Best      float32         `json:"best"`     // the greatest probability of a row
	Together  float64         `json:"combined"` // probability that the best row of at least one article is correct, if errors of articles are independent
	Sentences []extracted.Row `json:"sentences"`
	article   string          // the current article
	inArticle float64         // the greatest probability of its rows
	alone     float64         // probability that no earlier article is correct
}

// Concept is a concept that mentions name.
type Concept struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Name string `json:"name"` // the words that name it in most articles, whatever the relation; the longest of equals
}

// names counts the articles in which words name a concept.
type names map[string]map[string]*named // by identifier and words

type named struct {
	articles int
	newest   string // the article that was counted last
}

// add counts an article for the words that name the concept id in it.
func (n names) add(id, words, article string) {
	if n[id] == nil {
		n[id] = map[string]*named{}
	}
	known := n[id][words]
	if known == nil {
		known = new(named)
		n[id][words] = known
	}
	if known.articles == 0 || known.newest != article {
		known.articles, known.newest = known.articles+1, article
	}
}

// of returns the words that name the concept id in most articles: an abbreviation repeats within an article, but so many
// articles have the full name, too. Of equals it returns the longest, and of these the alphabetically first.
func (n names) of(id string) (best string) {
	most := 0
	for words, known := range n[id] {
		if c := cmp.Or(cmp.Compare(known.articles, most), cmp.Compare(len(words), len(best)), cmp.Compare(best, words)); c > 0 {
			best, most = words, known.articles
		}
	}
	return best
}

// SummaryOptions controls which rows count.
type SummaryOptions struct {
	Negative       string  // rows with this label do not count
	MinProbability float64 // less probable rows do not count
	Sentences      int     // number of sentences to keep of each group, the most probable ones
}

// Summarize groups rows by label and identifiers and returns the groups, those with most articles first. The rows of an
// article must be consecutive, as extract writes them. Rows that lack an identifier do not count. Memory grows with the
// number of groups and of names.
func Summarize(rows iter.Seq2[extracted.Row, error], o SummaryOptions) ([]Group, error) {
	groups, seen := map[fact]*Group{}, map[fact]bool{} // seen in the current row
	named := names{}
	for r, err := range rows {
		if err != nil {
			return nil, err
		}
		if r.Label == o.Negative || float64(r.Probability) < o.MinProbability {
			continue
		}
		clear(seen)
		for _, a := range pubtator.Known(r.AID) {
			for _, b := range pubtator.Known(r.BID) {
				key := of(r.Label, a, b)
				if key.a == key.b || seen[key] {
					continue
				}
				seen[key] = true
				if groups[key] == nil {
					groups[key] = newGroup(r, a, b)
				}
				groups[key].add(r, o.Sentences)
				named.add(pubtator.Plain(a), r.A, r.PMID)
				named.add(pubtator.Plain(b), r.B, r.PMID)
			}
		}
	}
	out := make([]Group, 0, len(groups))
	for _, g := range groups {
		g.Together = 1 - g.alone*(1-g.inArticle)
		g.A.Name, g.B.Name = named.of(pubtator.Plain(g.A.ID)), named.of(pubtator.Plain(g.B.ID))
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(-cmp.Compare(a.Articles, b.Articles), -cmp.Compare(a.Together, b.Together), cmp.Compare(a.A.ID, b.A.ID), cmp.Compare(a.B.ID, b.B.ID), cmp.Compare(a.Label, b.Label))
	})
	return out, nil
}

// newGroup returns a group without rows for concepts a and b of the two mentions of r.
func newGroup(r extracted.Row, a, b string) *Group {
	return &Group{Label: r.Label, A: Concept{ID: a, Type: r.AType}, B: Concept{ID: b, Type: r.BType}, alone: 1}
}

// add adds a row to the group.
func (g *Group) add(r extracted.Row, sentences int) {
	if g.article != r.PMID || g.Rows == 0 {
		g.alone *= 1 - g.inArticle
		g.article, g.inArticle = r.PMID, 0
		g.Articles++
	}
	g.Rows++
	g.inArticle = max(g.inArticle, float64(r.Probability))
	g.Best = max(g.Best, r.Probability)
	at, _ := slices.BinarySearchFunc(g.Sentences, r, func(have, r extracted.Row) int {
		if have.Probability >= r.Probability { // the earlier of equals first
			return -1
		}
		return 1
	})
	if at < sentences {
		g.Sentences = slices.Insert(g.Sentences, at, r)
		g.Sentences = g.Sentences[:min(len(g.Sentences), sentences)]
	}
}

// WriteTable writes groups as tab-separated columns. The last column is the most probable sentence.
func WriteTable(w io.Writer, groups []Group) error {
	out := bufio.NewWriter(w) // bufio keeps the first error for Flush
	fmt.Fprintln(out, "a\ta_id\ta_type\tlabel\tb\tb_id\tb_type\tarticles\trows\tbest\tcombined\tpmid\tsentence")
	flat := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	for i := range groups {
		g := &groups[i]
		var best extracted.Row
		if len(g.Sentences) > 0 {
			best = g.Sentences[0]
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%.4f\t%.4f\t%s\t%s\n", flat.Replace(g.A.Name), g.A.ID, g.A.Type, g.Label, flat.Replace(g.B.Name), g.B.ID, g.B.Type,
			g.Articles, g.Rows, g.Best, g.Together, best.PMID, flat.Replace(best.Sentence))
	}
	return out.Flush()
}
