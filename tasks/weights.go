package tasks

import (
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/models/weights"
)

// Load creates a store with the wanted parameters: loaded from m where it has them, drawn from seed where it has not
// and fresh allows it. The report says which; it is there on a mismatch too.
func Load(m *checkpoints.Model, wanted []weights.Parameter, fresh checkpoints.Fresh, seed uint64) (*model.Store, *checkpoints.Report, error) {
	store := model.NewStore()
	byName := make(map[string]weights.Parameter, len(wanted))
	want := make([]checkpoints.Parameter, len(wanted))
	for i, p := range wanted {
		byName[p.Name] = p
		want[i] = checkpoints.Parameter{Name: p.Name, Shape: p.Shape}
	}
	report, err := m.Load(want, fresh, func(p checkpoints.Parameter, values []float32) error {
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
