// Package madeup generates the sample that `subbert quickstart` and the tests use: abstracts, relation
// sentences and a vocabulary, from a small grammar and a random seed.
//
// Everything in it is invented. The drugs, proteins and compounds do not exist, no sentence was taken from a
// publication, and nothing here says anything about medicine; every file it writes says so. It shares with
// real text the regularities that a model has to learn: words that predict each other (a drug keeps its
// class, its condition and its enzyme throughout), documents that stay on one subject, so that the next
// sentence can be told from a random one, and relation labels that depend on the two marked drugs and not on
// a cue word. All labels use the same verbs, negation occurs in sentences of every label, and each sentence
// occurs once for each pair of its drugs, as in the DDI 2013 corpus.
//
// The same seed always makes the same text, and a shorter sample is the beginning of a longer one.
package madeup

// Notice is the notice in every file of the sample.
const Notice = "made up by a random grammar: no drug, protein or finding named here exists"
