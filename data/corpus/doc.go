// Package corpus reads documents and finds their sentences.
//
// A document is an abstract or an article: an identifier, a title and sections of text. It comes from plain text (one
// document per block of lines, blocks separated by blank lines) or from JSON lines with the keys id, title, abstract,
// body and text; either may be compressed with gzip, xz or zstd. Readers stream: memory is bounded by text.MaxLine
// whatever the size of the file. The first fault of a file is the last item, an error that begins with "file: line N:
// ".
//
// A Splitter splits text into sentences, which are spans of the text.
//
// Packages data/corpus/query and data/selection select documents; packages data/wordpiece and data/shards make
// word pieces and shards of them.
package corpus
