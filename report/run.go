package report

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/subbert/subbert/runs/result"
)

// Run is what a run directory says.
type Run struct {
	Dir     string
	Name    string // the last element of Dir
	Config  Config
	Series  []Series       // what was recorded; several for a run of several seeds or folds
	Result  *result.Result // nil while the run is unfinished
	Notes   []string       // what was unusual about the files, for people
	Present []string       // paths, relative to Dir, of files worth opening
}

// Series is the content of one metrics.jsonl.
type Series struct {
	Name   string // the subdirectory it comes from; empty for the run's own
	Points []Point
}

// Config is the resolved config of a run.
type Config struct {
	Text   string
	values map[string]any
}

// ReadRun reads the run directory dir. Metrics and result may be missing, as in a run that has just begun or has
// not finished; without config.toml it is no run directory. A run without metrics of its own, but with
// subdirectories that have some, is a run of several parts: each becomes one of Series. It fails with the error of ctx when
// that ends. read, if not nil, hears how many bytes of a file of metrics are read, of how many.
func ReadRun(ctx context.Context, dir string, read func(done, size int64)) (*Run, error) {
	r := &Run{Dir: dir, Name: filepath.Base(filepath.Clean(dir))}
	if abs, err := filepath.Abs(dir); err == nil {
		r.Name = filepath.Base(abs) // "." has a name too
	}
	if err := r.readConfig(); err != nil {
		return nil, err
	}
	if err := r.readSeries(ctx, read); err != nil {
		return nil, err
	}
	if err := r.readResult(); err != nil {
		return nil, err
	}
	r.Present = present(dir)
	return r, nil
}

func (r *Run) readConfig() error {
	path := filepath.Join(r.Dir, result.ConfigFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Stat(r.Dir); statErr != nil {
			return fmt.Errorf("%s: no such directory", r.Dir)
		}
		return fmt.Errorf("%s: not a run directory: it has no %s", r.Dir, result.ConfigFile)
	}
	if err != nil {
		return err
	}
	r.Config.Text = string(text)
	if _, err := toml.Decode(string(text), &r.Config.values); err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return fmt.Errorf("%s: line %d: %s", path, parse.Position.Line, parse.Message)
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readSeries reads the run's metrics, or those of its parts.
func (r *Run) readSeries(ctx context.Context, read func(done, size int64)) error {
	names := []string{""}
	if _, err := os.Stat(filepath.Join(r.Dir, result.MetricsFile)); errors.Is(err, fs.ErrNotExist) {
		parts, err := filepath.Glob(filepath.Join(globEscape(r.Dir), "*", result.MetricsFile))
		if err != nil {
			return fmt.Errorf("%s: %w", r.Dir, err)
		}
		names = names[:0]
		for _, p := range parts {
			names = append(names, filepath.Base(filepath.Dir(p)))
		}
		slices.SortFunc(names, naturally)
	}
	for _, name := range names {
		points, notes, err := readMetrics(ctx, filepath.Join(r.Dir, name, result.MetricsFile), read)
		if err != nil {
			return err
		}
		r.Notes = append(r.Notes, notes...)
		if len(points) > 0 {
			r.Series = append(r.Series, Series{Name: name, Points: points})
		}
	}
	if task := r.Config.String("task.name"); len(r.Series) == 0 && task != result.TaskProbing && task != result.TaskAttention { // those record nothing
		r.Notes = append(r.Notes, "nothing has been recorded")
	}
	return nil
}

func (r *Run) readResult() error {
	var err error
	r.Result, err = result.Read(r.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		r.Notes = append(r.Notes, "not finished: there is no "+result.File)
		return nil
	}
	if err != nil {
		return err
	}
	if unknown := r.Result.Unknown; len(unknown) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s has keys this page does not show: %s", result.File, strings.Join(unknown, ", ")))
	}
	return nil
}

// pretraining is the result of r if it is a finished pre-training run, else nil.
func (r *Run) pretraining() *result.Pretraining {
	if r.Result == nil {
		return nil
	}
	return r.Result.Pretraining
}

// relation is the result of r if it is a finished fine-tuning run, else nil.
func (r *Run) relation() *result.Relation {
	if r.Result == nil {
		return nil
	}
	return r.Result.Relation
}

// probes are what r found if it is a finished probing run, else nil.
func (r *Run) probes() *result.Probes {
	if r.Result == nil || r.Result.Probing == nil {
		return nil
	}
	return r.Result.Probing.Probe
}

// attention are the weights of r if it is a finished attention run, else nil.
func (r *Run) attention() *result.Weights {
	if r.Result == nil || r.Result.Attention == nil {
		return nil
	}
	return r.Result.Attention.Attention
}

// Task is what the run did: "pretraining", "relation", "probe", "attention", or empty if nothing says so.
func (r *Run) Task() string {
	if r.Result != nil && r.Result.Task != "" {
		return r.Result.Task
	}
	return r.Config.String("task.name")
}

// String is the value at a dotted key as text, or empty.
func (c Config) String(key string) string {
	v, ok := c.at(key)
	if !ok {
		return ""
	}
	return fmt.Sprint(v)
}

// Number is the number at a dotted key, or false.
func (c Config) Number(key string) (float64, bool) {
	v, ok := c.at(key)
	if !ok {
		return 0, false
	}
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func (c Config) at(key string) (any, bool) {
	var v any = c.values
	for part := range strings.SplitSeq(key, ".") {
		table, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = table[part]; !ok {
			return nil, false
		}
	}
	return v, true
}

// present lists the files of a run directory that a reader may want to open next, in a fixed order.
func present(dir string) []string {
	var out []string
	for _, pattern := range []string{
		result.File, result.PredictionsFile, result.ProbesFile, result.StemsFile, result.FiguresDir, result.SentencesDir, result.ConfigFile,
		result.MetricsFile, result.ModelDir, result.ModelDir + "/" + result.CardFile, result.CheckpointsDir + "/step-*",
	} {
		found, err := filepath.Glob(filepath.Join(globEscape(dir), filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			continue // the patterns are constants and well formed
		}
		rel, err := filepath.Rel(dir, slices.Max(found)) // the newest checkpoint: names have a fixed width
		if err == nil {
			out = append(out, filepath.ToSlash(rel))
		}
	}
	return out
}

// globEscape makes dir safe to begin a pattern with.
func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// naturally orders names with numbers by the numbers: fold-2 before fold-10.
func naturally(a, b string) int {
	return slices.Compare(chunks(a), chunks(b))
}

// chunks is s with its numbers padded to a common width.
func chunks(s string) []string {
	var out []string
	for len(s) > 0 {
		i := strings.IndexFunc(s, func(r rune) bool { return '0' <= r && r <= '9' })
		if i < 0 {
			return append(out, s)
		}
		j := i
		for j < len(s) && '0' <= s[j] && s[j] <= '9' {
			j++
		}
		out = append(out, s[:i], fmt.Sprintf("%020s", s[i:j]))
		s = s[j:]
	}
	return out
}

// sortedKeys is the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
