// Package pubmed reads the citations of PubMed as NLM publishes them: baseline and update files, pubmedYYnNNNN.xml,
// usually compressed with gzip and accompanied by an .md5.
//
// File streams the records of one file: citations, and deletions of citations. Texts are as printed, with inline markup
// (<i> <b> <sup> <sub> <u>) and MathML reduced to its characters, references resolved, and white space normalised: any
// run of it, of any kind Unicode has, is one space. Titles in brackets, which are translated ones, keep them.
//
// A year's files are to be read in numeric order, Sort: of a citation that comes more than once the last one counts, a
// deletion removes it, and of a PMID with several versions the highest counts. Index, Resolve and Current do that.
//
// Memory is bounded whatever the file holds: by the window of xmlpull, and Options.MaxRecord for a citation. A broken
// record is passed over and told to Options.Fault, or ends the reading if Options.Strict; a file that is cut off, fails
// its checksums, or does not begin as PubMed's do is an error in any case. Sources: NLM's document type
// pubmed_250101.dtd and its element descriptions.
package pubmed
