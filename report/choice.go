package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// Choice shows items of which a reader chooses some, by one value of each facet. The style sheet alone does this,
// without a script.
type Choice struct {
	What   string // the items, in the plural
	Facets []Facet
	Items  []Item
}

// Facet is a property by which a reader chooses items.
type Facet struct {
	Name   string
	Values []string
}

// Item is one item of a Choice, with its value of each facet; a value may be empty.
type Item struct {
	Values []string
	Block  Block
}

func (Choice) block() string { return "choice" }

// chosen is a Choice ready for the template.
type chosen struct {
	ID, What string
	Facets   []facet
	Items    []item
	CSS      template.CSS
}

type facet struct {
	Name, Group string
	Options     []option
}

type option struct {
	ID, Text string
	Count    int
	Checked  bool
}

type item struct {
	Class string
	Block Block
}

// choose prepares c. An item has a class for each of its values, and choosing a value hides the items without it.
// choose omits facets that leave nothing to choose.
func (r *renderer) choose(c Choice) chosen {
	r.choices++
	out := chosen{ID: fmt.Sprintf("c%d", r.choices), What: c.What}
	classes := make([][]string, len(c.Items))
	var css strings.Builder
	for i, f := range c.Facets {
		values := slices.DeleteFunc(slices.Clone(f.Values), func(v string) bool { return c.count(i, v) == 0 })
		if len(values) < 2 {
			continue
		}
		group := fmt.Sprintf("%s-%d", out.ID, i)
		shown := facet{Name: f.Name, Group: group, Options: []option{{ID: group, Text: "all", Count: len(c.Items), Checked: true}}}
		for j, v := range values {
			id := fmt.Sprintf("%s-%d", group, j)
			shown.Options = append(shown.Options, option{ID: id, Text: v, Count: c.count(i, v)})
			fmt.Fprintf(&css, "#%s:has(#%s:checked) .item:not(.%s){display:none}\n", out.ID, id, id)
			for k, it := range c.Items {
				if it.Values[i] == v {
					classes[k] = append(classes[k], id)
				}
			}
		}
		out.Facets = append(out.Facets, shown)
	}
	for k, it := range c.Items {
		out.Items = append(out.Items, item{strings.Join(classes[k], " "), it.Block})
	}
	out.CSS = template.CSS(css.String()) // made of numbers only
	return out
}

// count returns how many items have a value of facet i.
func (c Choice) count(i int, value string) int {
	n := 0
	for _, it := range c.Items {
		if it.Values[i] == value {
			n++
		}
	}
	return n
}
