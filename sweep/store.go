package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/runs/result"
)

// Names of the files that this package writes to the directory of a run, beside the run's own files.
const (
	TaskFile   = "task.json"   // the Task
	ConfigFile = "run.toml"    // the run's config with placeholders replaced
	LogFile    = "log.txt"     // the run's output, of all attempts
	DoneFile   = "done.json"   // written last: a Marker
	FailedFile = "failed.json" // the Failure of the last attempt
	lockFile   = ".sweep.lock"
)

// Store is a directory of results: DIR/KEY is a complete or unfinished run, DIR/by-name/NAME a link to it.
type Store struct{ dir string }

// OpenStore opens a store, and creates its directory if necessary.
func OpenStore(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Store{dir: abs}, os.MkdirAll(abs, 0o755)
}

// Path is the path of a file of the store itself.
func (s *Store) Path(name string) string { return filepath.Join(s.dir, name) }

// Dir is the directory of the run with a key.
func (s *Store) Dir(key string) string { return filepath.Join(s.dir, key) }

// ByName is the path of the run with a name, for people.
func (s *Store) ByName(name string) string {
	return filepath.Join(s.dir, "by-name", filepath.FromSlash(name))
}

// Task is a prepared run: the command to execute, and its directory. It is stored in the run's directory, which is all
// that a process needs to execute it.
type Task struct {
	Key  string   `json:"key"`
	Name string   `json:"name"`
	Args []string `json:"args"` // of subbert, verb first
	Dir  string   `json:"dir"`  // the run's own; absolute
	Work string   `json:"work"` // directory that relative paths are relative to

	Group string   `json:"group,omitempty"`
	Needs []string `json:"needs,omitempty"` // keys of runs that must be complete before
	Hours float64  `json:"hours,omitempty"`
	Cost  float64  `json:"cost,omitempty"`
}

// Marker says that a run is complete.
type Marker struct {
	Key     string    `json:"key"`
	Name    string    `json:"name"`
	Command []string  `json:"command"`
	Seconds float64   `json:"seconds"` // of all attempts that ended by themselves
	Ended   time.Time `json:"ended"`
	Host    string    `json:"host"`
	Result  string    `json:"result_sha256,omitempty"` // of result.json, if there is one
}

// Failure describes an attempt that failed.
type Failure struct {
	Code        int       `json:"code"` // exit code
	Why         string    `json:"why"`  // one line
	Interrupted bool      `json:"interrupted,omitempty"`
	Seconds     float64   `json:"seconds"` // of all attempts so far
	Ended       time.Time `json:"ended"`
	Host        string    `json:"host"`
}

// DamagedError says that the files of a complete run have changed.
type DamagedError struct{ Dir, What string }

func (e *DamagedError) Error() string { return e.Dir + ": " + e.What }

// Hint names the remedy.
func (e *DamagedError) Hint() string { return "remove " + e.Dir + " to carry out the run again" }

// Done returns the marker of a complete run; nil if it is not complete.
func (s *Store) Done(key string) (*Marker, error) { return readDone(s.Dir(key)) }

func readDone(dir string) (*Marker, error) {
	var m Marker
	ok, err := readJSON(filepath.Join(dir, DoneFile), &m)
	if !ok || err != nil {
		return nil, err
	}
	sum, err := resultSum(dir)
	if err != nil {
		return nil, err
	}
	if sum != m.Result {
		return nil, &DamagedError{dir, result.File + " has changed since the run wrote it"}
	}
	return &m, nil
}

// Failed returns the failure of the last attempt at a run; nil if it did not fail.
func (s *Store) Failed(key string) (*Failure, error) {
	var f Failure
	ok, err := readJSON(filepath.Join(s.Dir(key), FailedFile), &f)
	if !ok || err != nil {
		return nil, err
	}
	return &f, nil
}

// resultSum is the sha256 of a run's result.json; empty if it wrote none.
func resultSum(dir string) (string, error) {
	sum, err := sumFile(filepath.Join(dir, result.File))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return sum, err
}

// Prepare creates the directory of a run with its config and its task, unless they exist. keys are the keys of all runs
// of g; relative paths are relative to work.
func (s *Store) Prepare(g Graph, r Run, keys map[string]string, work string) (Task, error) {
	key := keys[r.Name]
	t := Task{Key: key, Name: r.Name, Dir: s.Dir(key), Work: work, Group: r.Group, Hours: r.Hours, Cost: r.Cost}
	e, err := r.expand(func(p placeholder) (string, error) { return s.location(g, p, t, keys), nil })
	if err != nil {
		return t, fmt.Errorf("run %s: %w", r.Name, err)
	}
	t.Args = e.args
	for _, n := range g.NeedsOf(r) {
		t.Needs = append(t.Needs, keys[n])
	}
	if err := os.MkdirAll(t.Dir, 0o755); err != nil {
		return t, err
	}
	if e.config != nil {
		text, err := encode(e.config)
		if err != nil {
			return t, fmt.Errorf("run %s: config: %w", r.Name, err)
		}
		if err := atomicfile.WriteBytes(filepath.Join(t.Dir, ConfigFile), text); err != nil {
			return t, err
		}
	}
	return t, writeJSON(filepath.Join(t.Dir, TaskFile), t)
}

// location is the path that a placeholder stands for when t is executed.
func (s *Store) location(g Graph, p placeholder, t Task, keys map[string]string) string {
	switch p.kind {
	case kindOut:
		return t.Dir
	case kindConfig:
		return filepath.Join(t.Dir, ConfigFile)
	case kindIn:
		name, sub := g.resolve(p.what)
		return filepath.Join(s.Dir(keys[name]), filepath.FromSlash(sub))
	}
	if filepath.IsAbs(p.what) {
		return p.what
	}
	return filepath.Join(t.Work, p.what)
}

// Link makes by-name/NAME a link to the run's directory.
func (s *Store) Link(name, key string) error {
	at := s.ByName(name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	up := strings.Repeat("../", strings.Count(name, "/")+1)
	return atomicfile.Symlink(up+key, at)
}

// ReadTask reads the task in a run's directory.
func ReadTask(dir string) (Task, error) {
	var t Task
	ok, err := readJSON(filepath.Join(dir, TaskFile), &t)
	if err == nil && !ok {
		err = fmt.Errorf("%s has no %s: not a run that a sweep has prepared", dir, TaskFile)
	}
	return t, err
}

// Busy reports whether a process works on the run with a key.
func (s *Store) Busy(key string) (bool, error) {
	if _, err := os.Stat(filepath.Join(s.Dir(key), lockFile)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	l := flock.New(filepath.Join(s.Dir(key), lockFile))
	free, err := l.TryRLock()
	if err != nil {
		return false, err
	}
	return !free, errors.Join(l.Close())
}

func readJSON(path string, v any) (bool, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return true, nil
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, append(text, '\n'))
}
