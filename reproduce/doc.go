// Package reproduce turns the tables and figures of Su & Vijay-Shanker 2022 into graphs of runs, and the results of
// those runs into the tables again, beside the published numbers.
//
// The experiments are data (configs/paper): an Experiment has rows and columns, a Scale says how large encoders are and
// how long they are trained, Sources say where models and corpora come from. No table has code of its own. A cell of an
// experiment is a measurement of the experiment's kind:
//
//	scores     precision, recall or F1 of a fine-tuned model, one value for each seed
//	counts     pairs of a corpus
//	losses     masked-word loss of an adapted model on a text, one value for each seed of the adaptation
//	probes     score of edge probes of a fine-tuned model, one value for each seed
//	stems      the stem of a rank by attention
//	sentences  how many sentences one model gets right and another wrong
//	power      number of seeds that a claim needs, from the cells of other experiments
//
// Plan makes the graph: each cell needs the run it is read from, and that run the runs before it. The name of a run
// says what it does, so that cells of several tables ask for the same run; runs with the same key (package sweep) are
// one. Each model is the published one if its weights are given, or else the scale's stand-in, which the graph trains
// and labels as such; if there is no stand-in, its rows are not run. A cell that cannot be measured has a reason, and
// never another value in its place.
//
// Collect reads the results of the runs into an Outcome: measured values and reasons, as JSON. Tables are made from
// experiments and an Outcome alone: as text, and as Markdown for docs/paper.md.
//
// Scores are in percent, losses in nats, intervals have 95 %. A difference from a published number has Student's interval
// over our seeds, because the paper gives no spread; a difference between two of our rows has Welch's.
package reproduce
