package configs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/internal/boundedtoml"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/relation"
	"github.com/subbert/subbert/trainer/schedule"
)

// config is a config of any task. Pointers to the types of this package implement it.
type config interface {
	task() string
	schedule() *schedule.Config
	Validate() error
}

func (*Pretraining) task() string { return tasks.NamePretraining }
func (*Relation) task() string    { return tasks.NameRelation }
func (*Probing) task() string     { return tasks.NameProbing }

func (c *Common) schedule() *schedule.Config { return &c.Schedule }

// defaultOf is the default config of the named task, nil for an unknown task.
func defaultOf(task string) config {
	switch task {
	case tasks.NamePretraining:
		c := DefaultPretraining()
		return &c
	case tasks.NameRelation:
		c := DefaultRelation()
		return &c
	case tasks.NameProbing:
		c := DefaultProbing()
		return &c
	}
	return nil
}

// ReadPretraining reads the config of a pre-training run from the TOML file at path, then the lines of set, each
// key=value with a dotted key, and checks the result. It reports every fault at once, as an *Error. It fails with the
// error of ctx after ctx ends.
func ReadPretraining(ctx context.Context, path string, set ...string) (Pretraining, error) {
	c := DefaultPretraining()
	return c, read(ctx, path, set, &c)
}

// ReadRelation is ReadPretraining for a fine-tuning run.
func ReadRelation(ctx context.Context, path string, set ...string) (Relation, error) {
	c := DefaultRelation()
	return c, read(ctx, path, set, &c)
}

// ReadProbing is ReadPretraining for a probing run.
func ReadProbing(ctx context.Context, path string, set ...string) (Probing, error) {
	c := DefaultProbing()
	return c, read(ctx, path, set, &c)
}

func read(ctx context.Context, path string, set []string, c config) error {
	text, err := boundedtoml.Read(ctx, path)
	if err != nil {
		return Wrap(err)
	}
	return parse(path, text, set, c)
}

// ParsePretraining is ReadPretraining for the text of a file; errors call the file name.
func ParsePretraining(name string, text []byte, set ...string) (Pretraining, error) {
	c := DefaultPretraining()
	return c, parse(name, text, set, &c)
}

// ParseRelation is ParsePretraining for a fine-tuning run.
func ParseRelation(name string, text []byte, set ...string) (Relation, error) {
	c := DefaultRelation()
	return c, parse(name, text, set, &c)
}

// ParseProbing is ParsePretraining for a probing run.
func ParseProbing(name string, text []byte, set ...string) (Probing, error) {
	c := DefaultProbing()
	return c, parse(name, text, set, &c)
}

// Size is the size of a run, for planning and forecasting runs of any task.
type Size struct {
	Batch, Sequence, Predictions int // of the batches: rows, positions, masked positions (pre-training)
	Steps                        int // 0 if the config gives epochs
	Epochs                       float64
	Seeds, Folds, Fold           int
	TrainExamples                int
}

// ParseSize checks the text of a config of the named task and returns its size; errors call the file name.
func ParseSize(task, name string, text []byte) (Size, error) {
	c := defaultOf(task)
	if c == nil {
		return Size{}, fmt.Errorf("%s: unknown task %q", name, task)
	}
	err := parse(name, text, nil, c)
	size := Size{Steps: c.schedule().Steps, Epochs: c.schedule().Epochs}
	switch c := c.(type) {
	case *Pretraining:
		size.Batch, size.Sequence, size.Predictions = c.Task.Batch, c.Task.Sequence, c.Task.MaxPredictions
		size.Seeds, size.Fold = 1, -1
	case *Relation:
		size.Batch, size.TrainExamples = c.Task.Batch, c.Data.TrainExamples
		size.examples(c.Task.Examples)
	case *Probing:
		size.Batch, size.TrainExamples = c.Task.Batch, c.Data.TrainExamples
		size.examples(c.Task.Examples)
	}
	return size, err
}

func (s *Size) examples(e relation.Examples) {
	s.Sequence, s.Seeds, s.Folds, s.Fold = e.Sequence, e.Seeds, e.Folds, e.Fold
}

// parse decodes text over c.
func parse(name string, text []byte, set []string, c config) error {
	var head struct {
		Preset string `toml:"preset"`
		Task   struct {
			Name string `toml:"name"`
		} `toml:"task"`
	}
	if _, err := boundedtoml.Decode(string(text), &head); err != nil {
		return Wrap(syntaxError(name, err))
	}
	if named := head.Task.Name; named != "" && named != c.task() {
		return Errorf("%s: task.name = %q, but this command is for %q", name, named, c.task())
	}
	if head.Preset != "" {
		preset, err := Preset(c.task(), head.Preset)
		if err != nil {
			return Errorf("%s: %w", name, err)
		}
		if err := decode("preset "+head.Preset, preset, c); err != nil {
			return err
		}
	}
	errs := []error{decode(name, text, c)}
	for _, line := range set {
		errs = append(errs, assign(line, c))
	}
	if err := c.Validate(); err != nil {
		errs = append(errs, prefixed(name, err))
	}
	return Wrap(errors.Join(errs...))
}

// prefixed adds name before every line of err.
func prefixed(name string, err error) error {
	lines := strings.Split(err.Error(), "\n")
	return errors.New(name + ": " + strings.Join(lines, "\n"+name+": "))
}

// decode decodes text over c and rejects unknown keys and values of the wrong type.
func decode(name string, text []byte, c config) error {
	meta, errs, err := decodeEach(name, string(text), c)
	if err != nil {
		return err
	}
	supersede(meta, c.schedule())
	return errors.Join(append(errs, boundedtoml.Unknown(meta, func(key toml.Key) error { return unknownKey(name, key.String(), c.task()) }))...)
}

// supersede lets a layer that gives the length or the warm-up in one unit replace the value that an earlier layer gave
// in the other unit.
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

// syntaxError is err on one line, with the line of the fault.
func syntaxError(name string, err error) error {
	var at toml.ParseError
	if errors.As(err, &at) {
		return fmt.Errorf("%s: line %d: %s", name, at.Position.Line, at.Message)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// assign decodes key=value over c. A value that is not TOML counts as a string.
func assign(line string, c config) error {
	key, value, ok := strings.Cut(line, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || key == "" {
		return fmt.Errorf("--set %s: want key=value, such as optimizer.learning_rate=5e-5", line)
	}
	name := "--set " + key
	text := key + " = " + value
	var probe map[string]any
	if _, err := boundedtoml.Decode(text, &probe); err != nil {
		text = fmt.Sprintf("%s = %q", key, value)
	}
	return decode(name, []byte(text), c)
}
