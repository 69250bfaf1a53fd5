// Package wordpiece splits text into the word pieces of a BERT vocabulary.
//
// It implements Google's BasicTokenizer followed by WordpieceTokenizer (google-research/bert, tokenization.py;
// Devlin et al. 2019, section 3), in this order: characters of the categories Cc and Cf, NUL and U+FFFD are removed;
// white space separates fields, and every CJK ideograph is a field of its own; with Config.Lower a field is
// lower-cased, decomposed (NFD) and loses its marks of category Mn; every punctuation character is a word of its
// own; and each word is split from the left into the longest pieces in the vocabulary, where pieces after the first
// have a leading "##". A word that cannot be split into pieces, or that has more characters than
// Config.MaxWordChars, becomes one [UNK].
//
// Text is UTF-8. Invalid bytes are skipped, as in Google's decoder; commands that reject them check before.
// Spans are half-open and count bytes of the original text, before characters are removed, lower-cased or
// decomposed.
//
// Categories, case and decompositions are those of UnicodeVersion. docs/tokenizer.md lists the differences of
// Hugging Face's two tokenizers.
package wordpiece
