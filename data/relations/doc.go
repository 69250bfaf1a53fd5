// Package relations reads relation corpora as pairs of mentions in a sentence, marks the mentions, and writes
// and reads the marked sentences as TSV.
//
// An [Example] is one pair of mentions in one sentence with its label. Readers yield examples in the corpus's
// order. Spans are half-open and count bytes of UTF-8 text; corpora count characters (code points), DDI 2013 with
// inclusive ends, and the readers convert. A [Marking] turns an example into the sentence a model sees, by default
// the anonymised one of Su & Vijay-Shanker 2022 (each mention becomes a tag such as @DRUG$).
//
// What a reader guarantees of an example without error: both mentions lie in the text, no span is empty, texts have no NUL
// character, and no pair of the corpus is read twice. In the formats that annotate whole abstracts a broken annotation is left
// out with a warning, a span makes no pair with itself, and one sentence makes Options.MaxPairs pairs at most. What it leaves to
// others: tokens, truncation, scores (package evaluate).
//
// Files may be compressed with gzip, xz or zstd, in a folder or a zip. One whose content is another form is refused.
//
// Formats and their sources:
//
//   - ddi2013: the official XML of SemEval-2013 task 9, in its zip or a folder. Files are read in the order of
//     their paths, Train before Test; inside a file sentences and pairs stand as annotated. The part of the test
//     set made for drug name recognition has no pairs and is left out.
//   - aimed: JSON lines, one file per fold (test_0.json ...), as published for AIMed, BioInfer, HPRD50, IEPA, LLL; other label
//     sets and types of mentions are read as they are.
//   - ppi-xml: the same five corpora in their common XML form (Pyysalo et al. 2008); pairs are all pairs of
//     entities of a sentence, in the order of the entities.
//   - chemprot: the TSV files of BioCreative VI; pairs are a chemical and a gene in one sentence.
//   - tsv: already marked sentences (BLUE, BLURB, BioBERT, BioELECTRA), with or without header and index.
//   - pubtator, bioc: annotated abstracts with or without relations; pairs are two mentions in one sentence.
//   - jsonl: one text a line with mentions by position, and relations between them where they are known.
package relations
