// Package wordpiece splits text into the word pieces of a BERT vocabulary.
//
// It does what Google's BasicTokenizer followed by its WordpieceTokenizer does (google-research/bert,
// tokenization.py; Devlin et al. 2019, section 3), in this order: characters of the categories Cc and Cf, NUL and
// U+FFFD are removed; white space separates fields, and every CJK ideograph is a field of its own; with Config.Lower
// a field is lower-cased, decomposed (NFD) and loses its marks of category Mn; every punctuation character is a
// word of its own; and each word is covered from the left by the longest pieces the vocabulary has, pieces after
// the first being written with a leading "##". A word that cannot be covered, or that has more characters than
// Config.MaxWordChars, is one [UNK].
//
// Text is UTF-8. Bytes that are not are passed over, as Google's decoder does; a command that wants to refuse
// them does so before it gets here. Spans are half-open and count bytes of the text as it was given, whatever
// was removed, lower-cased or decomposed on the way.
//
// Categories, case and decompositions are those of UnicodeVersion. docs/tokenizer.md lists where Hugging Face's
// two tokenizers differ.
package wordpiece
