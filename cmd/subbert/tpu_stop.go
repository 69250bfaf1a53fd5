package main

import (
	"fmt"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuStopCmd struct {
	storeFlag
}

func (v *tpuStopCmd) Help() string {
	return "The machine saves. The subbert tpu run of the store then deletes it; if none is running, use subbert tpu rm. Another subbert tpu run continues the run."
}

func (v *tpuStopCmd) Run(c *console) error {
	return v.with(c, func(s *gcs.Store) error { return launch.Stop(c.ctx, s, "asked to stop") })
}

type tpuRmCmd struct {
	storeFlag
	Data   bool `help:"Also delete everything in the store: checkpoints, logs, the finished model."`
	DryRun bool `help:"Print what would be deleted, and delete nothing."`
}

func (v *tpuRmCmd) Run(c *console) error {
	return v.withCloud(c, func(s *gcs.Store, r launch.Run, cloud *launch.Cloud) error {
		queued, nodes, err := cloud.Inventory(c.ctx, r.ID)
		if err != nil {
			return err
		}
		printInventory(c, queued, nodes)
		if v.DryRun {
			return v.data(c, s)
		}
		if err := launch.Stop(c.ctx, s, "removed"); err != nil {
			return err
		}
		if err := cloud.Clear(c.ctx, queued, nodes); err != nil {
			return err
		}
		return v.data(c, s)
	})
}

// data removes the objects in the store, or lists them in a dry run.
func (v *tpuRmCmd) data(c *console, s *gcs.Store) error {
	if !v.Data {
		return nil
	}
	objects, err := s.List(c.ctx, "")
	if err != nil {
		return err
	}
	bytes := int64(0)
	for _, o := range objects {
		bytes += o.Size
	}
	fmt.Fprintf(c.out, "%s: %d objects, %s bytes\n", s, len(objects), readable.Count(float64(bytes)))
	if v.DryRun {
		return nil
	}
	return bucket.DeleteAll(c.ctx, s, "", nil)
}
