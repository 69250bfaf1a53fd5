package main

import (
	"context"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/extract"
)

// precisionFlag is device.precision for a verb without a config.
type precisionFlag struct {
	Precision string `enum:"float32,bfloat16" default:"float32" placeholder:"TYPE" help:"Of activations and products: float32, or bfloat16, which is faster on devices with units for it (see subbert backend check)."`
}

func (p precisionFlag) device() configs.Device { return configs.Device{Precision: p.Precision} }

// extraction returns the options for applying a model to rows rows at a time.
func (p precisionFlag) extraction(c *console, rows int) extract.Options {
	return extract.Options{
		Backend: func(ctx context.Context) (*backend.Handle, error) { return c.openBackend(ctx, p.device()) },
		Model:   p.device().ModelOptions(), Rows: rows, Log: c.log,
	}
}

// warnOfPrecision warns if bfloat16 is asked for and is slower than float32.
func (c *console) warnOfPrecision(name string, device configs.Device) {
	if device.Precision != "bfloat16" {
		return
	}
	switch units := backend.ProcessorBFloat16(); {
	case name == backend.Go:
		c.log.Warn("bfloat16 is slower than float32 on the Go backend, which has no products of it")
	case name == backend.CPU && units.Slow():
		c.log.Warn(units.String())
	}
}
