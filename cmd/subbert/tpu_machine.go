package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"cloud.google.com/go/compute/metadata"

	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuMachineCmd struct {
	storeFlag
	Dir   string        `required:"" help:"Directory of the run on this machine." type:"path"`
	Beat  time.Duration `default:"15s" help:"Time between heartbeats." range:"10ms..1h"`
	TTL   time.Duration `name:"ttl" default:"90s" help:"How long the successor of a vanished machine waits." range:"10ms..24h"`
	Grace time.Duration `default:"25s" help:"Time that the trainer gets to save; a preemption leaves 30 seconds in all." range:"1s..1h"`
	Keep  int           `default:"2" help:"Number of checkpoints in the store." range:"1..1e6"`
}

// errTakenAway ends a machine's turn with its own exit code.
var errTakenAway = errors.New("taken away")

func (v *tpuMachineCmd) Run(c *console) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	server := metadata.NewWithOptions(&metadata.Options{Logger: nil})
	return v.with(c, func(s *gcs.Store) error {
		host, err := os.Hostname()
		if err != nil {
			return err
		}
		if id, err := server.InstanceIDWithContext(c.ctx); err == nil {
			host += "/" + id
		}
		m := &launch.Machine{
			Store: s, Dir: v.Dir, Holder: host, Log: c.log, Beat: v.Beat, TTL: v.TTL, Grace: v.Grace, Keep: v.Keep,
			Program: func(args ...string) *exec.Cmd {
				cmd := exec.Command(self, args...)
				cmd.Args[0] = "subbert"
				return cmd
			},
			Delete: func(ctx context.Context, r launch.Run, since time.Time) error {
				cloud, err := openCloud(c, r.Project, r.Zone)
				if err != nil {
					return err
				}
				return cloud.Leave(ctx, r, since)
			},
			Leaving: func(ctx context.Context) (string, error) { return launch.Leaving(ctx, server) },
		}
		if c.quiet {
			m.Prefix = []string{"--quiet"}
		}
		err = m.Work(c.ctx)
		if errors.Is(err, launch.ErrTakenAway) || errors.Is(err, context.Canceled) {
			return fmt.Errorf("%w: %w", errTakenAway, err)
		}
		return err
	})
}
