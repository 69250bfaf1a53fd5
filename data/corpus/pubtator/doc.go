// Package pubtator reads PubTator's annotations of PubMed: names of genes, chemicals, diseases and others.
//
// Documents reads PubTator's text form, which has a title, an abstract and annotations for each document:
//
//	123|t|A title.
//	123|a|An abstract.
//	123<tab>2<tab>7<tab>title<tab>Gene<tab>42
//	123<tab>CID<tab>D000001<tab>D000002
//
// Offsets in such files count characters of the title, one space, and the abstract. Files that count bytes or UTF-16
// units are recognised by the words that annotations repeat, and converted. Spans are bytes of that text. The words of
// a mention may differ from the text in case, white space, accents, dashes and the spelling of Greek letters. BioRED's
// relations have a fifth column.
//
// Rows reads PubTator 3's bulk tables, gene2pubtator3 and the like, with columns PMID, Type, ConceptID, Mentions and
// Resource; Entities keeps the PMIDs in them, to select documents that have mentions of all given types (Su and
// Vijay-Shanker 2022: at least one gene and one chemical).
//
// Files may be compressed. Memory is bounded by text.MaxLine and MaxDocument, of Entities by one bit per PMID and
// type. A broken line is skipped and reported to Options.Fault, or ends the reading if Options.Strict. A file that is
// cut off or fails its checksum is always an error.
package pubtator
