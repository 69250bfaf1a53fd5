// Package survey describes sets of marked sentences before a classifier is trained on them: the numbers of rows and
// labels, the rows and sentences that sets share, the losses of rows that are cut, and problems that make training or
// scoring useless.
//
// The first set is the training set; the others are compared with it. Two rows are alike if they become the same text
// when names replace their tags. This holds for pairs of one sentence, whatever their index, and for sentences that
// differ only in the names of their mentions.
package survey
