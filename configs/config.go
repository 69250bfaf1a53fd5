// Package configs is the file that describes a run: strict TOML over the Configs of the packages it concerns.
//
// Defaults live in those packages. A file states differences; it may start from a preset of this package
// (preset = "biobert"), and --set adds further lines. What came out is written beside the run, complete.
//
// The tables model, data, task, optimizer and schedule say what is learned; device, checkpoint, record and run say how it
// runs, and leave the loss curve where it is, up to rounding.
package configs

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

//go:embed presets
var presets embed.FS

// Config is a run.
type Config struct {
	Preset string `toml:"preset,omitempty"` // what the file started from

	Model      Model                 `toml:"model"`
	Data       Data                  `toml:"data"`
	Task       tasks.Config          `toml:"task"`
	Optimizer  optim.Config          `toml:"optimizer"`
	Schedule   schedule.Config       `toml:"schedule"`
	Device     Device                `toml:"device"`
	Checkpoint trainer.Checkpointing `toml:"checkpoint"`
	Record     trainer.Recording     `toml:"record"`
	Downstream tasks.Downstream      `toml:"downstream"`
	Run        trainer.Run           `toml:"run"`
}

// Model is the [model] table: what the run starts from.
type Model struct {
	Init  string `toml:"init"`  // directory with config.json, vocab.txt and, if there are any, weights
	Fresh Heads  `toml:"fresh"` // what starts from random values, whatever Init has of it
}

// Heads names parts of a model; in TOML a list, or the word "all".
type Heads []string

// UnmarshalTOML accepts "all", one name, or a list of names.
func (h *Heads) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		*h = Heads{v}
		return nil
	case []any:
		*h = Heads{}
		for _, e := range v {
			name, ok := e.(string)
			if !ok {
				return fmt.Errorf("want names, got %v", e)
			}
			*h = append(*h, name)
		}
		return nil
	}
	return fmt.Errorf(`want "all" or a list of heads, got %v`, v)
}

// Data is the [data] table.
type Data struct {
	Shards string `toml:"shards,omitempty"` // pre-training: directory of shards
	Train  string `toml:"train,omitempty"`  // fine-tuning: file of examples
	Dev    string `toml:"dev,omitempty"`
	Test   string `toml:"test,omitempty"`
	Corpus string `toml:"corpus,omitempty"` // fine-tuning, in place of the three: a corpus in the format task.corpus names

	DevFraction float64 `toml:"dev_fraction,omitempty"` // hold this part of the training examples out as dev; 0.2 is the paper's for DDI
	DevBy       string  `toml:"dev_by,omitempty"`       // what is held out: "pair" (the paper; also if empty) or "document"

	// Fractions of the training examples, drawn with the seed.
	TrainExamples int `toml:"train_examples,omitempty"` // use this many of the training examples; 0: all
	TestExamples  int `toml:"test_examples,omitempty"`

	Activations string `toml:"activations,omitempty"` // probing: directory where activations are kept; empty: in run.dir
}

// Device is the [device] table.
type Device struct {
	Precision string `toml:"precision"` // of activations: "float32" or "bfloat16"; weights and moments are float32
	Workers   int    `toml:"workers"`   // goroutines that make batches; what they make does not depend on it

	VisibleDevices []int   `toml:"visible_devices,omitempty"` // numbers of the GPUs to use; empty: all
	MemoryFraction float64 `toml:"memory_fraction,omitempty"` // of a GPU's memory, that is taken at the start; 0: the plugin's own, three quarters
	Attention      string  `toml:"attention,omitempty"`       // "decomposed" (also if empty), or "cudnn": as one operation of a GPU where that applies

	PeakTFLOPs float64 `toml:"peak_tflops"` // of one device at this precision, in 10^12 operations a second, for mfu; 0: not known

	Cache   string  `toml:"cache,omitempty"` // directory for blocks of shards that lie in a store; empty: in the user's cache directory
	CacheGB float64 `toml:"cache_gb"`        // what it holds at most, in 10^9 bytes
}

// Decomposed and CuDNN are how attention is computed.
const (
	Decomposed = "decomposed"
	CuDNN      = "cudnn"
)

// Default is the config of the named task before a file says anything.
func Default(task string) Config {
	c := Config{
		Task:       tasks.Default(task),
		Optimizer:  optim.Default(),
		Schedule:   schedule.Default(),
		Device:     Device{Precision: "float32", Workers: 2, CacheGB: 20},
		Checkpoint: trainer.DefaultCheckpointing(),
		Record:     trainer.DefaultRecording(),
		Run:        trainer.DefaultRun(),
		Downstream: tasks.DefaultDownstream(),
	}
	if task == tasks.NameProbe {
		c.Schedule.Epochs, c.Schedule.WarmupFraction, c.Optimizer.ClipNorm = 4, 0.1, 0
	}
	return c
}

// Read reads the TOML file at path for task ("pretraining", "relation" or "probe"), then the lines of set, each key=value with a
// dotted key, and checks the result. Every fault is reported at once.
func Read(path, task string, set []string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	return Parse(path, text, task, set)
}

// Parse is Read of a file's text; name stands for it in errors.
func Parse(name string, text []byte, task string, set []string) (Config, error) {
	c := Default(task)
	var head struct {
		Preset string `toml:"preset"`
	}
	if _, err := toml.Decode(string(text), &head); err != nil {
		return c, syntaxError(name, err)
	}
	if head.Preset != "" {
		preset, err := Preset(task, head.Preset)
		if err != nil {
			return c, fmt.Errorf("%s: %w", name, err)
		}
		if err := decode("preset "+head.Preset, preset, &c); err != nil {
			return c, err
		}
	}
	errs := []error{decode(name, text, &c)}
	for _, line := range set {
		errs = append(errs, assign(line, &c))
	}
	if err := errors.Join(errs...); err != nil {
		return c, err
	}
	if c.Task.Name != task {
		return c, fmt.Errorf("%s: task.name = %q, but this verb is for %q", name, c.Task.Name, task)
	}
	if err := c.Validate(); err != nil {
		return c, prefixed(name, err)
	}
	return c, nil
}

// prefixed puts name before every line of err.
func prefixed(name string, err error) error {
	lines := strings.Split(err.Error(), "\n")
	return errors.New(name + ": " + strings.Join(lines, "\n"+name+": "))
}

// decode decodes text over c and refuses keys that c does not have.
func decode(name string, text []byte, c *Config) error {
	meta, err := toml.Decode(string(text), c)
	if err != nil {
		return syntaxError(name, err)
	}
	supersede(meta, &c.Schedule)
	var errs []error
	for _, key := range meta.Undecoded() {
		errs = append(errs, unknownKey(name, key.String()))
	}
	return errors.Join(errs...)
}

// supersede lets a layer that gives the length or the warm-up in one unit replace what an earlier one gave in the other.
func supersede(meta toml.MetaData, s *schedule.Config) {
	only := func(key, other string) bool {
		return meta.IsDefined("schedule", key) && !meta.IsDefined("schedule", other)
	}
	switch {
	case only("steps", "epochs"):
		s.Epochs = 0
	case only("epochs", "steps"):
		s.Steps = 0
	}
	switch {
	case only("warmup_steps", "warmup_fraction"):
		s.WarmupFraction = 0
	case only("warmup_fraction", "warmup_steps"):
		s.WarmupSteps = 0
	}
}

// syntaxError says where in the file the fault is, on one line.
func syntaxError(name string, err error) error {
	var at toml.ParseError
	if errors.As(err, &at) {
		return fmt.Errorf("%s: line %d: %s", name, at.Position.Line, at.Message)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// assign decodes key=value over c; a value that is no TOML is taken as a string.
func assign(line string, c *Config) error {
	key, value, ok := strings.Cut(line, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || key == "" {
		return fmt.Errorf("--set %s: want key=value, such as optimizer.learning_rate=5e-5", line)
	}
	name := "--set " + key
	text := key + " = " + value
	var probe map[string]any
	if _, err := toml.Decode(text, &probe); err != nil {
		text = fmt.Sprintf("%s = %q", key, value)
	}
	return decode(name, []byte(text), c)
}

// unknownKey names the known key nearest to key.
func unknownKey(name, key string) error {
	best, distance := "", len(key)
	for _, known := range Keys() {
		if d := editDistance(key, known); d < distance {
			best, distance = known, d
		}
	}
	if best != "" && distance <= 1+len(key)/3 {
		return fmt.Errorf("%s: unknown key %s; did you mean %s?", name, key, best)
	}
	return fmt.Errorf("%s: unknown key %s; the keys are listed in docs/config.md", name, key)
}

// Keys lists every key, dotted, in the order of the tables.
func Keys() []string {
	var keys []string
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(full()); err != nil {
		panic(err) // Config has a field that is no TOML; every test sees it
	}
	var any map[string]any
	meta, err := toml.Decode(text.String(), &any)
	if err != nil {
		panic(err)
	}
	for _, key := range meta.Keys() {
		if !strings.HasPrefix(key.String(), "task.class_weights.") { // labels, not keys
			keys = append(keys, key.String())
		}
	}
	return keys
}

// full has no empty field, so that encoding it shows every key.
func full() Config {
	c := Default(tasks.NamePretraining)
	c.Preset = "x"
	c.Model = Model{Init: "x", Fresh: Heads{"all"}}
	c.Data = Data{Shards: "x", Train: "x", Dev: "x", Test: "x", Corpus: "x", DevFraction: 1, DevBy: "x", TrainExamples: 1, TestExamples: 1, Activations: "x"}
	c.Downstream.Train, c.Downstream.Test, c.Task.Phases = "x", "x", []tasks.Phase{{FromStep: 1}}
	c.Task.Labels, c.Task.Corpus, c.Task.Lengths, c.Task.ClassWeights = []string{"x"}, "x", []int{1}, map[string]float64{"x": 1}
	c.Task.Probe = tasks.DefaultProbe()
	return c
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Validate returns every fault of c at once.
func (c Config) Validate() error {
	errs := []error{
		c.Task.Validate(), c.Optimizer.Validate(), c.Schedule.Validate(),
		c.Checkpoint.Validate(), c.Record.Validate(), c.Run.Validate(), c.Downstream.Validate(),
	}
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Model.Init == "" {
		fault("model.init: missing; name a directory with config.json and vocab.txt")
	}
	switch c.Task.Name {
	case tasks.NamePretraining:
		if c.Data.Shards == "" {
			fault("data.shards: missing; name a directory made by subbert data shard")
		}
		if c.Data.Train != "" {
			fault("data.train = %q is for fine-tuning; pre-training reads data.shards", c.Data.Train)
		}
	case tasks.NameRelation:
		errs = append(errs, c.relationFaults()...)
	case tasks.NameProbe:
		errs = append(errs, c.relationFaults()...)
		if c.Optimizer.ClipNorm != 0 {
			fault("optimizer.clip_norm = %g: want 0; the probes of a graph would be clipped by the norm of all of them", c.Optimizer.ClipNorm)
		}
	}
	if c.Device.Precision != "float32" && c.Device.Precision != "bfloat16" {
		fault("device.precision: unknown %q, want float32 or bfloat16", c.Device.Precision)
	}
	if a := c.Device.Attention; a != "" && a != Decomposed && a != CuDNN {
		fault("device.attention: unknown %q, want %s or %s", a, Decomposed, CuDNN)
	}
	if c.Device.Workers < 1 || !(c.Device.PeakTFLOPs >= 0) {
		fault("device.workers = %d, peak_tflops = %g: want at least 1 and at least 0", c.Device.Workers, c.Device.PeakTFLOPs)
	}
	if f := c.Device.MemoryFraction; !(f >= 0 && f <= 1) {
		fault("device.memory_fraction = %g: want 0 to 1", f)
	}
	for i, n := range c.Device.VisibleDevices {
		if n < 0 || slices.Contains(c.Device.VisibleDevices[:i], n) {
			fault("device.visible_devices = %v: want numbers of devices, each once", c.Device.VisibleDevices)
			break
		}
	}
	if !(c.Device.CacheGB > 0) {
		fault("device.cache_gb = %g: want a positive number", c.Device.CacheGB)
	}
	if c.Schedule.Steps > 0 && c.Task.Validate() == nil {
		if _, err := c.Task.Stretches(c.Schedule.Steps); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Data.TrainExamples < 0 || c.Data.TestExamples < 0 {
		fault("data.train_examples = %d, data.test_examples = %d: want no negative number", c.Data.TrainExamples, c.Data.TestExamples)
	}
	return errors.Join(errs...)
}

// relationFaults are those of how the examples of fine-tuning are given.
func (c Config) relationFaults() []error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	d := c.Data
	fault(d.Train == "" && d.Corpus == "", "data.train: missing; name a file made by subbert data relations, or a corpus with data.corpus and task.corpus")
	fault(d.Shards != "", "data.shards = %q is for pre-training; fine-tuning reads data.train or data.corpus", d.Shards)
	fault(d.Corpus != "" && d.Train+d.Dev+d.Test != "", "data.corpus = %q is in place of data.train, data.dev and data.test", d.Corpus)
	fault((d.Corpus == "") != (c.Task.Corpus == ""), "data.corpus = %q, task.corpus = %q: want a path and its format, or neither", d.Corpus, c.Task.Corpus)
	fault(c.Task.Folds > 0 && d.Test != "", "data.test = %q with task.folds = %d: each fold is the test set once", d.Test, c.Task.Folds)
	fault(d.DevFraction < 0 || d.DevFraction >= 1, "data.dev_fraction = %g: want 0 or more and less than 1", d.DevFraction)
	fault(d.DevFraction > 0 && d.Dev != "", "data.dev = %q and data.dev_fraction = %g: want one of them", d.Dev, d.DevFraction)
	fault(!slices.Contains([]string{"", "pair", "document"}, d.DevBy), "data.dev_by: unknown %q, want pair or document", d.DevBy)
	return faults
}

// Text is c as the TOML file that would make it.
func (c Config) Text() ([]byte, error) {
	var text bytes.Buffer
	enc := toml.NewEncoder(&text)
	enc.Indent = ""
	if err := enc.Encode(c); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// Changes lists the keys that c changes against before among those that say what is learned, each with both values.
func (c Config) Changes(before Config) []string {
	var changed []string
	now, then := c.learned(), before.learned()
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if was, is := fmt.Sprint(then[key]), fmt.Sprint(now[key]); was != is {
			changed = append(changed, fmt.Sprintf("%s = %s (now %s)", key, was, is))
		}
	}
	return changed
}

// learned flattens the tables that say what is learned. Where the microbatch is cut matters to rounding alone.
func (c Config) learned() map[string]any {
	text, err := c.Text()
	if err != nil {
		panic(err) // Config has a field that is no TOML; every test sees it
	}
	var tables map[string]any
	if _, err := toml.Decode(string(text), &tables); err != nil {
		panic(err)
	}
	flat := map[string]any{"run.seed": c.Run.Seed}
	for _, table := range []string{"model", "data", "task", "optimizer", "schedule"} {
		values, _ := tables[table].(map[string]any)
		for key, value := range values {
			flat[table+"."+key] = value
		}
	}
	delete(flat, "task.micro_batch")
	return flat
}

// Preset is the text of the preset of that name for task; the error names those there are.
func Preset(task, name string) ([]byte, error) {
	text, err := presets.ReadFile(path.Join("presets", task, name+".toml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("preset: unknown %q, want one of %s", name, strings.Join(Presets(task), ", "))
	}
	return text, err
}

// Presets lists the presets for task.
func Presets(task string) []string {
	entries, err := presets.ReadDir(path.Join("presets", task))
	if err != nil {
		return nil // no preset for this task
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
	}
	slices.Sort(names)
	return names
}
