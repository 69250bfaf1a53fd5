// Package heads turns encoder output into predictions and losses.
//
// Axes: B batch, S sequence, H hidden, P masked positions, V vocabulary, C classes.
//
// MaskedLM is the cloze objective of Devlin et al. 2019, section 3.1, task 1, over the vectors at masked positions
// alone, [B,P,H] -> [B,P,V], because P is about a sixth of S and V is the widest axis; the encoder need not compute its
// last layer at other positions either (bert.Input.Positions). NextSentence is task 2. Relation is a classifier over
// [CLS], over a summary of the last layer, or over both (Su & Vijay-Shanker 2022, "Models" and equations for the
// summarised last layer); each pooling is a value of its configuration.
//
// Losses are in nats and returned as Sums: the sum of the losses, of the correct predictions and of the weights.
// Sums add over microbatches and devices without error; the mean over real predictions is taken once, at the end.
// Deviation: Google's code divides by the sum of the weights plus 1e-5; here it is their sum, or 1 if that is less.
//
// Every operation, gathers included, stays within a row of the batch, so that a batch split over devices
// needs no communication except the all-reduce of the sums. Logits and losses are float32 whatever precision
// the encoder ran in.
package heads
