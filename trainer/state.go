package trainer

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Array is one float32 value of the state, on the host, row major.
type Array struct {
	Name  string // as in Hugging Face files
	Shape []int
	Data  []float32
}

// AddParameter puts a parameter into store, under the path that is a's name with slashes for dots.
func AddParameter(store *model.Store, a Array) error {
	scope, name := model.SplitPath(parameterPath(a.Name))
	_, err := store.Scope(scope).CreateVariable(name, tensors.FromFlatDataAndDimensions(a.Data, a.Shape...))
	if err != nil {
		return fmt.Errorf("parameter %s: %w", a.Name, err)
	}
	return nil
}

// State is a copy of everything that training changes, on the host. M and V have the names and shapes of Parameters.
type State struct {
	Step       int
	Parameters []Array
	M, V       []Array
}

// State copies the state to the host: it is consistent, and later steps do not change it.
func (t *Trainer) State() (*State, error) {
	state := &State{Step: t.now}
	for _, part := range []struct {
		to     *[]Array
		prefix string
	}{{&state.Parameters, ""}, {&state.M, momentsM}, {&state.V, momentsV}} {
		for _, p := range t.step.params {
			a, err := t.read(part.prefix, p)
			if err != nil {
				return nil, err
			}
			*part.to = append(*part.to, a)
		}
	}
	return state, nil
}

// read copies the variable that stands at prefix + p's path.
func (t *Trainer) read(prefix string, p *model.Variable) (Array, error) {
	a := Array{Name: parameterName(p), Shape: slices.Clone(p.Shape().Dimensions)}
	v := t.step.store.GetVariable(prefix + p.Path())
	value, err := v.Value()
	if err == nil {
		a.Data, err = tensors.CopyFlatData[float32](value)
	}
	if err != nil {
		return a, fmt.Errorf("reading %s: %w", v.Path(), err)
	}
	return a, nil
}

// Restore continues from state: parameters and moments are replaced, and the next step is the one after state's.
func (t *Trainer) Restore(state *State) error {
	for _, part := range []struct {
		from   []Array
		prefix string
	}{{state.Parameters, ""}, {state.M, momentsM}, {state.V, momentsV}} {
		if len(part.from) != len(t.step.params) {
			return fmt.Errorf("restoring step %d: %d values for %d parameters", state.Step, len(part.from), len(t.step.params))
		}
		for _, a := range part.from {
			if err := t.write(part.prefix, a); err != nil {
				return fmt.Errorf("restoring step %d: %w", state.Step, err)
			}
		}
	}
	t.now = state.Step
	return nil
}

func (t *Trainer) write(prefix string, a Array) error {
	v := t.step.store.GetVariable(prefix + parameterPath(a.Name))
	if v == nil {
		return fmt.Errorf("no parameter %s in this model", a.Name)
	}
	if !slices.Equal(v.Shape().Dimensions, a.Shape) {
		return fmt.Errorf("%s has shape %v, this model wants %v", a.Name, a.Shape, v.Shape().Dimensions)
	}
	return v.SetValue(tensors.FromFlatDataAndDimensions(slices.Clone(a.Data), a.Shape...))
}
