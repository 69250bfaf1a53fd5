// Package bioc reads BioC, in XML and in JSON: documents of passages with annotations, as PubTator, PubMed Central and corpora of
// relations publish them (Comeau et al. 2013).
//
// Reader streams the documents of a collection, <document> by <document>. Texts are as written, white space included.
// Spans are bytes of a passage's text. Positions in the format count characters of the document. Files that count bytes
// or UTF-16 units are recognised by the words that annotations repeat, and converted.
//
// Memory is bounded by Options.MaxDocument bytes of XML or JSON. A broken document, or a broken annotation of a good
// document, is skipped and reported to Options.Fault, or ends the reading if Options.Strict. A file that is cut off,
// continues after its collection or is not a collection is always an error.
package bioc
