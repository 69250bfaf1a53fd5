// Package forms determines the form of a file: PubMed's XML, BioC, PubTator, JSON lines, marked sentences and so
// on.
//
// The content decides: the first 64 KiB after decompression. If a file is not such text, but a PDF, a web page or a Git
// LFS pointer, the error says so. A file name that contradicts the content is an error too, unless the caller requests
// a form.
package forms
