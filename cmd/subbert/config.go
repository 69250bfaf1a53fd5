package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/runs/result"
)

// configCmd holds the verbs about config files.
type configCmd struct {
	Init  configInitCmd  `cmd:"" help:"Write a commented config to start from."`
	Check configCheckCmd `cmd:"" help:"Say everything that is wrong with a config."`
}

type configInitCmd struct {
	Verb string `arg:"" enum:"pretrain,finetune,probe" help:"What it is to run: pretrain, finetune or probe."`
	Out  string `short:"o" default:"-" placeholder:"FILE" help:"Where to; without it standard output."`
	outputFlag
}

func (*configInitCmd) Help() string {
	return `Writes a config with everything that a run has to be told, and in lines that begin with # the defaults of what one often changes. It runs as it is where the files that it names are there.`
}

func (v *configInitCmd) Run(c *console) error {
	text, err := configs.Template(v.Verb)
	if err != nil {
		return err
	}
	if v.Out == "-" {
		_, err := c.out.Write(text)
		return err
	}
	path, err := v.output(c, v.Out, "")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, text)
}

type configCheckCmd struct {
	configFlags
	For string `enum:"pretrain,finetune,probe," default:"" placeholder:"VERB" help:"The verb that it is for: pretrain, finetune or probe. Without it the config says so, by task.name or by its keys."`
}

func (*configCheckCmd) Help() string {
	return `Reads a config as its verb does and says everything at once: keys that are not known, with the right one for those of other programs, values that cannot be, and files and models that are not there. Nothing is trained. The exit code is 2 where something is wrong.`
}

func (v *configCheckCmd) Run(c *console) error {
	path, done, err := c.input(v.Config)
	if err != nil {
		return err
	}
	defer done()
	v.Config = path
	verb := v.For
	if verb == "" {
		text, err := os.ReadFile(v.Config)
		if err != nil {
			return misused(err)
		}
		if verb, err = configs.VerbOf(v.Config, text); err != nil {
			return err
		}
	}
	if err := v.faults(c, verb); err != nil {
		return misused(err)
	}
	_, err = fmt.Fprintf(c.out, "%s: nothing wrong; subbert %s runs it\n", v.Config, verb)
	return err
}

// faults returns the faults of the config and of the files that it names.
func (v *configCheckCmd) faults(c *console, verb string) error {
	switch verb {
	case "pretrain":
		config, err := read(v.configFlags, configs.ReadPretraining)
		return errors.Join(err, v.missing(c, config.Paths(), config.Task.Sequence))
	case "finetune":
		config, err := read(v.configFlags, configs.ReadRelation)
		return errors.Join(err, v.missing(c, config.Paths(), config.Task.Sequence))
	}
	config, err := read(v.configFlags, configs.ReadProbing)
	return errors.Join(err, v.missing(c, config.Paths(), config.Task.Sequence))
}

// keys returns the config key of each path, by its name in configs.
func (v *configCheckCmd) keys() map[string]string {
	return map[string]string{
		"model": "model.init", "shards": "data.shards", "train": "data.train", "dev": "data.dev", "test": "data.test", "corpus": "data.corpus",
		"watch-train": "downstream.train", "watch-test": "downstream.test",
	}
}

// missing returns an error for paths that do not exist, and for a model that cannot be opened or has fewer than
// sequence positions. It does not check paths in a store or on the hub.
func (v *configCheckCmd) missing(c *console, paths map[string]*string, sequence int) error {
	var errs []error
	for _, what := range slices.Sorted(maps.Keys(paths)) {
		path, key := *paths[what], v.keys()[what]
		elsewhere := strings.HasPrefix(path, "gs://") || what == "model" && (strings.HasPrefix(path, onHub) || looksLikeHub(path))
		if path == "" || elsewhere {
			continue
		}
		_, err := os.Stat(path)
		if what == "model" {
			err = fits(c.ctx, path, sequence)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", v.Config, key, err))
		}
	}
	return errors.Join(errs...)
}

// fits opens the model at path and checks that it has enough positions for a row.
func fits(ctx context.Context, path string, sequence int) error {
	m, err := checkpoints.OpenModel(ctx, result.ModelPath(path))
	if err != nil {
		return err
	}
	if most := m.Config.MaxPositionEmbeddings; sequence > most {
		err = fmt.Errorf("%s has %d positions (max_position_embeddings), and task.sequence = %d", path, most, sequence)
	}
	return errors.Join(err, m.Close())
}
