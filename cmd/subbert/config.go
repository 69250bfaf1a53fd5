package main

import (
	"fmt"
	"io"

	"github.com/subbert/subbert/checkpoints/hub"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/internal/boundedtoml"
	"github.com/subbert/subbert/runs"
)

// configCmd holds the verbs about config files.
type configCmd struct {
	Init  configInitCmd  `cmd:"" help:"Write a commented config to start from."`
	Check configCheckCmd `cmd:"" help:"Report all faults of a config."`
}

type configInitCmd struct {
	Verb string `arg:"" enum:"pretrain,finetune,probe" help:"The verb that will run it: pretrain, finetune or probe."`
	Out  string `short:"o" default:"-" placeholder:"FILE" help:"File to write. Without it standard output."`
	outputFlag
}

func (*configInitCmd) Help() string {
	return `Writes a config with every required key. Lines that begin with # give the defaults of keys that are often changed. The config runs unchanged if the files that it names exist.`
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
	return atomicfile.WriteContext(c.ctx, path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

type configCheckCmd struct {
	configFlags
	For string `enum:"pretrain,finetune,probe," default:"" placeholder:"VERB" help:"The verb that will run it: pretrain, finetune or probe. Default: what task.name or the keys of the config indicate."`
}

func (*configCheckCmd) Help() string {
	return `Reads a config as its verb does and reports all faults at once: unknown keys, with the right key for those of other programs, invalid values, and files and models that do not exist. Nothing is trained. The exit code is 2 if there is a fault.`
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
		text, err := boundedtoml.Read(c.ctx, v.Config)
		if err != nil {
			return misused(err)
		}
		if verb, err = configs.VerbOf(v.Config, text); err != nil {
			return err
		}
	}
	onHub := func(model string) bool {
		_, onHub, _ := hub.ParseModel(model)
		return onHub
	}
	if err := runs.Check(c.ctx, verb, v.Config, v.lines(), onHub); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s: no fault found; subbert %s runs it\n", v.Config, verb)
	return err
}
