// Package sweep carries out graphs of runs: pre-train, then fine-tune and probe, for every task and seed.
//
// A Run is a verb of subbert, its arguments and its config. What it needs of other runs and of the world outside stands
// in placeholders, so that a Graph says everything about what will be computed and nothing about where. From that follows
// the Key of a run, the address of its result: runs with the same key are one run, a changed run is another, and carrying out a
// graph is making the results that are not there.
//
// A Store is a directory with one directory a key. A result is complete, which a marker written last says, or it is not
// there; whoever works on one holds its lock. So a sweep may be killed at any moment, and carried out again by another
// process: it does what is missing.
//
// An Executor is where the work is done: Pool starts processes, here or elsewhere, a number at once; package sweep/slurm hands the
// graph to a batch system. This package knows no tensor and no verb: the program that calls it does.
package sweep
