package relations

import (
	"fmt"
	"iter"
	"strconv"

	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/forms"
)

// Fact is a relation between two concepts that an article states, or that a model finds in it.
type Fact struct {
	Article string // a PMID
	A, B    string // identifiers, in the form of pubtator.Plain; their order has no meaning
	Label   string
}

// Coverage counts the facts that documents state and how many of them have a pair of mentions. A fact without a pair
// cannot be found.
type Coverage struct {
	Stated int `json:"stated"` // facts between two identifiers
	Paired int `json:"paired"` // those with a pair of mentions
}

// Plus returns the sum of c and o.
func (c Coverage) Plus(o Coverage) Coverage {
	return Coverage{c.Stated + o.Stated, c.Paired + o.Paired}
}

// between returns f with its identifiers in the form of pubtator.Plain and in ascending order.
func (f Fact) between() Fact {
	f.A, f.B = pubtator.Plain(f.A), pubtator.Plain(f.B)
	f.A, f.B = min(f.A, f.B), max(f.A, f.B)
	return f
}

// factsOf yields the facts of two mentions. The id of a mention may name several concepts, or none.
func factsOf(article, a, b, label string) iter.Seq[Fact] {
	return func(yield func(Fact) bool) {
		for _, x := range pubtator.Known(a) {
			for _, y := range pubtator.Known(b) {
				if !yield(Fact{article, x, y, label}.between()) {
					return
				}
			}
		}
	}
}

// paired maps each fact that a document states to whether an example has it.
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

// Gold holds the facts that the articles of a file or folder state.
type Gold struct {
	Articles []string // all of them, including those without facts
	Facts    []Fact
}

// ReadGold reads the facts that the articles of PubTator files state. It uses only Context, Read and Warn of o.
func ReadGold(name string, o Options) (*Gold, error) {
	src, err := openSource(name, forms.PubTator, o, ".pubtator", ".txt")
	if err != nil {
		return nil, err
	}
	defer src.close() // only read from
	g := &Gold{}
	for _, file := range src.files {
		if err := g.read(src, file, o); err != nil {
			return nil, err
		}
	}
	if len(g.Articles) == 0 {
		return nil, fmt.Errorf("%s: no articles", name)
	}
	return g, nil
}

func (g *Gold) read(src *source, file string, o Options) error {
	f, err := src.open(file)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
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

// Claim is a fact that a model finds in a pair of mentions, with the probability of its label. The label may be the
// negative one.
type Claim struct {
	Fact
	Probability float64
}

// Claimed holds the claims of the rows that extract writes, for the articles of a Gold.
type Claimed struct {
	Claims       []Claim `json:"-"`            // one for each pair of concepts that the mentions of a row name
	Rows         int     `json:"rows"`         // rows read
	Elsewhere    int     `json:"elsewhere"`    // rows of articles that are not in Gold; they make no claim
	Unidentified int     `json:"unidentified"` // other rows with a mention without identifier; they make no claim
}

// ReadClaims reads a TSV file with the columns pmid, a_id, b_id, label and probability; other columns are ignored. It
// uses only Context and Read of o.
func ReadClaims(name string, o Options, gold *Gold) (*Claimed, error) {
	src, err := openSource(name, forms.TSV, o)
	if err != nil {
		return nil, err
	}
	defer src.close() // only read from
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

// claimColumns returns the numbers of the columns that ReadClaims needs.
func (t *table) claimColumns(name string) (at []int, err error) {
	for _, want := range []string{"pmid", "a_id", "b_id", "label", "probability"} {
		i, ok := t.columns[want]
		if !ok {
			return nil, fmt.Errorf("%s: no column %s; want a header with pmid, a_id, b_id, label and probability, as subbert extract writes", name, want)
		}
		at = append(at, i)
	}
	return at, nil
}

// add counts row r and appends its claims.
func (c *Claimed) add(r row, at []int, articles map[string]bool) error {
	pmid, a, b, label := r.fields[at[0]], r.fields[at[1]], r.fields[at[2]], r.fields[at[3]]
	p, err := strconv.ParseFloat(r.fields[at[4]], 64)
	if err != nil || !(p >= 0 && p <= 1) {
		return r.line.errorf("column probability: %q is not a probability", r.fields[at[4]])
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
