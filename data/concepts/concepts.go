// Package concepts sums up what rows of pairs of mentions say of pairs of concepts over all articles.
//
// A relation has a label and two identifiers without an order. A mention that names several concepts, "D1|D2", stands for each of
// them. Identifiers are compared without the prefix MESH:, which some files write and some do not.
package concepts

import (
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/relations"
)

// fact is a relation between two concepts.
type fact struct {
	label string
	a, b  string // ascending
}

// of is the fact that two identifiers name.
func of(label, a, b string) fact {
	a, b = plain(a), plain(b)
	return fact{label, min(a, b), max(a, b)}
}

// plain is an identifier without the prefix of MeSH.
func plain(id string) string {
	if len(id) > 5 && strings.EqualFold(id[:5], "MESH:") {
		return id[5:]
	}
	return id
}

// each are the concepts that an identifier names.
func each(id string) []string {
	all := pubtator.Concepts(id)
	return slices.DeleteFunc(all, func(c string) bool { return len(relations.Concepts(c)) == 0 })
}
