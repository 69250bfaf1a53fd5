// Package selection copies the documents that a query selects into a directory, with a card that describes their
// origin. The directory appears complete or not at all. The same files and settings give the same bytes, for any
// number of cores and interruptions.
//
// The work has three stages. First, a task for each input file searches the file and stores the matching documents as
// a piece beside the result (staging.Work). Second, the duplicates of all files are resolved: PubMed's later records
// replace and delete earlier ones, and of documents with the same identifier or the same text the first one is kept.
// Third, each task's piece becomes a part, part-00000.jsonl.zst and so on, in the order of the files, with the
// sentences of each document: for each text, title first, a list of their [start, end) in characters (Unicode code
// points).
//
// Memory grows with the files only by one bit for each record and, in pubmed.Resolve, one for each PMID.
package selection
