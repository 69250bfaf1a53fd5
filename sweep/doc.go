// Package sweep executes graphs of runs: pre-train, then fine-tune and probe, for every task and seed.
//
// A Run is a command of subbert, its arguments and its config. Placeholders stand for the results of other runs and for
// outside files, so that a Graph defines what is computed independent of where. A run's Key is a hash of its definition
// and the address of its result: runs with the same key are the same run, a changed run has another key, and executing
// a graph means making the missing results.
//
// A Store is a directory with one directory for each key. A marker, written last, says that a result is complete;
// otherwise it counts as absent. A process that works on a result holds its lock. So a sweep may be killed at any
// moment and executed again by another process, which makes the missing results.
//
// An Executor does the work: Pool starts a number of processes at once, here or elsewhere; package sweep/slurm submits
// the graph to a batch system. This package knows no tensor and no command; its caller does.
package sweep
