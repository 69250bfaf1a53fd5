package main

import (
	"errors"
	"io"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/tasks/encoding"
)

type modelInspectCmd struct {
	Path    string `arg:"" help:"Directory, file of weights, TensorFlow prefix, .tar.gz, .zip or .whl, the directory of a run, or hub:NAME."`
	Against string `placeholder:"OTHER" help:"Compare the weights with those of another model, layer by layer."`
	Tensors bool   `help:"Also list every tensor with its statistics (JSON always does)."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (*modelInspectCmd) Help() string {
	return `Describes a model without running it: container, architecture, parameters and heads, element types,
vocabulary and casing, checksums, and statistics of every tensor. Faults that keep the model from being used are listed, and the exit code is then 1.`
}

func (v *modelInspectCmd) Run(c *console) (err error) {
	path, err := c.modelDir(v.Path)
	if err != nil {
		return err
	}
	m, faults, err := checkpoints.Peek(c.ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if len(faults) == 0 {
		if err := encoding.Check(m); err != nil {
			faults = append(faults, err)
		}
	}
	meter := newMeter(c)
	defer meter.end()
	m.Progress = meter.bytes
	in, err := checkpoints.Inspect(m, faults)
	if err != nil {
		return err
	}
	if v.Against != "" {
		other, err := c.modelDir(v.Against)
		if err != nil {
			return err
		}
		if in.Against, err = checkpoints.CompareWith(c.ctx, m, other); err != nil {
			return err
		}
	}
	meter.end()
	err = c.show(v.JSON, in, func(w io.Writer) error { return in.Text(w, v.Tensors) })
	return errors.Join(err, checkpoints.Unusable(v.Path, faults))
}
