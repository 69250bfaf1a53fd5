// Package instances draws what BERT is pre-trained on: pairs of segments with masked pieces.
//
// The rules are those of Google's create_pretraining_data (Devlin et al. 2019, section 3.1 and appendix A.2), but an
// instance is made when it is read. It depends on (seed, epoch, index) alone: not on what was read before, nor by whom.
//
//   - A document's sentences are gathered until they hold the target number of pieces: S-3, or with probability
//     ShortRate a number from 2 to S-3 chosen for the document. A random number of them, not all, become segment A.
//   - With probability 1/2, and whenever there is one sentence only, segment B comes from a random place of another
//     document, and the sentences not used are put back. Otherwise B is the rest.
//   - While the pair is too long, the longer segment loses its first or last piece, at random.
//   - Of n pieces, [CLS] and [SEP] counted, round(n*MaskRate) are chosen, at least one and at most MaxPredictions, never
//     a [CLS] or [SEP]. A chosen piece becomes [MASK] (80 %), stays (10 %), or becomes any piece of the vocabulary (10 %).
//   - With whole-word masking the pieces of a word are chosen together; a word that would exceed the number is passed
//     over. As in Google's code, a piece that continues a word whose start was cut off goes with the word before it,
//     even across [SEP].
//
// Without NSP an instance is one segment of consecutive sentences of one document, as many as fit the target whole; a
// sentence longer than S-2 is cut into stretches of S-2. There are no random next segments and token types are 0.
//
// An epoch makes every document into instances anew. Their order is a keyed permutation, computed and not stored; what
// is kept is one count for every 16 documents, so that 36 million documents take 18 MB. With Static, DuplicateFactor
// epochs are drawn once, shuffled together and repeated, as the paper's released code did.
//
// Axes: S sequence, P masked positions.
package instances
