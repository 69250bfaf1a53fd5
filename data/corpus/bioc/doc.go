// Package bioc reads BioC, in XML and in JSON: documents of passages with annotations, as PubTator, PubMed Central and corpora of
// relations publish them (Comeau et al. 2013).
//
// Reader streams the documents of a collection, <document> by <document>. Texts are as written, white space included.
// Spans are bytes of a passage's text. The format counts characters of the document; files that count bytes or UTF-16 are
// recognised by the words that annotations repeat, and converted.
//
// Memory is bounded by Options.MaxDocument bytes of XML or JSON. A broken document, or a broken annotation of a document that is good
// otherwise, is passed over and told to Options.Fault, or ends the reading if Options.Strict; a file that is cut off, has
// something behind its collection or is no collection is an error in any case.
package bioc
