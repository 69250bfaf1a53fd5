package tasks

import (
	"github.com/subbert/subbert/models/dropout"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/trainer"
)

// Dropout returns the source of dropout masks at a moment of training. In evaluation at is nil and so is the source.
func Dropout(at *trainer.Moment) *dropout.Source {
	if at == nil {
		return nil
	}
	return dropout.New(at.Seed, at.Step, at.Row)
}

// Observe returns the loss and the accuracy of one objective as values to record: name_loss and name_accuracy.
func Observe(name string, s heads.Sums) []trainer.Observed {
	return []trainer.Observed{
		{Name: name + "_loss", Sum: s.Loss, Weight: s.Weight},
		{Name: name + "_accuracy", Sum: s.Correct, Weight: s.Weight},
	}
}
