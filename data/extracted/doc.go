// Package extracted writes and reads the output of subbert extract: a table with one row per pair of mentions, as
// tab-separated columns, JSON lines or Parquet. The extension of the file name determines the form: .parquet, .tsv or
// .jsonl, the last two also with .gz or .zst after it.
//
// The columns have the same names in all forms. Positions count characters of the document as its source does; ends are
// exclusive. In tab-separated columns a space replaces each tab and line end of a text, so that positions stay correct.
//
// The same rows make the same bytes. Rows are written and read one at a time; memory does not grow with their number.
package extracted
