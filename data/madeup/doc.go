// Package madeup makes the sample that `subbert quickstart` and the tests run on: abstracts, relation
// sentences and a vocabulary, out of a small grammar and a random seed.
//
// Everything in it is invented. The drugs, proteins and compounds do not exist, no sentence was taken from
// a publication, and nothing here says anything about medicine; every file it writes says so. What it shares
// with real text is what a model has to learn: words that predict each other (a drug keeps its class, its
// condition and its enzyme throughout), documents that stay on one subject, so that the next sentence can
// be told from a random one, and relation labels that depend on which two drugs are marked and not on a
// cue word. The verbs of one label are those of the others, negation occurs in sentences of every label,
// and each sentence is given once per pair of its drugs, as in the DDI 2013 corpus.
//
// The same seed always makes the same text, and a shorter sample is the beginning of a longer one.
package madeup

// Notice is what every file of the sample says about itself.
const Notice = "made up by a random grammar: no drug, protein or finding named here exists"
