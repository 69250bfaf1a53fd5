// Package instances draws the instances for pre-training BERT: pairs of segments with masked word pieces.
//
// The rules are those of Google's create_pretraining_data (Devlin et al. 2019, section 3.1 and appendix A.2), but an
// instance is made when it is read. It depends only on (seed, epoch, index), not on earlier reads or on the reader.
//
//   - Sentences of a document are collected until they have the target number of pieces: S-3, or with probability
//     ShortRate a number from 2 to S-3 chosen for the document. A random number of them, not all, become segment A.
//   - With probability 1/2, and always if there is only one sentence, segment B comes from a random place of another
//     document, and the next instance starts with the unused sentences. Otherwise B is the rest.
//   - While the pair is too long, the longer segment loses its first or last piece at random.
//   - Of n pieces, including [CLS] and [SEP], round(n*MaskRate) are chosen, at least one and at most MaxPredictions. [CLS]
//     and [SEP] are never chosen. A chosen piece becomes [MASK] (80 %), stays (10 %), or becomes a random piece of the
//     vocabulary (10 %).
//   - With whole-word masking the pieces of a word are chosen together; a word that would exceed the number is skipped.
//     As in Google's code, if the start of a word was cut off, its remaining pieces belong to the word before them, even
//     across [SEP].
//
// Without NSP an instance is one segment of consecutive whole sentences of one document, as many as fit the target. A
// sentence longer than S-2 is cut into parts of S-2. There are no random segments, and token types are 0.
//
// Each epoch makes new instances from every document. Their order is a keyed permutation that is computed, not stored.
// Memory holds one count for every 16 documents: 36 million documents take 18 MB. With Static, DuplicateFactor epochs are
// drawn once, shuffled together and repeated, as in the paper's released code.
//
// Axes: S sequence, P masked positions.
package instances
