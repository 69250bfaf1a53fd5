package main

import (
	"context"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/extract"
)

// precisionFlag is device.precision for a verb without a config.
type precisionFlag struct {
	Precision string `enum:"float32,bfloat16" default:"float32" placeholder:"TYPE" help:"Type of activations and products: float32, or bfloat16, which is faster on devices with units for it (see subbert backend check)."`
}

func (p precisionFlag) device() configs.Device { return configs.Device{Precision: p.Precision} }

// applyFlags are the flags of verbs that apply a relation model.
type applyFlags struct {
	Batch int `default:"32" help:"Sentences of one forward pass." range:"1..65536"`
	precisionFlag
}

// options returns the options for opening the model.
func (f applyFlags) options(c *console) (extract.Options, error) {
	if f.Batch < 1 {
		return extract.Options{}, misusef("--batch %d, want at least 1", f.Batch)
	}
	return extract.Options{
		Backend: func(ctx context.Context) (*backend.Handle, error) { return c.openBackend(ctx, f.device()) },
		Model:   f.device().ModelOptions(), Rows: f.Batch, Log: c.log,
	}, nil
}
