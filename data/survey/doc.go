// Package survey says what sets of marked sentences are like before a classifier is trained on them: how many rows and
// labels they have, which rows and sentences they share, what rows of a length lose, and what of that makes training or
// scoring useless.
//
// The first set is the one to learn from; the others are compared with it. Two rows are alike if some names in the place of
// their tags make one text of both: so are the pairs of one sentence, whatever the index says, and sentences that differ in
// the names of their mentions alone.
package survey
