// Package mesh reads the descriptors of MeSH, NLM's subject headings, from desc20YY.xml: names, entry terms and places
// in the tree. It finds the heading that a word of a query stands for, and the headings below a heading.
//
// PubMed searches "protein" as the word or as the heading Proteins with everything below it in the tree; Find
// returns the heading, and Explode the headings below it. NLM revises the headings every year, so Open warns if
// their year differs from that of the citations.
//
// Source: NLM's nlmdescriptorrecordset_20250101.dtd. A year's terms take some 50 MB of memory.
package mesh
