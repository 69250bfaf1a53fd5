// Package concepts summarizes rows about pairs of mentions as relations between pairs of concepts, over all articles.
//
// A relation has a label and two identifiers without an order. A mention that names several concepts ("D1|D2") counts for
// each of them. Identifiers are compared in the form of pubtator.Plain.
package concepts

import "github.com/subbert/subbert/data/corpus/pubtator"

// fact is a relation between two concepts.
type fact struct {
	label string
	a, b  string // ascending
}

// of returns the fact with a label and two identifiers.
func of(label, a, b string) fact {
	a, b = pubtator.Plain(a), pubtator.Plain(b)
	return fact{label, min(a, b), max(a, b)}
}
