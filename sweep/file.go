package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/internal/boundedtoml"
)

// File is SWEEP.toml: runs with matrices of values, and options for each kind of executor.
type File struct {
	Out string    `toml:"out"` // directory of the store
	Run []FileRun `toml:"run"`
	On  OnPlaces  `toml:"on"`
	at  string    // for errors
}

// OnPlaces holds the options of each kind of executor, under its own names.
type OnPlaces struct {
	Slurm      Options `toml:"slurm"`
	TPU        Options `toml:"tpu"`
	Kubernetes Options `toml:"kubernetes"`
}

// Options are names and values, with tables for groups of runs: [on.slurm.pretrain] applies to the runs of group
// pretrain, and takes precedence over [on.slurm].
type Options map[string]any

// OptionsError is a fault of an [on] table.
type OptionsError struct{ Err error }

func (e *OptionsError) Error() string { return e.Err.Error() }

func (e *OptionsError) Unwrap() error { return e.Err }

// FileRun is a [[run]] table.
type FileRun struct {
	Name   string           `toml:"name"`
	Verb   string           `toml:"verb"`
	Config string           `toml:"config"` // file
	Set    []string         `toml:"set"`    // lines over the config
	Args   []string         `toml:"args"`
	Inputs []string         `toml:"inputs"`
	Needs  []string         `toml:"needs"` // names, or patterns of them: "finetune/*"
	Group  string           `toml:"group"` // the verb, if it is empty
	Hours  float64          `toml:"hours"` // forecast
	GB     float64          `toml:"gb"`    // likewise, of disk
	Cost   float64          `toml:"cost"`
	Matrix map[string][]any `toml:"matrix"`
}

// ReadFile reads a sweep's file strictly: an unknown key is an error.
func ReadFile(ctx context.Context, name string) (*File, error) {
	f := &File{at: name}
	text, err := boundedtoml.Read(ctx, name)
	if err != nil {
		return nil, err
	}
	meta, err := boundedtoml.Decode(string(text), f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if f.Out != "" {
		f.Out = within(filepath.Dir(name), f.Out)
	}
	errs := []error{f.checkForecasts(), boundedtoml.Unknown(meta, func(key toml.Key) error {
		if len(key) > 2 && key[0] == "on" { // the executor checks the names of options
			return nil
		}
		return fmt.Errorf("%s: unknown key %s; docs/sweep.md lists the keys", name, key)
	})}
	if len(f.Run) == 0 {
		errs = append(errs, fmt.Errorf("%s: no [[run]] table", name))
	}
	return f, errors.Join(errs...)
}

// Dir is the directory of the store: Out, or sweeps/NAME for NAME.toml.
func (f *File) Dir() string {
	if f.Out != "" {
		return f.Out
	}
	return filepath.Join("sweeps", strings.TrimSuffix(filepath.Base(f.at), ".toml"))
}

// Graph expands the runs. paths are the dotted keys of configs whose values are paths of files or directories, which
// count by their content, as in {file:PATH}. So does an argument that is the path of an existing file or directory.
// Relative paths are relative to the sweep's file, those in configs too.
func (f *File) Graph(ctx context.Context, paths []string) (Graph, error) {
	var g Graph
	if err := errors.Join(f.count(), f.checkRecursion(ctx)); err != nil {
		return g, err
	}
	var errs []error
	for i, r := range f.Run {
		runs, err := r.expand(ctx, filepath.Dir(f.at), paths)
		if err != nil {
			name := r.Name
			if name == "" {
				name = fmt.Sprintf("number %d", i+1)
			}
			errs = append(errs, fmt.Errorf("%s: run %s: %w", f.at, name, err))
		}
		g.Runs = append(g.Runs, runs...)
	}
	if err := errors.Join(errs...); err != nil {
		return g, err
	}
	names := make([]string, len(g.Runs))
	for i, r := range g.Runs {
		names[i] = r.Name
	}
	needs := 0
	for i := range g.Runs {
		errs = append(errs, g.Runs[i].findNeeds(names))
		if needs += len(g.Runs[i].Needs) + len(g.Runs[i].Args); needs > maxNeeds {
			return g, fmt.Errorf("%s: run %s: the runs have more than %d needs and arguments together, the most of a sweep", f.at, g.Runs[i].Name, maxNeeds)
		}
	}
	errs = append(errs, g.Check())
	if err := errors.Join(errs...); err != nil {
		return g, fmt.Errorf("%s: %w", f.at, err)
	}
	return g, nil
}

// expand makes a run of each combination of the matrix, the last key changing fastest.
func (r FileRun) expand(ctx context.Context, dir string, paths []string) ([]Run, error) {
	text := ""
	if r.Config != "" {
		read, err := boundedtoml.Read(ctx, within(dir, r.Config))
		if err != nil {
			return nil, err
		}
		text = string(read)
	}
	if r.Config == "" && len(r.Set) > 0 {
		return nil, errors.New("set needs a config")
	}
	cells, err := r.cells()
	if err != nil {
		return nil, err
	}
	var runs []Run
	for _, c := range cells {
		run, err := r.one(text, c, dir, paths)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// cell is one combination of a matrix.
type cell struct {
	keys   []string // as in the file, sorted
	values []any
}

// cells returns all combinations of the matrix. Keys are sorted, because TOML tables have no order.
func (r FileRun) cells() ([]cell, error) {
	keys := slices.Sorted(maps.Keys(r.Matrix))
	cells := []cell{{}}
	seen := make(map[string]bool)
	for _, k := range keys {
		if v := variable(k); seen[v] || !variableForm.MatchString(v) {
			return nil, fmt.Errorf("matrix: %s: {%s} is ambiguous or not a name", k, v)
		}
		seen[variable(k)] = true
		if strings.Contains(k, ".") && r.Config == "" {
			return nil, fmt.Errorf("matrix: %s is a config key, but the run has no config", k)
		}
		if len(r.Matrix[k]) == 0 {
			return nil, fmt.Errorf("matrix: %s has no values", k)
		}
		var more []cell
		for _, c := range cells {
			for _, v := range r.Matrix[k] {
				more = append(more, cell{append(slices.Clone(c.keys), k), append(slices.Clone(c.values), v)})
			}
		}
		cells = more
	}
	return cells, nil
}

var variableForm = regexp.MustCompile(`^[a-z][a-z_0-9]*$`)

// variable is the name in braces of a key of a matrix: its last part.
func variable(key string) string { return key[strings.LastIndex(key, ".")+1:] }

// replace puts the values of c in place of {name}.
func (c cell) replace(s string) string {
	for i, k := range c.keys {
		s = strings.ReplaceAll(s, "{"+variable(k)+"}", fmt.Sprint(c.values[i]))
	}
	return s
}

func (c cell) replaceAll(list []string) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = c.replace(s)
	}
	return all
}

// one is the run for a combination.
func (r FileRun) one(text string, c cell, dir string, paths []string) (Run, error) {
	run := Run{
		Name: c.replace(r.Name), Verb: r.Verb, Args: c.replaceAll(r.Args), Inputs: c.replaceAll(r.Inputs), Needs: c.replaceAll(r.Needs),
		Group: r.Group, Hours: r.Hours, Bytes: int64(r.GB * 1e9), Cost: r.Cost,
	}
	for i, k := range c.keys { // append values that the name does not mention, so that names are unique
		if !strings.Contains(r.Name, "{"+variable(k)+"}") {
			run.Name += "/" + fmt.Sprint(c.values[i])
		}
	}
	if run.Group == "" {
		run.Group = strings.ReplaceAll(r.Verb, " ", "-")
	}
	for i, a := range run.Args {
		run.Args[i] = wrapPath(dir, a)
	}
	for i, in := range run.Inputs {
		run.Inputs[i] = within(dir, in)
	}
	if r.Config == "" {
		return run, nil
	}
	var err error
	run.Config, err = r.config(text, c, dir, paths)
	return run, err
}

// config is the config of a combination: the file, the lines of set, the values of dotted keys, and the run's directory.
func (r FileRun) config(text string, c cell, dir string, paths []string) (string, error) {
	var table map[string]any
	if _, err := boundedtoml.Decode(text, &table); err != nil {
		return "", fmt.Errorf("%s: %w", r.Config, err)
	}
	if table == nil {
		table = make(map[string]any)
	}
	eachString(table, c.replace)
	var errs []error
	for _, line := range r.Set {
		var change map[string]any
		if _, err := boundedtoml.Decode(c.replace(line), &change); err != nil {
			errs = append(errs, fmt.Errorf("set %q: %w", line, err))
		}
		merge(table, change)
	}
	for i, k := range c.keys {
		if strings.Contains(k, ".") {
			errs = append(errs, put(table, k, c.values[i]))
		}
	}
	eachString(table, func(s string) string { return filesWithin(dir, s) })
	for _, p := range paths {
		if s, ok := lookup(table, p).(string); ok && s != "" && !elsewhere.MatchString(s) {
			errs = append(errs, put(table, p, FilePlaceholder(within(dir, s))))
		}
	}
	errs = append(errs, put(table, "run.dir", "{out}"))
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	out, err := encode(table)
	return string(out), err
}

// elsewhere matches values that name a result of the graph, or are not local files: hub:NAME, gs://BUCKET.
var elsewhere = regexp.MustCompile(`\{(out|config|in|file)\b|^[a-z]+:`)

// wrapPath returns {file:s} if s is the path of an existing file or directory. Paths are relative to dir.
func wrapPath(dir, s string) string {
	if _, err := os.Stat(within(dir, s)); err != nil || s == "" {
		return filesWithin(dir, s)
	}
	return FilePlaceholder(within(dir, s))
}

// within returns a path that leads from the working directory to a path relative to dir.
func within(dir, path string) string {
	if filepath.IsAbs(path) || dir == "." {
		return path
	}
	return filepath.Join(dir, path)
}

// files matches {file:PATH}, but not after another brace, which makes the brace a literal one.
var files = regexp.MustCompile(`(^|[^{])\{file:([^{}]+)\}`)

// filesWithin makes the paths of {file:PATH} in s, which are relative to dir, lead from the working directory.
func filesWithin(dir, s string) string {
	return files.ReplaceAllStringFunc(s, func(m string) string {
		before, path, _ := strings.Cut(strings.TrimSuffix(m, "}"), "{file:")
		return before + "{file:" + within(dir, path) + "}"
	})
}

// merge merges change into table, recursively.
func merge(table, change map[string]any) {
	for k, v := range change {
		inner, ok := v.(map[string]any)
		before, there := table[k].(map[string]any)
		if ok && there {
			merge(before, inner)
			continue
		}
		table[k] = v
	}
}

// lookup finds the value of a dotted key; nil if it is missing.
func lookup(table map[string]any, key string) any {
	first, rest, more := strings.Cut(key, ".")
	if !more {
		return table[first]
	}
	inner, ok := table[first].(map[string]any)
	if !ok {
		return nil
	}
	return lookup(inner, rest)
}

// put sets a dotted key.
func put(table map[string]any, key string, value any) error {
	first, rest, more := strings.Cut(key, ".")
	if !more {
		table[first] = value
		return nil
	}
	if table[first] == nil {
		table[first] = make(map[string]any)
	}
	inner, ok := table[first].(map[string]any)
	if !ok {
		return fmt.Errorf("%s: %s is not a table", key, first)
	}
	return put(inner, rest, value)
}

// manyIn matches an argument that stands for several runs, one argument for each.
var manyIn = regexp.MustCompile(`^\{in:([^{}]*\*[^{}]*)\}$`)

// findNeeds replaces patterns of names, in Needs and in arguments that consist of {in:PATTERN}, by the matching names.
func (r *Run) findNeeds(names []string) error {
	var errs []error
	match := func(pattern string) []string {
		var found []string
		for _, n := range names {
			ok, err := path.Match(pattern, n)
			errs = append(errs, err)
			if ok && n != r.Name {
				found = append(found, n)
			}
		}
		if found == nil {
			errs = append(errs, fmt.Errorf("run %s: no run matches %s", r.Name, pattern))
		}
		return found
	}
	var needs, args []string
	for _, n := range r.Needs {
		if strings.Contains(n, "*") {
			needs = append(needs, match(n)...)
		} else {
			needs = append(needs, n)
		}
	}
	for _, a := range r.Args {
		m := manyIn.FindStringSubmatch(a)
		if m == nil {
			args = append(args, a)
			continue
		}
		for _, n := range match(m[1]) {
			args = append(args, "{in:"+n+"}")
		}
	}
	r.Needs, r.Args = needs, args
	return errors.Join(errs...)
}

// Of returns the options for a run of group, as text, by name: those of the group take precedence over the general
// ones. Values are strings, numbers and booleans.
func (o Options) Of(group string) (map[string]string, error) {
	texts := make(map[string]string)
	add := func(prefix string, m map[string]any) error {
		for k, v := range m {
			switch v.(type) {
			case map[string]any:
				if prefix != "" {
					return fmt.Errorf("%s%s: a table within a table", prefix, k)
				}
			case string, int64, float64, bool:
				texts[k] = fmt.Sprint(v)
			default:
				return fmt.Errorf("%s%s = %v: want a string, a number or a boolean", prefix, k, v)
			}
		}
		return nil
	}
	if err := add("", o); err != nil {
		return nil, err
	}
	inner, _ := o[group].(map[string]any)
	return texts, add(group+".", inner)
}
