// Package extracted writes and reads what subbert extract makes: a table of pairs of mentions, a row each, as tab-separated columns,
// JSON lines or Parquet. The end of a file's name says its form: .tsv, .jsonl, both also .tsv.zst and .jsonl.zst, or .parquet.
//
// Columns are named alike in all forms. Positions count characters of the document as its source counts them, ends exclusive. Where a
// row of columns would be broken by a tab or a line end in a text, a space stands in its place, so that positions stay right.
//
// The same rows make the same bytes. Rows are written and read one after the other in memory that does not grow with their number.
package extracted
