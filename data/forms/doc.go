// Package forms says which form a file has: PubMed's XML, BioC, PubTator, JSON lines, marked sentences and so on.
//
// The content decides: the first 64 KiB, unpacked. What is no text at all, a PDF, a web page, a Git LFS pointer, is named in the
// error. A name that says something else than the content is an error, too, unless someone has said which form it is.
package forms
