package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuLogsCmd struct {
	storeFlag
	All bool `help:"Print the output of all machines, oldest first, not only of the last one."`
}

func (v *tpuLogsCmd) Run(c *console) error {
	return v.with(c, func(s *gcs.Store) error {
		logs, err := s.List(c.ctx, launch.LogsPrefix+"/")
		if err != nil {
			return err
		}
		if len(logs) == 0 {
			return fmt.Errorf("%s: no machine has printed anything yet", s)
		}
		if !v.All {
			logs = logs[len(logs)-1:]
		}
		for _, o := range logs {
			if err := printObject(c, s, o.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

func printObject(c *console, s *gcs.Store, name string) error {
	r, _, err := s.Read(c.ctx, name)
	if err != nil {
		return err
	}
	_, err = io.Copy(c.out, r)
	return errors.Join(err, r.Close())
}
