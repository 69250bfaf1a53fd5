// Package heads turns encoder output into predictions and losses.
//
// Axes: B batch, S sequence, H hidden, P masked positions, V vocabulary, C classes.
//
// MaskedLM is the cloze objective of Devlin et al. 2019, section 3.1, task 1, over the vectors at masked positions alone,
// [B,P,H] -> [B,P,V], because P is about a sixth of S and V is the widest axis; the encoder need not compute its last layer
// elsewhere either (bert.Input.Positions). NextSentence is task 2. Relation is a classifier over [CLS], over a summary of
// the last layer, or over both (Su & Vijay-Shanker 2022, "Models" and equations for the summarised last layer), a value for
// each pooling.
//
// Losses are in nats and come as Sums: the sum of the losses, of the correct predictions and of the weights. Sums
// add over microbatches and devices without error; a mean is taken at the end, once, over real predictions.
// Deviation: Google's code divides by the sum of the weights plus 1e-5; here it is their sum, or 1 if that is less.
//
// Everything stays within a row of the batch, gathering included, so that a batch split over devices needs no
// communication but the sums. Logits and losses are float32 whatever precision the encoder ran in.
package heads
