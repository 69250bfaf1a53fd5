// Package published reads and writes the files of a BERT's tokenizer in a model directory, in the form of transformers
// 4 and 5.
//
// The vocabulary comes from vocab.txt or, without it, from tokenizer.json; if both exist they must agree. Added tokens
// come from the first of tokenizer.json, tokenizer_config.json and added_tokens.json that exists. A setting comes from
// tokenizer_config.json, else from tokenizer.json, else from Google's code; if neither file states the casing, the
// vocabulary decides. Special tokens may have other names than [CLS] and the like: those in tokenizer_config.json, else
// in special_tokens_map.json.
//
// The only supported pipeline of tokenizer.json is BERT's own: a WordPiece model after BertNormalizer and
// BertPreTokenizer. Anything else is an error that names it.
package published
