// Package preparation converts files of documents to shards: it splits documents into sentences and word
// pieces, and holds out a part of the documents.
//
// A seed chooses the order of the documents of all files. Shuffling takes two passes, an external sort: the first pass
// encodes documents, sorts by key as many at a time as fit in memory, and writes them to disk; the second pass merges
// them. The first pass's files stay in a directory beside the result until the result is complete, so that the work can
// be interrupted and resumed.
//
// The bytes of the shards depend only on the files, their order and the settings, not on the number of workers or on
// timing. Memory does not grow with the size of the files.
package preparation
