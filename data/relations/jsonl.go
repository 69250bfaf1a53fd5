package relations

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// jsonlDocument is a line of the jsonl format: a text, its mentions and, where they are known, the relations between
// them. Positions count characters, ends exclusive.
type jsonlDocument struct {
	ID       string `json:"id"`
	Text     string `json:"text"`
	Mentions []struct {
		ID    string   `json:"id"`
		Type  string   `json:"type"`
		Start int      `json:"start"`
		End   int      `json:"end"`
		Spans [][2]int `json:"spans"` // of a discontinuous mention, in place of start and end
	} `json:"mentions"`
	Relations []jsonlRelation `json:"relations"`
}

// jsonlRelation is between two mentions, by their ids.
type jsonlRelation struct {
	Label string `json:"label"`
	A     string `json:"a"`
	B     string `json:"b"`
}

// readJSONL reads one document a line.
func readJSONL(name string, o Options) iter.Seq2[Example, error] {
	return perFile(name, o, []string{".jsonl", ".json"}, nil, func(src *source, file string) ([]Example, error) {
		var out []Example
		for l, err := range src.lines(file) {
			if err != nil {
				return nil, err
			}
			if strings.TrimSpace(l.text) == "" {
				continue
			}
			a, err := parseJSONL(l)
			if err != nil {
				return nil, err
			}
			a.split = src.split(file)
			examples, err := a.pairs(o)
			if err != nil {
				return nil, l.errorf("%w", err)
			}
			if err := a.allPaired(examples); err != nil {
				return nil, l.errorf("%w", err)
			}
			out = append(out, examples...)
		}
		return out, nil
	})
}

// jsonlAbstract is a line, read.
type jsonlAbstract struct {
	abstract
	relations []jsonlRelation
}

func parseJSONL(l line) (*jsonlAbstract, error) {
	var d jsonlDocument
	if err := json.Unmarshal([]byte(l.text), &d); err != nil {
		return nil, l.errorf("%w", err)
	}
	if d.ID == "" {
		d.ID = fmt.Sprint(l.number)
	}
	a := &jsonlAbstract{abstract{id: d.ID, text: d.Text, sections: []Span{{0, len(d.Text)}}}, d.Relations}
	off := newOffsets(d.Text)
	for i, m := range d.Mentions {
		if m.ID == "" {
			m.ID = fmt.Sprintf("T%d", i+1)
		}
		if len(m.Spans) == 0 {
			m.Spans = [][2]int{{m.Start, m.End}}
		}
		mention := Mention{Type: strings.ToUpper(m.Type), Subtype: m.Type, ID: m.ID}
		for _, at := range m.Spans {
			s, err := off.span(at[0], at[1])
			if err != nil {
				return nil, l.errorf("document %s: mention %s: %w", d.ID, m.ID, err)
			}
			mention.Spans = append(mention.Spans, s)
		}
		sortSpans(mention.Spans)
		mention.Surface = mention.Under(d.Text)
		if slices.ContainsFunc(a.mentions, func(n annotation) bool { return n.name == m.ID }) {
			return nil, l.errorf("document %s: mention %s is there twice", d.ID, m.ID)
		}
		a.mentions = append(a.mentions, annotation{mention, m.ID})
	}
	a.relate = a.between
	return a, nil
}

// between are the labels of the relations of two mentions, in either order.
func (d *jsonlAbstract) between(a, b annotation) []string {
	var out []string
	for _, r := range d.relations {
		if (r.A == a.name && r.B == b.name || r.A == b.name && r.B == a.name) && !slices.Contains(out, r.Label) {
			out = append(out, r.Label)
		}
	}
	return out
}

// allPaired says which relation is between no pair of examples.
func (d *jsonlAbstract) allPaired(examples []Example) error {
	known := func(id string) bool {
		return slices.ContainsFunc(d.mentions, func(m annotation) bool { return m.name == id })
	}
	for _, r := range d.relations {
		for _, id := range []string{r.A, r.B} {
			if !known(id) {
				return fmt.Errorf("document %s: relation %s: there is no mention %q", d.id, r.Label, id)
			}
		}
		paired := slices.ContainsFunc(examples, func(e Example) bool {
			return e.A.ID == r.A && e.B.ID == r.B || e.A.ID == r.B && e.B.ID == r.A
		})
		if !paired {
			return fmt.Errorf("document %s: relation %s: mentions %s and %s make no pair: they are in different sentences, or of other types than asked for", d.id, r.Label, r.A, r.B)
		}
	}
	return nil
}
