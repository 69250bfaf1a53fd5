package main

import (
	"io"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuStatusCmd struct {
	storeFlag
	JSON bool `name:"json" help:"Print everything as JSON."`
}

func (v *tpuStatusCmd) Run(c *console) error {
	return v.with(c, func(s *gcs.Store) error {
		state, err := launch.ReadState(c.ctx, s)
		if err != nil {
			return err
		}
		return c.show(v.JSON, state, func(w io.Writer) error { return printRows(w, state.Rows(time.Now())) })
	})
}
