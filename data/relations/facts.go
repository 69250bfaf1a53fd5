package relations

import (
	"fmt"
	"iter"
	"strconv"

	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/forms"
)

// Fact is a relation between two concepts that an article states, or that a model says it states.
type Fact struct {
	Article string // a PMID
	A, B    string // identifiers; which is first says nothing
	Label   string
}

// Coverage says how many of the facts that documents state can be found at all in the pairs that are made of them.
type Coverage struct {
	Stated int `json:"stated"` // between two identifiers
	Paired int `json:"paired"` // of these, with a pair of mentions
}

// Plus is c and o together.
func (c Coverage) Plus(o Coverage) Coverage {
	return Coverage{c.Stated + o.Stated, c.Paired + o.Paired}
}

// between is f with its identifiers in the order of their names.
func (f Fact) between() Fact {
	f.A, f.B = min(f.A, f.B), max(f.A, f.B)
	return f
}

// factsOf are the facts of two mentions, whose ids may name several concepts each, or none.
func factsOf(article, a, b, label string) iter.Seq[Fact] {
	return func(yield func(Fact) bool) {
		for _, x := range known(pubtator.Concepts(a)) {
			for _, y := range known(pubtator.Concepts(b)) {
				if !yield(Fact{article, x, y, label}.between()) {
					return
				}
			}
		}
	}
}

// paired says which of the facts that a document states its examples have.
type paired map[Fact]bool

func newPaired(stated []Fact) paired {
	p := paired{}
	for _, f := range stated {
		p[f.between()] = false
	}
	return p
}

func (p paired) see(e *Example) {
	if len(p) == 0 {
		return
	}
	for f := range factsOf(e.Document, e.A.ID, e.B.ID, e.Label) {
		if _, ok := p[f]; ok {
			p[f] = true
		}
	}
}

func (p paired) coverage() Coverage {
	c := Coverage{Stated: len(p)}
	for _, ok := range p {
		if ok {
			c.Paired++
		}
	}
	return c
}

// Gold is what the articles of a file or folder state.
type Gold struct {
	Articles []string // all of them, those that state nothing too
	Facts    []Fact
}

// ReadGold reads what the articles of PubTator files state. Of o, Context, Read and Warn count.
func ReadGold(name string, o Options) (*Gold, error) {
	src, err := openSource(name, forms.PubTator, o, ".pubtator", ".txt")
	if err != nil {
		return nil, err
	}
	defer src.close() // read only: what matters is read's error
	g := &Gold{}
	for _, file := range src.files {
		if err := g.read(src, file, o); err != nil {
			return nil, err
		}
	}
	if len(g.Articles) == 0 {
		return nil, fmt.Errorf("%s: no article in it", name)
	}
	return g, nil
}

func (g *Gold) read(src *source, file string, o Options) error {
	f, err := src.open(file)
	if err != nil {
		return err
	}
	defer f.Close() // read only: what matters is Documents' error
	faults := faults{options: o, file: src.where(file)}
	options := pubtator.Options{Fault: func(f pubtator.Fault) { faults.add(f.Annotation, f) }, Note: func(line string) { o.warn("%s", line) }}
	for d, err := range pubtator.Documents(f, src.where(file), options) {
		if err = faults.or(err); err != nil {
			return err
		}
		g.Articles = append(g.Articles, d.ID)
		for _, r := range d.Relations {
			g.Facts = append(g.Facts, Fact{d.ID, r.A, r.B, r.Type}.between())
		}
	}
	return faults.end()
}

// Claim is a fact that a model finds in a pair of mentions, and the probability that it gives to the label, which may be a negative one.
type Claim struct {
	Fact
	Probability float64
}

// Claimed is what the rows that extract writes say about the articles of a Gold.
type Claimed struct {
	Claims       []Claim `json:"-"`            // one for each two concepts that the mentions of a row name
	Rows         int     `json:"rows"`         // read
	Elsewhere    int     `json:"elsewhere"`    // of these, rows of articles that are not in Gold, which are left out
	Unidentified int     `json:"unidentified"` // of the others, rows with a mention without identifier, which make no claim
}

// ReadClaims reads a TSV file that has the columns pmid, a_id, b_id, label and probability; it may have others.
// Of o, Context and Read count.
func ReadClaims(name string, o Options, gold *Gold) (*Claimed, error) {
	src, err := openSource(name, forms.TSV, o)
	if err != nil {
		return nil, err
	}
	defer src.close() // read only: what matters is what readTable says
	articles := map[string]bool{}
	for _, id := range gold.Articles {
		articles[id] = true
	}
	c := &Claimed{}
	var at []int
	for r, err := range readTable(src.lines(src.files[0])) {
		if err == nil && at == nil {
			at, err = r.table.claimColumns(name)
		}
		if err == nil {
			err = c.add(r, at, articles)
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// claimColumns are the columns that ReadClaims needs.
func (t *table) claimColumns(name string) (at []int, err error) {
	for _, want := range []string{"pmid", "a_id", "b_id", "label", "probability"} {
		i, ok := t.columns[want]
		if !ok {
			return nil, fmt.Errorf("%s: no column %s; the rows of extract have a header with pmid, a_id, b_id, label and probability", name, want)
		}
		at = append(at, i)
	}
	return at, nil
}

// add counts row r and what it claims.
func (c *Claimed) add(r row, at []int, articles map[string]bool) error {
	pmid, a, b, label := r.fields[at[0]], r.fields[at[1]], r.fields[at[2]], r.fields[at[3]]
	p, err := strconv.ParseFloat(r.fields[at[4]], 64)
	if err != nil || !(p >= 0 && p <= 1) {
		return r.line.errorf("column probability: %q is no probability", r.fields[at[4]])
	}
	c.Rows++
	if !articles[pmid] {
		c.Elsewhere++
		return nil
	}
	n := len(c.Claims)
	for f := range factsOf(pmid, a, b, label) {
		c.Claims = append(c.Claims, Claim{f, p})
	}
	if len(c.Claims) == n {
		c.Unidentified++
	}
	return nil
}
