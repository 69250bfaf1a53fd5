package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/internal/boundedtoml"
	"github.com/subbert/subbert/internal/regularfile"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
)

// Run is the content of a run directory.
type Run struct {
	Dir     string
	Name    string // the last element of Dir
	Swept   string // its name in its sweep; empty if it belongs to none
	Config  Config
	Series  []Series       // recorded values; several for a run of several seeds or folds
	Result  *result.Result // nil while the run is unfinished
	Notes   []string       // what was unusual in the files, for people
	Present []string       // paths, relative to Dir, of files worth opening
	Kept    []int          // of a fine-tuning run, or of each of its parts: the step whose weights were kept, 0 for the last
	Encoder Architecture
	Members []*Run // if the run stands for several runs of one sweep: those runs, one for each seed
}

// Architecture is the size of the model that a run wrote. A field is 0 if it is not known.
type Architecture struct {
	Layers int `json:"num_hidden_layers"`
	Hidden int `json:"hidden_size"`
}

// NotRunError says that a directory exists but is not a run directory.
type NotRunError struct{ Dir string }

func (e *NotRunError) Error() string {
	return fmt.Sprintf("%s: not a run directory: it has no %s", e.Dir, result.ConfigFile)
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

// ReadRun reads the run directory dir. Metrics and result may be missing, as in a run that has just begun or has not
// finished; without config.toml it is not a run directory, which is a *NotRunError. A run without metrics of its own,
// but with subdirectories that have some, is a run of several parts: each becomes a Series. If ctx ends, it returns the
// error of ctx. It calls read, if not nil, with the number of bytes of a file of metrics that have been read, and its
// size.
func ReadRun(ctx context.Context, dir string, read func(done, size int64)) (*Run, error) {
	r := &Run{Dir: dir, Name: filepath.Base(filepath.Clean(dir))}
	if abs, err := filepath.Abs(dir); err == nil {
		r.Name = filepath.Base(abs) // so that "." has a name, too
	}
	var err error
	if r.Config, err = readConfig(dir); err != nil {
		return nil, err
	}
	r.Swept = sweptName(dir)
	if err := r.readSeries(ctx, read); err != nil {
		return nil, err
	}
	if err := r.readResult(); err != nil {
		return nil, err
	}
	r.Present = present(dir)
	return r, nil
}

// sweptName returns the name that a sweep gave the run in dir; empty if there is none.
func sweptName(dir string) string {
	task, err := sweep.ReadTask(dir)
	if err != nil {
		return ""
	}
	return task.Name
}

func readConfig(dir string) (Config, error) {
	path := filepath.Join(dir, result.ConfigFile)
	text, err := regularfile.Read(path, boundedtoml.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		if _, statErr := os.Stat(dir); statErr != nil {
			return Config{}, fmt.Errorf("%s: no such directory", dir)
		}
		return Config{}, &NotRunError{dir}
	}
	if err != nil {
		return Config{}, err
	}
	c := Config{Text: string(text)}
	if _, err := boundedtoml.Decode(string(text), &c.values); err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return Config{}, fmt.Errorf("%s: line %d: %s", path, parse.Position.Line, parse.Message)
		}
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
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
			r.Series = append(r.Series, Series{Name: strings.ReplaceAll(name, "-", " "), Points: points})
		}
		r.readPart(filepath.Join(r.Dir, name))
	}
	if task := r.Config.String("task.name"); len(r.Series) == 0 && task != result.TaskProbing && task != result.TaskAttention { // those record no metrics
		r.Notes = append(r.Notes, "the run recorded nothing")
	}
	return nil
}

// readPart reads what the directory of a part has and the run's own result does not: the epoch that was kept, and the
// size of the model. Both may be missing.
func (r *Run) readPart(dir string) {
	if part, err := result.Read(dir); err == nil && part.Relation != nil {
		r.Kept = append(r.Kept, part.Relation.KeptStep)
	}
	if r.Encoder.Layers == 0 {
		if text, err := regularfile.Read(filepath.Join(dir, result.ModelDir, "config.json"), 1<<20); err == nil && json.Unmarshal(text, &r.Encoder) != nil {
			r.Encoder = Architecture{}
		}
	}
}

func (r *Run) readResult() error {
	var err error
	r.Result, err = result.Read(r.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		r.Notes = append(r.Notes, "not finished: no "+result.File)
		return nil
	}
	if err != nil {
		return err
	}
	if unknown := r.Result.Unknown; len(unknown) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s has keys that this page does not show: %s", result.File, strings.Join(unknown, ", ")))
	}
	return nil
}

// pretraining returns the result of r if it is a finished pre-training run, else nil.
func (r *Run) pretraining() *result.Pretraining {
	if r.Result == nil {
		return nil
	}
	return r.Result.Pretraining
}

// relation returns the result of r if it is a finished fine-tuning run, else nil.
func (r *Run) relation() *result.Relation {
	if r.Result == nil {
		return nil
	}
	return r.Result.Relation
}

// probes returns the probes of r if it is a finished probing run, else nil.
func (r *Run) probes() *result.Probes {
	if r.Result == nil || r.Result.Probing == nil {
		return nil
	}
	return r.Result.Probing.Probe
}

// attention returns the weights of r if it is a finished attention run, else nil.
func (r *Run) attention() *result.Weights {
	if r.Result == nil || r.Result.Attention == nil {
		return nil
	}
	return r.Result.Attention.Attention
}

// Task returns the task of the run: "pretraining", "relation", "probe", "attention", or empty if it is not known.
func (r *Run) Task() string {
	if r.Result != nil && r.Result.Task != "" {
		return r.Result.Task
	}
	return r.Config.String("task.name")
}

// String returns the value at a dotted key as text; empty if there is none.
func (c Config) String(key string) string {
	v, ok := c.at(key)
	if !ok {
		return ""
	}
	return fmt.Sprint(v)
}

// Number returns the number at a dotted key, and false if there is none.
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

// keys returns the dotted keys of c, in order.
func (c Config) keys() []string {
	var out []string
	var walk func(prefix string, table map[string]any)
	walk = func(prefix string, table map[string]any) {
		for _, k := range sortedKeys(table) {
			if inner, ok := table[k].(map[string]any); ok {
				walk(prefix+k+".", inner)
			} else {
				out = append(out, prefix+k)
			}
		}
	}
	walk("", c.values)
	return out
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
		result.File, "predictions*.tsv", result.ProbesFile, result.StemsFile, result.FiguresDir, result.SentencesDir, result.ConfigFile,
		result.MetricsFile, result.ModelDir, result.ModelDir + "/" + result.CardFile, result.CheckpointsDir + "/step-*",
	} {
		found, err := filepath.Glob(filepath.Join(globEscape(dir), filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			continue // not reached: the patterns are constants and well formed
		}
		if strings.HasPrefix(pattern, result.CheckpointsDir) {
			found = found[len(found)-1:] // the newest: names have a fixed width and are sorted
		}
		for _, f := range found {
			if rel, err := filepath.Rel(dir, f); err == nil {
				out = append(out, filepath.ToSlash(rel))
			}
		}
	}
	return out
}

// globEscape escapes dir for the beginning of a pattern.
func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// naturally orders names that contain numbers by the numbers: fold-2 before fold-10.
func naturally(a, b string) int {
	return slices.Compare(chunks(a), chunks(b))
}

// chunks returns the parts of s, with its numbers padded to a common width.
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

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
