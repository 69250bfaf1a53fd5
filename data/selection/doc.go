// Package selection copies the documents that a query asks for into a directory, with a card that says where they come
// from. The directory appears whole or not at all; the same files and settings give the same bytes, on any number of
// cores and however often the work was stopped.
//
// The work goes in three stages. First each input file, a task of its own, is looked through, and what matches is kept
// as a piece beside the result (staging.Work). Then it is settled, over all files, what of it counts: PubMed's later
// records replace and delete earlier ones, of the same identifier or the same text the first document is taken. Last,
// each task's piece becomes a part, part-00000.jsonl.zst and so on, in the order of the files, with the sentences of
// each document: a list for each text, title first, of their [start, end) in characters (Unicode code points).
//
// Memory does not grow with the files but for one bit a record and, in pubmed.Resolve, one a PMID.
package selection
