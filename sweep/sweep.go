package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// State of a run within a sweep.
type State string

// States. Cached is Done before the sweep began, Skipped is waiting for a run that failed.
const (
	Waiting State = "waiting"
	Running State = "running"
	Done    State = "done"
	Cached  State = "cached"
	Failed  State = "failed"
	Skipped State = "skipped"
)

// Status is where one run is.
type Status struct {
	Name    string   `json:"name"`
	State   State    `json:"state"`
	Why     string   `json:"why,omitempty"` // of Failed, Skipped
	Key     string   `json:"key"`
	Dir     string   `json:"dir"`
	Command []string `json:"command,omitempty"` // verb and arguments as given
	Needs   []string `json:"needs,omitempty"`
	Seconds float64  `json:"seconds,omitempty"` // of all attempts, once it is complete
	Steps   int      `json:"steps,omitempty"`   // forecast, as Hours, Bytes and Cost
	Hours   float64  `json:"hours,omitempty"`
	Bytes   int64    `json:"bytes,omitempty"`
	Cost    float64  `json:"cost,omitempty"`
}

// Executor is where the work is done.
type Executor interface {
	// Execute carries out tasks, which are in order, and calls tell with every change, from one goroutine at a time.
	// Needs that are not among tasks are complete. A task is not begun unless all its needs ended well. It returns when
	// nothing is left that could be done, or soon after ctx has ended; what failed is no error of its own.
	Execute(ctx context.Context, tasks []Task, tell func(Change)) error
}

// Change is what became of a task: it is Running, Done, Failed, or Waiting again after an interruption.
type Change struct {
	Key   string
	State State
	Why   string // of Failed, one line
}

// Sweep is a graph being carried out.
type Sweep struct {
	Tell func(Status) // hears of every change; may be nil

	graph Graph
	keys  map[string]string
	store *Store
	work  string
	runs  []Status // in order
}

// New checks a graph, addresses its runs and looks which are complete. work is the directory that relative paths of the
// graph are relative to; digest and version are as for Keys.
func New(g Graph, s *Store, work string, digest func(path string) (string, error), version string) (*Sweep, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	keys, err := g.Keys(digest, version)
	if err != nil {
		return nil, err
	}
	order, err := g.Order()
	if err != nil {
		return nil, err
	}
	w := &Sweep{graph: g, keys: keys, store: s, work: work}
	for _, r := range order {
		status := statusOf(g, r)
		status.Key, status.Dir = keys[r.Name], s.Dir(keys[r.Name])
		done, err := s.Done(status.Key)
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", r.Name, err)
		}
		if done != nil {
			status.State, status.Seconds = Cached, done.Seconds
		}
		w.runs = append(w.runs, status)
	}
	return w, nil
}

// statusOf is r before anything is known of its result.
func statusOf(g Graph, r Run) Status {
	return Status{
		Name: r.Name, State: Waiting, Command: slices.Concat([]string{r.Verb}, r.arguments()), Needs: g.NeedsOf(r),
		Steps: r.Steps, Hours: r.Hours, Bytes: r.Bytes, Cost: r.Cost,
	}
}

// Forecast is the report of a graph of which nothing is known but what it says: files it reads need not be there.
func Forecast(g Graph) (*Report, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	order, err := g.Order()
	if err != nil {
		return nil, err
	}
	r := &Report{}
	for _, run := range order {
		r.Runs = append(r.Runs, statusOf(g, run))
	}
	return r, nil
}

// Run carries out what is not complete. A run that fails keeps from being done only what needs it. The report says what
// became of each; the error is of what kept the sweep itself from going on, ctx's among them.
func (w *Sweep) Run(ctx context.Context, e Executor) (*Report, error) {
	tasks, err := w.prepare()
	if err != nil {
		return nil, err
	}
	if len(tasks) > 0 {
		err = e.Execute(ctx, tasks, w.change)
	}
	return w.Report(), errors.Join(err, ctx.Err())
}

// prepare makes the directories of all runs that are not complete, each once, and the names that point to them.
func (w *Sweep) prepare() ([]Task, error) {
	var tasks []Task
	seen := make(map[string]bool)
	for _, status := range w.runs {
		if err := w.store.Link(status.Name, status.Key); err != nil {
			return nil, err
		}
		if status.State == Cached || seen[status.Key] {
			continue
		}
		seen[status.Key] = true
		t, err := w.store.Prepare(w.graph, w.graph.Runs[w.graph.index(status.Name)], w.keys, w.work)
		if err != nil {
			return nil, err
		}
		t.Needs = slices.DeleteFunc(t.Needs, func(key string) bool { return w.complete(key) })
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// complete says whether the run with a key is.
func (w *Sweep) complete(key string) bool {
	return slices.ContainsFunc(w.runs, func(s Status) bool { return s.Key == key && (s.State == Done || s.State == Cached) })
}

// change takes note of what became of a task, under all its names, and of what cannot be done now.
func (w *Sweep) change(c Change) {
	for i := range w.runs {
		s := &w.runs[i]
		if s.Key != c.Key || s.State == c.State {
			continue
		}
		s.State, s.Why = c.State, c.Why
		if c.State == Done {
			if m, err := w.store.Done(c.Key); err == nil && m != nil {
				s.Seconds = m.Seconds
			}
		}
		w.tell(*s)
		if c.State == Failed {
			w.skip(s.Name)
		}
	}
}

// skip marks what needs the run failed, directly or not. The runs are in order.
func (w *Sweep) skip(failed string) {
	lost := []string{failed}
	for i := range w.runs {
		s := &w.runs[i]
		if s.State != Waiting || !slices.ContainsFunc(s.Needs, func(n string) bool { return slices.Contains(lost, n) }) {
			continue
		}
		s.State, s.Why = Skipped, fmt.Sprintf("because %s failed", failed)
		lost = append(lost, s.Name)
		w.tell(*s)
	}
}

func (w *Sweep) tell(s Status) {
	if w.Tell != nil {
		w.Tell(s)
	}
}

// Report says where every run is.
func (w *Sweep) Report() *Report { return &Report{Runs: slices.Clone(w.runs)} }
