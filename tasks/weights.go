package tasks

import (
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/models/weights"
)

// Load creates a store with the wanted parameters: drawn from seed in the parts that fresh names, loaded from m in all
// others. The report says which; it is there on a mismatch too.
func Load(m *checkpoints.Model, wanted []weights.Parameter, fresh checkpoints.Fresh, seed uint64) (*model.Store, *checkpoints.Report, error) {
	store := model.NewStore()
	byName := make(map[string]weights.Parameter, len(wanted))
	for _, p := range wanted {
		byName[p.Name] = p
	}
	report, err := m.Load(asked(wanted), fresh, func(p checkpoints.Parameter, values []float32) error {
		return weights.Create(store, byName[p.Name], values)
	})
	if err != nil {
		return nil, report, err
	}
	for _, part := range report.Parts {
		for _, name := range part.Fresh {
			p := byName[name]
			if err := weights.Create(store, p, weights.Initialize(seed, p)); err != nil {
				return nil, report, err
			}
		}
	}
	return store, report, nil
}

// Check is the error that Load of the wanted parameters would return with nothing fresh.
func Check(m *checkpoints.Model, wanted []weights.Parameter) error {
	return m.Check(asked(wanted), nil)
}

// NewHead is checkpoints.Model.NewHead of the wanted parameters: what training a classifier starts from random values because
// m, which holds none of any kind, cannot have it.
func NewHead(m *checkpoints.Model, wanted []weights.Parameter) checkpoints.Fresh {
	return m.NewHead(asked(wanted))
}

// asked is wanted as package checkpoints takes it.
func asked(wanted []weights.Parameter) []checkpoints.Parameter {
	want := make([]checkpoints.Parameter, len(wanted))
	for i, p := range wanted {
		want[i] = checkpoints.Parameter{Name: p.Name, Shape: p.Shape}
	}
	return want
}

// Create makes a store with every wanted parameter drawn from seed.
func Create(wanted []weights.Parameter, seed uint64) (*model.Store, error) {
	store := model.NewStore()
	for _, p := range wanted {
		if err := weights.Create(store, p, weights.Initialize(seed, p)); err != nil {
			return nil, err
		}
	}
	return store, nil
}

// Shapes is Create with zeros, for building graphs that will not run.
func Shapes(wanted []weights.Parameter) (*model.Store, error) {
	store := model.NewStore()
	for _, p := range wanted {
		if err := weights.Create(store, p, make([]float32, p.Size())); err != nil {
			return nil, err
		}
	}
	return store, nil
}
