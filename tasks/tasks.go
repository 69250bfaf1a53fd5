// Package tasks holds the parts that the tasks share: batch sizes, making batches ahead of their use, dropout, and
// loading a task's parameters from a published model.
//
// Each task (pretraining, relation, probing) has its own package, which joins model, data and scoring into a trainer.Task
// with its Batches.
package tasks

import "fmt"

// Names of the tasks, the values of task.name in a config.
const (
	NamePretraining = "pretraining"
	NameRelation    = "relation"
	NameProbing     = "probe"
)

// Batching is the part of a [task] table that every task has.
type Batching struct {
	Name       string `toml:"name"`
	Batch      int    `toml:"batch"`       // rows of one update
	MicroBatch int    `toml:"micro_batch"` // rows of one forward pass; 0: the batch
}

// Rows returns the number of rows of one forward pass.
func (b Batching) Rows() int {
	if b.MicroBatch > 0 {
		return b.MicroBatch
	}
	return b.Batch
}

// Faults returns every fault of b. b.Name must be name.
func (b Batching) Faults(name string) []error {
	var faults []error
	if b.Name != name {
		faults = append(faults, fmt.Errorf("task.name = %q, want %q", b.Name, name))
	}
	if b.Batch < 1 || b.MicroBatch < 0 {
		faults = append(faults, fmt.Errorf("task.batch = %d, micro_batch = %d: want at least 1 and at least 0", b.Batch, b.MicroBatch))
	}
	if b.MicroBatch > 0 && b.Batch%b.MicroBatch != 0 {
		faults = append(faults, fmt.Errorf("task.batch = %d is not a multiple of micro_batch = %d", b.Batch, b.MicroBatch))
	}
	return faults
}

// SequenceFault returns the fault of rows of length positions, or nil.
func SequenceFault(length int) error {
	if length < 8 {
		return fmt.Errorf("task.sequence = %d: want at least 8", length)
	}
	return nil
}
