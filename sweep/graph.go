package sweep

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Run is one node of a graph: a command of subbert, its config and its needs.
//
// Args and the strings of Config may hold placeholders:
//
//	{out}         the run's own directory
//	{config}      the file that Config is written to; the first argument if no argument mentions it
//	{in:NAME}     the directory of the run NAME; {in:NAME/model} is a file or directory in it
//	{file:PATH}   a file or directory from outside: its content counts, its name does not
//
// "{{" stands for a literal brace.
type Run struct {
	Name   string   // unique, of parts with slashes between them: "pretrain/drug/1"
	Verb   string   // "pretrain", or of several words: "data shard"
	Args   []string // after the verb
	Config string   // TOML; comments and layout do not count
	Inputs []string // further outside files and directories whose content counts
	Needs  []string // names of further runs that must be complete before
	Group  string   // runs of one group are submitted together if possible; it is not part of the key

	// A forecast, zero if unknown. It is not part of the key either.
	Steps int
	Hours float64
	Bytes int64
	Cost  float64
}

// Graph is runs, in the order in which they are shown and, as far as their needs allow, executed.
type Graph struct{ Runs []Run }

// nameForm matches names of runs, which become directories, names of jobs and labels.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)*$`)

// Check reports every fault of the graph: malformed or duplicate names, unknown runs and placeholders, configs
// that are not TOML, and cycles.
func (g Graph) Check() error {
	errs := g.checkNames()
	for _, r := range g.Runs {
		errs = append(errs, g.checkRun(r)...)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err := g.Order()
	return err
}

func (g Graph) checkNames() (errs []error) {
	seen := make(map[string]bool)
	for _, r := range g.Runs {
		switch {
		case !nameForm.MatchString(r.Name):
			errs = append(errs, fmt.Errorf("run %q: a name is letters, digits and . _ + -, with slashes between parts", r.Name))
		case seen[r.Name]:
			errs = append(errs, fmt.Errorf("run %s: another run has the same name", r.Name))
		}
		seen[r.Name] = true
	}
	for _, r := range g.Runs {
		for above := r.Name; strings.Contains(above, "/"); {
			above = above[:strings.LastIndex(above, "/")]
			if seen[above] {
				errs = append(errs, fmt.Errorf("run %s: its directory has the name of the run %s", r.Name, above))
			}
		}
	}
	return errs
}

func (g Graph) checkRun(r Run) (errs []error) {
	complain := func(err error) { errs = append(errs, fmt.Errorf("run %s: %w", r.Name, err)) }
	if len(strings.Fields(r.Verb)) == 0 {
		complain(errors.New("no verb"))
	}
	for _, n := range r.Needs {
		if g.index(n) < 0 {
			complain(fmt.Errorf("needs %s, which is not in the graph", n))
		}
	}
	if _, err := r.expand(func(p placeholder) (string, error) { return "", g.means(r, p) }); err != nil {
		complain(err)
	}
	return errs
}

// means returns the fault of a placeholder in r.
func (g Graph) means(r Run, p placeholder) error {
	switch p.kind {
	case kindConfig:
		if r.Config == "" {
			return errors.New("{config}: the run has no config")
		}
	case kindIn:
		if name, _ := g.resolve(p.what); name == "" {
			return fmt.Errorf("%v: no run has that name", p)
		}
	case kindFile:
		if p.what == "" {
			return fmt.Errorf("%v: no path", p)
		}
	}
	return nil
}

func (g Graph) index(name string) int {
	return slices.IndexFunc(g.Runs, func(r Run) bool { return r.Name == name })
}

// resolve splits NAME/sub/path; name is empty if there is no such run. No name is the directory of another.
func (g Graph) resolve(what string) (name, sub string) {
	for name = what; ; {
		if g.index(name) >= 0 {
			return name, strings.TrimPrefix(what[len(name):], "/")
		}
		cut := strings.LastIndex(name, "/")
		if cut < 0 {
			return "", ""
		}
		name = name[:cut]
	}
}

// NeedsOf returns the names of the runs that r needs directly, in the order of the graph.
func (g Graph) NeedsOf(r Run) []string {
	needed := make(map[string]bool)
	for _, n := range r.Needs {
		needed[n] = true
	}
	r.expand(func(p placeholder) (string, error) {
		if p.kind == kindIn {
			name, _ := g.resolve(p.what)
			needed[name] = true
		}
		return "", nil
	})
	var at []int
	for name := range needed {
		if i := g.index(name); i >= 0 {
			at = append(at, i)
		}
	}
	slices.Sort(at)
	names := make([]string, len(at))
	for k, i := range at {
		names[k] = g.Runs[i].Name
	}
	return names
}

// Order returns the runs in topological order, and otherwise as they are listed. A cycle is an error that names its
// runs.
func (g Graph) Order() ([]Run, error) {
	const under, done = 1, 2
	state := make(map[string]int)
	var order []Run
	var path []string
	var visit func(name string) error
	visit = func(name string) error {
		switch state[name] {
		case done:
			return nil
		case under:
			cycle := append(slices.Clone(path[slices.Index(path, name):]), name)
			return fmt.Errorf("runs need each other in a circle: %s", strings.Join(cycle, " needs "))
		}
		state[name] = under
		path = append(path, name)
		r := g.Runs[g.index(name)]
		for _, n := range g.NeedsOf(r) {
			if err := visit(n); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		state[name] = done
		order = append(order, r)
		return nil
	}
	for _, r := range g.Runs {
		if err := visit(r.Name); err != nil {
			return nil, err
		}
	}
	return order, nil
}
