// Package reproduce turns the tables and figures of Su & Vijay-Shanker 2022 into graphs of runs, and the results of
// those runs into the tables again, beside the published numbers.
//
// Everything particular is data (configs/paper): an Experiment has rows and columns, a Scale says how large encoders are and
// how long is trained, Sources say where models and corpora come from. There is no code for any one table. A cell of an
// experiment is a measurement, by the experiment's kind:
//
//	scores     precision, recall or F1 of a fine-tuned model, one value a seed
//	counts     pairs of a corpus
//	losses     masked-word loss of an adapted model on a text, one value a seed of the adaptation
//	probes     what edge probes of a fine-tuned model score, one value a seed
//	stems      the stem of a rank by attention
//	sentences  how many sentences one model gets right and another wrong
//	power      what the cells of other experiments say of the number of seeds that a claim needs
//
// Plan makes the graph: each cell asks for the run it is read from, and that for the runs it needs. Runs have names that
// say what they are, so that cells of several tables ask for the same run; equal runs are one by their key (package sweep).
// Each model is the published one if its weights are given; else the scale's stand-in, which the graph trains and whose
// label says what it is; else its rows are not run. A cell that cannot be measured has a reason, and nothing else is ever put
// in its place.
//
// Collect reads what the runs left into an Outcome: measured values and reasons, as JSON. Tables are made of experiments
// and an Outcome alone: in text, in Markdown for docs/paper.md.
//
// Scores are in percent, losses in nats, intervals have 95 %. A difference from a published number has Student's interval
// over our seeds, since the paper gives no spread; one between two of our rows has Welch's.
package reproduce
