// Package bioc reads BioC XML: documents of passages with annotations, as PubTator, PubMed Central and corpora of
// relations publish them (Comeau et al. 2013).
//
// Reader streams the documents of a collection, <document> by <document>. Texts are as written, white space included,
// because offsets count it. Offsets and lengths are given as in the file, in units that differ between tools;
// Annotation.Spans turns them into bytes of the passage or sentence, half-open.
//
// Memory is bounded by Options.MaxDocument bytes of XML. A broken document is passed over and told to Options.Fault, or
// ends the reading if Options.Strict; a file that is cut off or no collection is an error in any case.
package bioc
