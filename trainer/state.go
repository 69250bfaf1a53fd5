package trainer

import (
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Array is one float32 value of the state, on the host, row major.
type Array struct {
	Name  string // as in Hugging Face files
	Shape []int
	Data  []float32
}

// State is a copy on the host of everything that training changes. M and V have the names and shapes of Parameters.
type State struct {
	Step       int
	Parameters []Array
	M, V       []Array
	Progress
}

// Progress is the part of the state that is neither tensors nor the step: skipped steps, the best
// evaluation, tokens and time.
type Progress struct {
	Skipped []int   `json:"skipped,omitempty"` // steps whose update is skipped permanently, after a rollback
	Best    *Best   `json:"best,omitempty"`    // nil before the first evaluation
	Tokens  int64   `json:"tokens,omitempty"`  // positions trained on so far, padding included
	Seconds float64 `json:"seconds,omitempty"` // spent so far, over all processes

	Losses Losses `json:"losses,omitzero"` // of the steps so far

	// Unmeasured are the measurements at this step that a stop left out; they are made first when the run continues. 0 is
	// the evaluation, n watch n-1.
	Unmeasured []int `json:"unmeasured,omitempty"`
}

// Best is the best evaluation so far.
type Best struct {
	Step  int     `json:"step"`
	Value float64 `json:"value"`
	Since int     `json:"since"` // evaluations since then
}

// State copies the state to the host: it is consistent, and later steps do not change it.
func (t *Trainer) State() (*State, error) {
	state := &State{Step: t.now, Progress: t.progress()}
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

// read copies the variable at prefix + p's path.
func (t *Trainer) read(prefix string, p *model.Variable) (Array, error) {
	a := Array{Name: parameterName(p), Shape: slices.Clone(p.Shape().Dimensions)}
	v := t.step.store.GetVariable(prefix + p.Path())
	value, err := v.Value()
	if err == nil && value.DType() == dtypes.BFloat16 {
		var rounded []bfloat16.BFloat16
		rounded, err = tensors.CopyFlatData[bfloat16.BFloat16](value)
		a.Data = make([]float32, len(rounded))
		for i, x := range rounded {
			a.Data[i] = x.Float32()
		}
	} else if err == nil {
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
	t.skipped, t.best, t.tokens, t.before, t.unmeasured = slices.Clone(state.Skipped), nil, state.Tokens, state.Seconds, slices.Clone(state.Unmeasured)
	if state.Best != nil {
		best := *state.Best
		t.best = &best
	}
	t.losses, t.began = state.Losses, time.Now()
	return t.step.store.GetVariable(haltedPath).SetValue(tensors.FromScalar(float32(0)))
}

// progress is a copy of the state's Progress.
func (t *Trainer) progress() Progress {
	p := Progress{Skipped: slices.Clone(t.skipped), Tokens: t.tokens, Seconds: t.Seconds(), Losses: t.losses, Unmeasured: slices.Clone(t.unmeasured)}
	if t.best != nil {
		best := *t.best
		p.Best = &best
	}
	return p
}

func (t *Trainer) write(prefix string, a Array) error {
	v := t.step.store.GetVariable(prefix + parameterPath(a.Name))
	if v == nil {
		return fmt.Errorf("no parameter %s in this model", a.Name)
	}
	if !slices.Equal(v.Shape().Dimensions, a.Shape) {
		return fmt.Errorf("%s has shape %v, this model wants %v", a.Name, a.Shape, v.Shape().Dimensions)
	}
	if v.DType() == dtypes.BFloat16 { // they were that when they were saved: nothing is lost
		rounded := make([]bfloat16.BFloat16, len(a.Data))
		for i, x := range a.Data {
			rounded[i] = bfloat16.FromFloat32(x)
		}
		return v.SetValue(tensors.FromFlatDataAndDimensions(rounded, a.Shape...))
	}
	return v.SetValue(tensors.FromFlatDataAndDimensions(slices.Clone(a.Data), a.Shape...))
}
