package sweep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// State is the state of a run within a sweep.
type State string

// States. Cached means done before the sweep began; Skipped means that a needed run failed.
const (
	Waiting State = "waiting"
	Running State = "running"
	Done    State = "done"
	Cached  State = "cached"
	Failed  State = "failed"
	Skipped State = "skipped"
)

// Status is the status of one run.
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

// Executor executes the tasks of a sweep.
type Executor interface {
	// Execute executes tasks, which are in topological order, and calls tell for every change, from one goroutine at a
	// time. Needs that are not among tasks are complete. A task starts only if all its needs are done. Execute returns
	// when no other task can be done, or soon after ctx has ended; failed tasks are not errors of Execute.
	Execute(ctx context.Context, tasks []Task, tell func(Change)) error
}

// Change is a change of a task's state: to Running, Done, Failed, or Waiting after an interruption.
type Change struct {
	Key   string
	State State
	Why   string // of Failed, one line
}

// Sweep executes a graph.
type Sweep struct {
	Tell func(Status) // called for every change; may be nil

	graph Graph
	keys  map[string]string
	store *Store
	work  string
	runs  []Status // in order
}

// digestsFile is the cache of the digests of outside files, in the store.
const digestsFile = "digests.json"

// Open opens the store in the directory out and prepares to execute g with it; see New. Digests of files are cached in
// the store.
func Open(g Graph, out, work, version string) (*Sweep, error) {
	s, digests, err := open(g, out, work, version)
	if digests != nil {
		err = errors.Join(err, digests.Save())
	}
	return s, err
}

func open(g Graph, out, work, version string) (*Sweep, *Digests, error) {
	store, err := OpenStore(out)
	if err != nil {
		return nil, nil, err
	}
	digests, err := OpenDigests(store.Path(digestsFile))
	if err != nil {
		return nil, nil, err
	}
	s, err := New(g, store, work, digests.Of, version)
	return s, digests, err
}

// Preview reports what Open and Run would do, and writes nothing. If files that g reads are missing, the report does not
// say which runs are complete, and the error that comes with it wraps fs.ErrNotExist.
func Preview(g Graph, out, work, version string) (*Report, error) {
	if _, err := os.Stat(out); err != nil {
		return Forecast(g)
	}
	s, _, err := open(g, out, work, version)
	if errors.Is(err, fs.ErrNotExist) {
		r, failed := Forecast(g)
		if failed != nil {
			return nil, failed
		}
		return r, err
	}
	if err != nil {
		return nil, err
	}
	return s.Report(), nil
}

// Store returns the store of the sweep.
func (w *Sweep) Store() *Store { return w.store }

// New checks a graph, computes the keys of its runs and finds the complete ones. Relative paths of the graph are
// relative to work; digest and version are as for Keys.
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

// statusOf is the initial status of r.
func statusOf(g Graph, r Run) Status {
	return Status{
		Name: r.Name, State: Waiting, Command: slices.Concat([]string{r.Verb}, r.arguments()), Needs: g.NeedsOf(r),
		Steps: r.Steps, Hours: r.Hours, Bytes: r.Bytes, Cost: r.Cost,
	}
}

// MissingFiles lists the files and directories from outside that runs of g read and that are not there, a line for each run
// and file. Relative paths are relative to work.
func (g Graph) MissingFiles(work string) []string {
	var out []string
	for _, r := range g.Runs {
		paths := slices.Clone(r.Inputs)
		r.expand(func(p placeholder) (string, error) {
			if p.kind == kindFile {
				paths = append(paths, p.what)
			}
			return "", nil
		})
		slices.Sort(paths)
		for _, path := range slices.Compact(paths) {
			at := path
			if !filepath.IsAbs(at) {
				at = filepath.Join(work, at)
			}
			if _, err := os.Stat(at); err != nil {
				out = append(out, fmt.Sprintf("run %s: %s: no such file or directory", r.Name, path))
			}
		}
	}
	return out
}

// Forecast is a report from the graph alone: the files that it reads need not exist.
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

// Run executes the runs that are not complete. A failed run only prevents the runs that need it. The report has the
// status of each run; the error is an error of the sweep itself, such as ctx's.
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

// prepare creates the directories of all runs that are not complete, each once, and the links to them.
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

// complete reports whether the run with a key is complete.
func (w *Sweep) complete(key string) bool {
	return slices.ContainsFunc(w.runs, func(s Status) bool { return s.Key == key && (s.State == Done || s.State == Cached) })
}

// change records the change of a task, under all its names, and skips the runs that it prevents.
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

// skip marks the runs that need the run failed, directly or not, as skipped. The runs are in topological
// order.
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

// Report returns the status of every run.
func (w *Sweep) Report() *Report { return &Report{Runs: slices.Clone(w.runs)} }
