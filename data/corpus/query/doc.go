// Package query selects documents with the language of PubMed's search box.
//
// A query is made of terms, phrases and operators:
//
//	protein OR gene
//	(kinase* AND "signal transduction"[tiab]) NOT review[ti]
//
// A term is a word and matches that word in any case; with * it matches every word that begins so. Words are runs of
// letters and digits: "IL-2" is the phrase "il 2", in queries as in texts. A phrase is words in quotes, next to each
// other. Terms that stand side by side must all match. A field in brackets limits a term or phrase: [ti] title, [ab]
// abstract, [tiab] both; without one, or with [all], the whole text is searched.
//
// As in PubMed, operators are upper case and are applied from left to right: "a OR b AND c" is "(a OR b) AND c".
//
// What a record says of a document beside its text is asked for with
//
//	[mesh] [majr]   a MeSH heading, a main one, with all below it in the tree; [mesh:noexp] without
//	[pt] [la]       publication type and language: review[pt], english[la]
//	[dp]            a date of publication, or a range: 2010[dp], 2010/05:2012[dp]
//
// Words before the tag of a heading or type belong to it together: clinical trial[pt]. Expand looks headings up in a year's descriptors.
package query
