// Package configs reads the file that describes a run: strict TOML over the Configs of other packages.
//
// Those packages define the defaults. A file states differences; it may start from a preset of this package
// (preset = "biobert"), and --set adds further lines. The complete config is saved with the run.
//
// The tables model, data, task, optimizer and schedule determine what is learned; device, checkpoint, record and run
// determine how it runs, and change the loss curve only by rounding.
package configs

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/gomlx/compute/dtypes"

	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks/pretraining"
	"github.com/subbert/subbert/tasks/probing"
	"github.com/subbert/subbert/tasks/relation"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

//go:embed presets templates
var presets embed.FS

// Template is a commented config of a verb (pretrain, finetune or probe) with everything that one has to say, and the
// defaults of what one often says, in lines that begin with # and the key.
func Template(verb string) ([]byte, error) {
	return presets.ReadFile(path.Join("templates", verb+".toml"))
}

// Common is the part of a run's config that every task has, apart from [model].
type Common struct {
	Preset string `toml:"preset,omitempty"` // what the file started from

	Optimizer  optim.Config          `toml:"optimizer"`
	Schedule   schedule.Config       `toml:"schedule"`
	Device     Device                `toml:"device"`
	Checkpoint trainer.Checkpointing `toml:"checkpoint"`
	Record     trainer.Recording     `toml:"record"`
	Run        trainer.Run           `toml:"run"`
}

// Pretraining is the config of a pre-training run.
type Pretraining struct {
	Model Model              `toml:"model"`
	Data  pretraining.Data   `toml:"data"`
	Task  pretraining.Config `toml:"task"`
	Common
	Downstream relation.Downstream `toml:"downstream"`
}

// Relation is the config of a fine-tuning run, or of the runs of several folds and seeds.
type Relation struct {
	Model Model           `toml:"model"`
	Data  relation.Data   `toml:"data"`
	Task  relation.Config `toml:"task"`
	Common
}

// Probing is the config of a probing run.
type Probing struct {
	Model Model          `toml:"model"`
	Data  probing.Data   `toml:"data"`
	Task  probing.Config `toml:"task"`
	Common
}

// Model is the [model] table: the model that the run starts from.
type Model struct {
	Init  string `toml:"init"`  // directory with config.json, vocab.txt and, if there are any, weights
	Fresh Heads  `toml:"fresh"` // parts that start from random values, even if Init has them
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

// Device is the [device] table.
type Device struct {
	Precision string `toml:"precision"` // of activations: "float32" or "bfloat16"; weights and moments are float32
	Workers   int    `toml:"workers"`   // goroutines that make batches; batches do not depend on it

	VisibleDevices []int   `toml:"visible_devices,omitempty"` // numbers of the GPUs to use; empty: all
	MemoryFraction float64 `toml:"memory_fraction,omitempty"` // fraction of a GPU's memory that is allocated at the start; 0: the plugin's default, three quarters
	Attention      string  `toml:"attention,omitempty"`       // "decomposed" (also if empty), or "cudnn": one fused operation on a GPU where possible

	PeakTFLOPs float64 `toml:"peak_tflops"` // of one device at this precision, in 10^12 operations a second, for mfu; 0: unknown

	Cache   string  `toml:"cache,omitempty"` // directory for blocks of shards in an object store; empty: in the user's cache directory
	CacheGB float64 `toml:"cache_gb"`        // maximum size of the cache, in 10^9 bytes
}

// Decomposed and CuDNN are the ways to compute attention.
const (
	Decomposed = "decomposed"
	CuDNN      = "cudnn"
)

// defaultCommon is the default Common.
func defaultCommon() Common {
	return Common{
		Optimizer:  optim.Default(),
		Schedule:   schedule.Default(),
		Device:     Device{Precision: "float32", Workers: 2, CacheGB: 20},
		Checkpoint: trainer.DefaultCheckpointing(),
		Record:     trainer.DefaultRecording(),
		Run:        trainer.DefaultRun(),
	}
}

// DefaultPretraining is the default config of a pre-training run.
func DefaultPretraining() Pretraining {
	return Pretraining{Task: pretraining.Default(), Common: defaultCommon(), Downstream: relation.DefaultDownstream()}
}

// DefaultRelation is the default config of a fine-tuning run.
func DefaultRelation() Relation { return Relation{Task: relation.Default(), Common: defaultCommon()} }

// DefaultProbing is the default config of a probing run.
func DefaultProbing() Probing {
	c := Probing{Task: probing.Default(), Common: defaultCommon()}
	c.Schedule.Epochs, c.Schedule.WarmupFraction, c.Optimizer.ClipNorm = 4, 0.1, 0
	return c
}

// Validate returns every fault of c at once.
func (c Pretraining) Validate() error {
	errs := append(c.faults(c.Model), c.Task.Validate(), c.Data.Validate(), c.Downstream.Validate())
	if c.Schedule.Steps > 0 && c.Task.Validate() == nil && len(beyond(&c)) == 0 {
		_, err := c.Task.Stretches(c.Schedule.Steps)
		errs = append(errs, err)
	}
	return withRanges(&c, errs)
}

// Validate returns every fault of c at once.
func (c Relation) Validate() error {
	return withRanges(&c, append(c.faults(c.Model), c.Task.Validate(c.Data)))
}

// Validate returns every fault of c at once.
func (c Probing) Validate() error {
	errs := append(c.faults(c.Model), c.Task.Validate(c.Data))
	if c.Optimizer.ClipNorm != 0 {
		errs = append(errs, fmt.Errorf("optimizer.clip_norm = %g: want 0, because probes in one graph share the gradient norm", c.Optimizer.ClipNorm))
	}
	return withRanges(&c, errs)
}

// faults are the faults of the common tables and of m.
func (c Common) faults(m Model) []error {
	errs := []error{c.Optimizer.Validate(), c.Schedule.Validate(), c.Checkpoint.Validate(), c.Record.Validate(), c.Run.Validate(), c.Device.Validate()}
	if m.Init == "" {
		errs = append(errs, errors.New("model.init: missing; set it to a directory with config.json and vocab.txt"))
	}
	return errs
}

// Validate returns every fault of d at once.
func (d Device) Validate() error {
	var errs []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("device."+format, args...))
		}
	}
	fault(d.Precision != "float32" && d.Precision != "bfloat16", "precision: unknown %q, want float32 or bfloat16", d.Precision)
	fault(d.Attention != "" && d.Attention != Decomposed && d.Attention != CuDNN, "attention: unknown %q, want %s or %s", d.Attention, Decomposed, CuDNN)
	fault(d.Workers < 1 || !(d.PeakTFLOPs >= 0), "workers = %d, peak_tflops = %g: want at least 1 and at least 0", d.Workers, d.PeakTFLOPs)
	fault(!(d.MemoryFraction >= 0 && d.MemoryFraction <= 1), "memory_fraction = %g: want 0 to 1", d.MemoryFraction)
	fault(!(d.CacheGB > 0), "cache_gb = %g: want a positive number", d.CacheGB)
	for i, n := range d.VisibleDevices {
		if n < 0 || slices.Contains(d.VisibleDevices[:i], n) {
			fault(true, "visible_devices = %v: want different device numbers", d.VisibleDevices)
			break
		}
	}
	return errors.Join(errs...)
}

// Text is c as the TOML file that would make it.
func (c Pretraining) Text() ([]byte, error) { return text(c) }

// Text is c as the TOML file that would make it.
func (c Relation) Text() ([]byte, error) { return text(c) }

// Text is c as the TOML file that would make it.
func (c Probing) Text() ([]byte, error) { return text(c) }

func text(c any) ([]byte, error) {
	var text bytes.Buffer
	enc := toml.NewEncoder(&text)
	enc.Indent = ""
	err := enc.Encode(c)
	return text.Bytes(), err
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

// ModelOptions are the options of a model's graphs on d.
func (d Device) ModelOptions() bert.Options {
	o := bert.Options{CuDNN: d.Attention == CuDNN}
	if d.Precision == "bfloat16" {
		o.Precision = dtypes.BFloat16
	}
	return o
}

// Base is c itself: the common part of a config whose type is not known.
func (c *Common) Base() *Common { return c }

// PathKeys returns the keys of configs whose values are paths of files and directories, by their names in Paths.
func PathKeys() map[string]string {
	return map[string]string{
		"model": "model.init", "shards": "data.shards", "train": "data.train", "dev": "data.dev", "test": "data.test", "corpus": "data.corpus",
		"watch-train": "downstream.train", "watch-test": "downstream.test",
	}
}

// Paths are the paths that the config names, by what they are.
func (c *Pretraining) Paths() map[string]*string {
	return map[string]*string{"model": &c.Model.Init, "shards": &c.Data.Shards, "watch-train": &c.Downstream.Train, "watch-test": &c.Downstream.Test}
}

// Paths are the paths that the config names, by what they are.
func (c *Relation) Paths() map[string]*string {
	return map[string]*string{"model": &c.Model.Init, "train": &c.Data.Train, "dev": &c.Data.Dev, "test": &c.Data.Test, "corpus": &c.Data.Corpus}
}

// Paths are the paths that the config names, by what they are.
func (c *Probing) Paths() map[string]*string {
	return map[string]*string{"model": &c.Model.Init, "train": &c.Data.Train, "dev": &c.Data.Dev, "test": &c.Data.Test, "corpus": &c.Data.Corpus}
}

// KeyOfPath returns the key of a path by its name in Paths.
func KeyOfPath(name string) string {
	switch name {
	case "model":
		return "model.init"
	case "watch-train":
		return "downstream.train"
	case "watch-test":
		return "downstream.test"
	}
	return "data." + name
}
