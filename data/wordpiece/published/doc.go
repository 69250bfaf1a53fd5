// Package published reads and writes the files that describe a BERT's tokenizer in a model directory, as transformers 4 and 5
// write and read them.
//
// The vocabulary is vocab.txt's or, where there is none, tokenizer.json's; where both are there they must agree. Tokens that
// were added to it come from tokenizer.json, tokenizer_config.json or added_tokens.json, the first of these that is there. A
// setting is what tokenizer_config.json says, else what tokenizer.json says, else Google's; casing that neither says
// is the vocabulary's. Special tokens may have other names than [CLS] and the like: tokenizer_config.json's, else
// special_tokens_map.json's.
//
// Of tokenizer.json only BERT's own pipeline is understood: a WordPiece model behind BertNormalizer and BertPreTokenizer.
// Anything else is an error that names it.
package published
