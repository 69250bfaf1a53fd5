// Package corpus reads documents and finds their sentences.
//
// A document is what a journal calls an abstract or an article: an identifier, a title and sections of text.
// It comes from plain text (one document per block of lines, blocks separated by blank lines) or from JSON lines
// with the keys id, title, abstract, body and text; either may be compressed with gzip, xz or zstd. Readers stream:
// memory is bounded by text.MaxLine whatever the size of the file, and the first fault of a file is its last item, an
// error that begins with "file: line N: ".
//
// A Splitter cuts text into sentences: spans of the text given.
//
// What a query selects from documents is the business of data/corpus/query and data/corpus/selection; pieces and
// shards come later, in data/wordpiece and data/shards.
package corpus
