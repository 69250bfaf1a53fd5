package trainer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/trainer/metrics"
)

// journal notes what a run records and which evaluations are the best, but for what depends on the time. It ends the run at
// one moment, such as "evaluate 10".
type journal struct {
	lines  []string
	moment string
	end    context.CancelFunc
}

func (j *journal) at(what string, step int) {
	if fmt.Sprintf("%s %d", what, step) == j.moment {
		j.end()
	}
}

func (j *journal) Record(step int, values ...metrics.Value) error {
	if values[0].Name == "loss" {
		j.at("report", step)
	}
	line := fmt.Sprintf("%d", step)
	for _, v := range values {
		if !strings.Contains(v.Name, "second") && !strings.Contains(v.Name, "per_sec") {
			line += fmt.Sprintf(" %s=%v", v.Name, v.Value)
		}
	}
	j.lines = append(j.lines, line)
	return nil
}

func (j *journal) Close() error { return nil }

// measure is a measurement that is better at steps 5 and 15 than at 10 and 20.
func (j *journal) measure(what string) func(context.Context, int) ([]metrics.Value, error) {
	return func(ctx context.Context, step int) ([]metrics.Value, error) {
		j.at(what, step)
		return []metrics.Value{{Name: what, Value: float64(step % 10)}}, ctx.Err()
	}
}

// run carries out a run, from a state if that is not nil, until its moment, and returns what it saved last, or its end.
func (j *journal) run(t *testing.T, p Plan, from *State, moment string) (saved *State, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	j.moment, j.end = moment, cancel
	tr, _ := newTrainer(t, p)
	if from != nil {
		if err := tr.Restore(from); err != nil {
			t.Fatal(err)
		}
	}
	tr.Recorder = j
	tr.Evaluate, tr.Goal = j.measure("evaluate"), Goal{Name: "evaluate", Up: true}
	tr.Improved = func(step int, value float64) error {
		j.lines = append(j.lines, fmt.Sprintf("%d best %v", step, value))
		return nil
	}
	tr.Watches = []Watch{{Every: 10, Measure: j.measure("first")}, {Every: 5, Measure: j.measure("second watch")}, {Measure: j.measure("last")}}
	tr.Save = func(int) (err error) { saved, err = tr.State(); return err }
	if err := tr.Train(ctx, points{p, features, -1}); err != nil {
		return saved, err
	}
	return tr.State()
}

// TestMeasurementsAreMadeUp: a run that is asked to stop while it measures, or just before, ends with the reports, the best
// evaluation and the length of one that nobody stopped.
func TestMeasurementsAreMadeUp(t *testing.T) {
	for _, test := range []struct {
		name     string
		patience int
		moments  []string
	}{
		{"in an evaluation", 0, []string{"evaluate 10"}},
		{"twice in one evaluation", 0, []string{"evaluate 10", "evaluate 10"}},
		{"in the update before an evaluation", 0, []string{"report 9"}},
		{"in the report before an evaluation", 0, []string{"report 10"}},
		{"in the first watch", 0, []string{"first 10"}},
		{"in a later watch", 0, []string{"second watch 10"}},
		{"in the last evaluation", 0, []string{"evaluate 20"}},
		{"in the last watch of the run", 0, []string{"last 20"}},
		{"in an evaluation that ends the patience", 1, []string{"evaluate 10"}},
		{"in a watch after the patience", 1, []string{"second watch 10"}},
		{"again and again", 0, []string{"evaluate 5", "report 6", "first 10", "second watch 10", "evaluate 15", "evaluate 20", "last 20"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := plan(t, 20, 8, 8)
			p.Recording.EverySteps, p.Recording.EvaluateEvery, p.Run.Patience = 1, 5, test.patience
			var straight, stopped journal
			want, err := straight.run(t, p, nil, "")
			if err != nil {
				t.Fatal(err)
			}
			var state *State
			for _, moment := range test.moments {
				if state, err = keep(state)(stopped.run(t, p, state, moment)); !errors.Is(err, ErrInterrupted) {
					t.Fatalf("stopped at %q: %v, want ErrInterrupted", moment, err)
				}
			}
			if state, err = keep(state)(stopped.run(t, p, state, "")); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(straight.lines, unrepeated(stopped.lines)); diff != "" {
				t.Errorf("-straight +stopped\n%s", diff)
			}
			if state.Step != want.Step || !cmp.Equal(state.Parameters, want.Parameters) || !cmp.Equal(state.Best, want.Best) || len(state.Unmeasured) > 0 {
				t.Errorf("it ended at step %d, best %+v; want step %d, best %+v", state.Step, state.Best, want.Step, want.Best)
			}
		})
	}
}

// keep is what a run saved, or before if it saved nothing.
func keep(before *State) func(*State, error) (*State, error) {
	return func(saved *State, err error) (*State, error) {
		if saved == nil {
			saved = before
		}
		return saved, err
	}
}

// unrepeated leaves out lines that stand there already, as metrics.Lines does at the step that a run continues from.
func unrepeated(lines []string) []string {
	var out []string
	there := map[string]bool{}
	for _, l := range lines {
		if !there[l] {
			out = append(out, l)
		}
		there[l] = true
	}
	return out
}

// late has no batch of one step before the run is asked to stop.
type late struct {
	points
	at int
}

func (l late) From(ctx context.Context, step int) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for b, err := range l.points.From(ctx, step) {
			if step == l.at {
				<-ctx.Done()
				b, err = Batch{}, fmt.Errorf("drawing: %w", ctx.Err())
			}
			if step++; !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// TestStopWhileWaiting: a run that is asked to stop while it waits for a batch keeps the state.
func TestStopWhileWaiting(t *testing.T) {
	p := plan(t, 20, 8, 8)
	tr, _ := newTrainer(t, p)
	ctx, stop := context.WithCancel(t.Context())
	tr.Recorder = stopAt{8, stop}
	saved := 0
	tr.Save = func(step int) error { saved = step; return nil }
	if err := tr.Train(ctx, late{points{p, features, -1}, 7}); !errors.Is(err, ErrInterrupted) || saved != 7 {
		t.Errorf("%v, saved step %d; want ErrInterrupted and step 7", err, saved)
	}
}
