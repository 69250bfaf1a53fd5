package relations

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

// jsonlDocument is a line of the jsonl format: a text, its mentions and, if they are known, the relations between
// them. Positions count characters; ends are exclusive.
type jsonlDocument struct {
	ID        string          `json:"id"`
	Text      string          `json:"text"`
	Mentions  []jsonlMention  `json:"mentions"`
	Relations []jsonlRelation `json:"relations"`
}

type jsonlMention struct {
	ID      string   `json:"id"`
	Type    string   `json:"type"`
	Concept string   `json:"concept"` // the concept that the mention names, such as MESH:D008687; if empty, the id
	Start   int      `json:"start"`
	End     int      `json:"end"`
	Spans   [][2]int `json:"spans"` // replaces start and end for a discontinuous mention
}

// jsonlRelation is a relation between two mentions, given by their ids.
type jsonlRelation struct {
	Label string `json:"label"`
	A     string `json:"a"`
	B     string `json:"b"`
}

// readJSONL reads one document per line.
func readJSONL(name string, o Options) iter.Seq2[Example, error] {
	return perFile(name, forms.RelationsJSONL, o, []string{".jsonl", ".json"}, nil, func(src *source, file string) ([]Example, error) {
		faults := faults{options: o, file: src.where(file)}
		var out []Example
		for l, err := range src.lines(file) {
			if err != nil {
				return nil, err
			}
			if strings.TrimSpace(l.text) == "" {
				continue
			}
			a, err := parseJSONL(l, func(err error) { faults.add(true, err) })
			if err != nil {
				return nil, err
			}
			a.split = src.split(file)
			examples, err := a.pairs(o)
			if err != nil {
				return nil, l.errorf("%w", err)
			}
			for _, err := range a.unpaired(examples, o) {
				faults.add(true, l.errorf("document %s: %w", a.id, err))
			}
			out = append(out, examples...)
		}
		return out, faults.end()
	})
}

// jsonlAbstract is a parsed line.
type jsonlAbstract struct {
	abstract
	relations []jsonlRelation
}

// parseJSONL parses a line. It calls broken with the fault of each mention that it skips.
func parseJSONL(l line, broken func(error)) (*jsonlAbstract, error) {
	var d jsonlDocument
	if err := json.Unmarshal([]byte(strings.ReplaceAll(l.text, "\x00", `\u0000`)), &d); err != nil {
		return nil, l.errorf("%w", err)
	}
	if d.ID == "" {
		d.ID = fmt.Sprint(l.number)
	}
	a := &jsonlAbstract{abstract{id: d.ID, text: d.Text, sections: []text.Span{{End: len(d.Text)}}, passages: []passage{{Span: text.Span{End: len(d.Text)}}}}, d.Relations}
	o := text.NewOffsets(d.Text)
	seen := map[string]bool{}
	for i, m := range d.Mentions {
		if m.ID == "" {
			m.ID = fmt.Sprintf("T%d", i+1)
		}
		spans, err := m.locate(o)
		if err == nil && seen[m.ID] {
			err = errors.New("duplicate id")
		}
		if err != nil {
			broken(l.errorf("document %s: mention %s: %w", d.ID, m.ID, err))
			continue
		}
		seen[m.ID] = true
		mention := Mention{Spans: spans, Type: tagName(m.Type), Subtype: m.Type, ID: m.ID}
		mention.Surface = mention.Under(d.Text)
		a.mentions = append(a.mentions, annotation{mention, m.ID, cmp.Or(m.Concept, m.ID)})
	}
	labels := map[[2]string][]string{}
	for _, r := range d.Relations {
		k := [2]string{min(r.A, r.B), max(r.A, r.B)}
		if !slices.Contains(labels[k], r.Label) {
			labels[k] = append(labels[k], r.Label)
		}
	}
	a.relate = func(x, y annotation) []string { return labels[[2]string{min(x.name, y.name), max(x.name, y.name)}] }
	return a, nil
}

// locate returns the spans of m.
func (m *jsonlMention) locate(o *text.Offsets) ([]text.Span, error) {
	if len(m.Spans) == 0 {
		m.Spans = [][2]int{{m.Start, m.End}}
	}
	var out []text.Span
	for _, at := range m.Spans {
		s, err := o.Span(text.Characters, at[0], at[1])
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	sortSpans(out)
	return out, nil
}

// unpaired returns a fault for each relation that has no example. A relation between mentions of types other than
// o.Types needs none.
func (d *jsonlAbstract) unpaired(examples []Example, o Options) (faults []error) {
	paired := map[[2]string]bool{}
	for _, e := range examples {
		paired[[2]string{e.A.ID, e.B.ID}], paired[[2]string{e.B.ID, e.A.ID}] = true, true
	}
	types := map[string]string{}
	for _, m := range d.mentions {
		types[m.name] = m.Type
	}
	asked := func(a, b string) bool {
		return o.Types == [2]string{} || isType(types[a], o.Types[0]) && isType(types[b], o.Types[1]) || isType(types[b], o.Types[0]) && isType(types[a], o.Types[1])
	}
	for _, r := range d.relations {
		_, knownA := types[r.A]
		_, knownB := types[r.B]
		switch {
		case r.Label == "":
			faults = append(faults, fmt.Errorf("relation between %s and %s has no label", r.A, r.B))
		case !knownA || !knownB:
			faults = append(faults, fmt.Errorf("relation %s between %q and %q: no such mention", r.Label, r.A, r.B))
		case !paired[[2]string{r.A, r.B}] && asked(r.A, r.B):
			faults = append(faults, fmt.Errorf("relation %s: mentions %s and %s are not a pair: they have the same place or are not %s, or there are too many pairs", r.Label, r.A, r.B, o.near()))
		}
	}
	return faults
}
