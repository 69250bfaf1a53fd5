// Package concepts summarizes rows about pairs of mentions as relations between pairs of concepts, over all articles.
//
// A relation has a label and two identifiers without an order. A mention that names several concepts ("D1|D2") counts for
// each of them. Identifiers are compared without the prefix MESH:, which only some files have.
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

// of returns the fact with a label and two identifiers.
func of(label, a, b string) fact {
	a, b = plain(a), plain(b)
	return fact{label, min(a, b), max(a, b)}
}

// plain returns an identifier without the prefix MESH:.
func plain(id string) string {
	if len(id) > 5 && strings.EqualFold(id[:5], "MESH:") {
		return id[5:]
	}
	return id
}

// each returns the known concepts that an identifier names.
func each(id string) []string {
	all := pubtator.Concepts(id)
	return slices.DeleteFunc(all, func(c string) bool { return len(relations.Concepts(c)) == 0 })
}
