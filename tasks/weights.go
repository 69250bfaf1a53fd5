package tasks

import (
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/models/weights"
)

// Load creates a store with the wanted parameters. It draws the parameters of the parts in fresh from seed and loads all
// others from m. The report lists both; Load returns it on a mismatch, too.
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

// Check returns the error that Load of the wanted parameters would return if fresh is empty.
func Check(m *checkpoints.Model, wanted []weights.Parameter) error {
	return m.Check(asked(wanted), nil)
}

// NewHead returns checkpoints.Model.NewHead of the wanted parameters: the parts that training a classifier starts from
// random values because m has no classifier of any kind.
func NewHead(m *checkpoints.Model, wanted []weights.Parameter) checkpoints.Fresh {
	return m.NewHead(asked(wanted))
}

// asked converts wanted to the type of package checkpoints.
func asked(wanted []weights.Parameter) []checkpoints.Parameter {
	want := make([]checkpoints.Parameter, len(wanted))
	for i, p := range wanted {
		want[i] = checkpoints.Parameter{Name: p.Name, Shape: p.Shape}
	}
	return want
}

// Create creates a store with all wanted parameters, drawn from seed.
func Create(wanted []weights.Parameter, seed uint64) (*model.Store, error) {
	store := model.NewStore()
	for _, p := range wanted {
		if err := weights.Create(store, p, weights.Initialize(seed, p)); err != nil {
			return nil, err
		}
	}
	return store, nil
}

// Shapes creates a store with all wanted parameters set to zero, for building graphs that do not run.
func Shapes(wanted []weights.Parameter) (*model.Store, error) {
	store := model.NewStore()
	for _, p := range wanted {
		if err := weights.Create(store, p, make([]float32, p.Size())); err != nil {
			return nil, err
		}
	}
	return store, nil
}
