// Package relations reads relation corpora as pairs of mentions in a sentence, marks the mentions, and reads and
// writes the marked sentences as TSV.
//
// An [Example] is one pair of mentions in one sentence with its label. Readers yield examples in the corpus's
// order. Spans are half-open and count bytes of UTF-8 text; corpora count characters (code points), DDI 2013 with
// inclusive ends, and the readers convert. A [Marking] turns an example into the sentence a model sees, by default
// the anonymised one of Su & Vijay-Shanker 2022 (each mention becomes a tag such as @DRUG$).
//
// For each example that a reader yields without an error, both mentions lie in the text, no span is empty, the text has
// no NUL character, and no earlier example is the same pair of the corpus. In the formats that annotate whole abstracts,
// a reader skips a broken annotation with a warning, never pairs a span with itself, and makes at most Options.MaxPairs
// pairs from one sentence. Tokenizing, truncating and scoring (package evaluate) are left to other packages.
//
// Files may be compressed with gzip, xz or zstd, and may lie in a folder or a zip. A file with the content of another
// form is an error.
//
// Formats and their sources:
//
//   - ddi2013: the official XML of SemEval-2013 task 9, in its zip or a folder. Files are read in the order of
//     their paths, Train before Test; inside a file sentences and pairs are in the order of the annotation. The part
//     of the test set made for drug name recognition has no pairs and is skipped.
//   - aimed: JSON lines, one file per fold (test_0.json ...), as published for AIMed, BioInfer, HPRD50, IEPA, LLL; other
//     label sets and mention types are kept unchanged.
//   - ppi-xml: the same five corpora in their common XML form (Pyysalo et al. 2008); pairs are all pairs of
//     entities of a sentence, in the order of the entities.
//   - chemprot: the TSV files of BioCreative VI; pairs are a chemical and a gene in one sentence.
//   - tsv: already marked sentences (BLUE, BLURB, BioBERT, BioELECTRA), with or without header and index.
//   - pubtator, bioc: annotated abstracts with or without relations; pairs are two mentions in one sentence.
//   - jsonl: one text per line with mentions by position, and relations between them if they are known.
package relations
