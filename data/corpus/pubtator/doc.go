// Package pubtator reads what PubTator annotates in PubMed: the names of genes, chemicals, diseases and others.
//
// Documents reads PubTator's text form, a title, an abstract and the annotations of each document:
//
//	123|t|A title.
//	123|a|An abstract.
//	123<tab>2<tab>7<tab>title<tab>Gene<tab>42
//	123<tab>CID<tab>D000001<tab>D000002
//
// Offsets in such files count characters of the title, one space, and the abstract; files that count bytes or UTF-16 are
// recognised by the words that annotations repeat, and converted. Spans are bytes of that text. The words of a mention
// may be written otherwise than in the text: case, white space, accents, dashes and how Greek letters are written do not
// count. BioRED's relations have a fifth column.
//
// Rows reads PubTator 3's bulk tables, gene2pubtator3 and the like, with columns PMID, Type, ConceptID, Mentions and
// Resource; Entities keeps which PMIDs they name, to select documents that have all of some types (Su and Vijay-Shanker
// 2022: at least one gene and one chemical).
//
// Files may be compressed. Memory is bounded by text.MaxLine and MaxDocument, of Entities by one bit per PMID and
// type. A broken line is passed over and told to Options.Fault, or ends the reading if Options.Strict; a file that is
// cut off or fails its checksum is an error in any case.
package pubtator
