// Package evaluate scores predictions of relations, as numbers only: labels come in as strings to compare, never to
// parse, and nothing is read or printed.
//
// Precision, recall and F1 are in percent. Micro and macro go over the labels other than the negative one, as the
// DDI 2013 and ChemProt tasks do (Su & Vijay-Shanker 2022, section "Evaluation"). A ratio without a denominator is 0,
// as in scikit-learn with zero_division=0; the tests hold every figure against scikit-learn 1.7.2.
//
// The paired tests say whether two models differ on the same instances (Compare) or over seeds (CompareSeeds).
package evaluate
