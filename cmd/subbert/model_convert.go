package main

import (
	"errors"
	"fmt"

	"github.com/subbert/subbert/checkpoints"
)

type modelConvertCmd struct {
	Src string `arg:"" help:"Model to read: directory, file of weights, TensorFlow prefix, .tar.gz, .zip or .whl, the directory of a run, or hub:NAME."`
	Dst string `arg:"" help:"Directory to create."`
	To  string `required:"" enum:"safetensors,pytorch,tf1" help:"Container of the weights: safetensors, pytorch or tf1 (with the names that Google's code uses)."`
	outputFlag
}

func (*modelConvertCmd) Help() string {
	return `Writes a copy of a model with its weights in another container. No number changes, and converting back gives the same weights.
The tokenizer's files and the configuration are written in the form that other tools expect. Partitioned TensorFlow variables and Keras names are not read.`
}

func (v *modelConvertCmd) Run(c *console) error {
	return v.replacing(c, v.Dst, "config.json", func() error { return v.convert(c) })
}

func (v *modelConvertCmd) convert(c *console) (err error) {
	to, err := checkpoints.ParseKind(v.To)
	if err != nil {
		return misused(err)
	}
	src, err := c.modelDir(v.Src)
	if err != nil {
		return err
	}
	m, err := checkpoints.OpenModel(c.ctx, src)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	for _, line := range checkpoints.IgnoredLines(m.Ignored()) {
		c.log.Info("left out", "what", line)
	}
	for _, note := range m.Notes() {
		c.log.Warn("unusual", "what", note)
	}
	meter := newMeter(c)
	m.Progress = meter.bytes
	err = checkpoints.Convert(m, v.Dst, to)
	meter.end()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s: %d tensors of %s as %s\n", v.Dst, len(m.Tensors()), v.Src, v.To)
	return err
}
