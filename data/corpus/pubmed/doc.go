// Package pubmed reads the citations of PubMed as NLM publishes them: baseline and update files, pubmedYYnNNNN.xml,
// usually compressed with gzip and accompanied by an .md5.
//
// File streams the records of one file: citations, and deletions of citations. Texts are as printed, with inline markup
// (<i> <b> <sup> <sub> <u>) and MathML reduced to their characters, references resolved, and white space normalised:
// every run of Unicode white space becomes one space. Translated titles keep their brackets.
//
// A year's files must be read in numeric order (Sort). If a citation occurs more than once, the last one counts; a
// deletion removes it; of several versions of a PMID the highest counts. Index, Resolve and Current implement these
// rules.
//
// Memory is bounded for any file: by the window of xmlpull, and Options.MaxRecord for a citation. A broken record is
// skipped and reported to Options.Fault, or ends the reading if Options.Strict. A file that is cut off, fails its
// checksums, or does not begin like PubMed's is always an error. Sources: NLM's document type pubmed_250101.dtd and its
// element descriptions.
package pubmed
