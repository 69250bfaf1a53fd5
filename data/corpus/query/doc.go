// Package query selects documents by queries in the language of PubMed's search box.
//
// A query consists of terms, phrases and operators:
//
//	protein OR gene
//	(kinase* AND "signal transduction"[tiab]) NOT review[ti]
//
// A term is a word and matches that word in any case; with * at its end it matches every word with that beginning.
// Words are runs of letters and digits: "IL-2" is the phrase "il 2", in queries as in texts. A phrase is words in
// quotes that must be adjacent in the text. Terms side by side must all match. A field in brackets limits a term or
// phrase: [ti] title, [ab] abstract, [tiab] both; without one, or with [all], the whole text is searched.
//
// As in PubMed, operators are upper case and are applied from left to right: "a OR b AND c" is "(a OR b) AND c".
//
// Other fields search the record of a document instead of its text:
//
//	[mesh] [majr]   a MeSH heading, a main one, with all below it in the tree; [mesh:noexp] without
//	[pt] [la]       publication type and language: review[pt], english[la]
//	[dp]            a date of publication, or a range: 2010[dp], 2010/05:2012[dp]
//
// All words before the tag of a heading or type belong to it: clinical trial[pt]. Expand looks up headings in a year's
// descriptors.
package query
