// Package evaluate scores predictions of relations. It only computes: labels are strings that it compares and never
// parses, and it reads and prints nothing.
//
// Precision, recall and F1 are in percent. Micro and macro go over the labels other than the negative one, as the DDI
// 2013 and ChemProt tasks do (Su & Vijay-Shanker 2022, section "Evaluation"). A ratio with denominator 0 is 0, as in
// scikit-learn with zero_division=0; the tests compare every figure with scikit-learn 1.7.2.
//
// The paired tests decide whether two models differ on the same instances (Bootstrap, Randomise) or over seeds
// (RandomiseSeeds).
package evaluate
