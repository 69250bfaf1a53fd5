// Package mesh reads the descriptors of MeSH, NLM's subject headings: desc20YY.xml with names, entry terms and places in
// the tree, and answers what a word of a query stands for and which headings lie below one.
//
// PubMed searches "protein" as the word or the heading Proteins with everything below it in the tree; Find gives the
// heading and Explode what is below. Headings are revised every year: those of another year than the citations' name
// other descriptors, so Open warns.
//
// Source: NLM's nlmdescriptorrecordset_20250101.dtd. Memory is that of the terms, some 50 MB for a whole year.
package mesh
