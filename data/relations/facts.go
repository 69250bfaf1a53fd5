package relations

import (
	"fmt"
	"iter"
	"slices"
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

// facts are what e says of the concepts of its mentions, if its label is right.
func (e *Example) facts() iter.Seq[Fact] { return factsOf(e.Document, e.A.ID, e.B.ID, e.Label) }

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

// coverage says which of the facts that a states the examples have.
func (a *abstract) coverage(examples []Example) Coverage {
	paired := map[Fact]bool{}
	for _, f := range a.stated {
		paired[f.between()] = false
	}
	for _, e := range examples {
		for f := range e.facts() {
			if _, ok := paired[f]; ok {
				paired[f] = true
			}
		}
	}
	c := Coverage{Stated: len(paired)}
	for _, ok := range paired {
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

// ReadGold reads what the articles of PubTator files state. What is passed over goes to warn, which may be nil.
func ReadGold(name string, warn func(line string)) (*Gold, error) {
	src, err := openSource(name, forms.PubTator, ".pubtator", ".txt")
	if err != nil {
		return nil, err
	}
	defer src.close() // read only: what matters is read's error
	g := &Gold{}
	for _, file := range src.files {
		if err := g.read(src, file, Options{Warn: warn}); err != nil {
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

// Extracted is a row of the table that extract writes: what a model says of two mentions of an article.
type Extracted struct {
	Article     string
	Facts       []Fact // one for each two concepts that the mentions name; none if one of them has no identifier
	Label       string
	Probability float64 // of Label
}

// ReadExtracted yields the rows of a TSV file that has the columns pmid, a_id, b_id, label and probability; it may have others.
func ReadExtracted(name string) iter.Seq2[Extracted, error] {
	return func(yield func(Extracted, error) bool) {
		src, err := openSource(name, forms.TSV)
		if err != nil {
			yield(Extracted{}, err)
			return
		}
		defer src.close() // read only: what matters is what readTable says
		var at []int
		for r, err := range readTable(src.lines(src.files[0])) {
			if err == nil && at == nil {
				at, err = r.table.extracted(name)
			}
			var x Extracted
			if err == nil {
				x, err = r.extracted(at)
			}
			if !yield(x, err) || err != nil {
				return
			}
		}
	}
}

// extracted are the columns that ReadExtracted needs.
func (t *table) extracted(name string) (at []int, err error) {
	for _, want := range []string{"pmid", "a_id", "b_id", "label", "probability"} {
		i, ok := t.columns[want]
		if !ok {
			return nil, fmt.Errorf("%s: no column %s; rows of extract have a header with pmid, a_id, b_id, label and probability", name, want)
		}
		at = append(at, i)
	}
	return at, nil
}

func (r row) extracted(at []int) (Extracted, error) {
	p, err := strconv.ParseFloat(r.fields[at[4]], 64)
	if err != nil || !(p >= 0 && p <= 1) {
		return Extracted{}, r.line.errorf("column probability: %q is no probability", r.fields[at[4]])
	}
	x := Extracted{Article: r.fields[at[0]], Label: r.fields[at[3]], Probability: p}
	x.Facts = slices.Collect(factsOf(x.Article, r.fields[at[1]], r.fields[at[2]], x.Label))
	return x, nil
}
