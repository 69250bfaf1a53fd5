package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/internal/gapi"
	"github.com/subbert/subbert/tpu/launch"
)

// exitTakenAway says that the machine is about to be taken away: the state is saved and another machine continues.
const exitTakenAway = 75

// tpuCmd holds the verbs of runs on Cloud TPU.
type tpuCmd struct {
	Run     tpuRunCmd     `cmd:"" help:"Run a config on a Cloud TPU to its end, and replace machines that are taken away."`
	Status  tpuStatusCmd  `cmd:"" help:"Print the status of a run."`
	Logs    tpuLogsCmd    `cmd:"" help:"Print the output of a run's machines."`
	SSH     tpuSSHCmd     `cmd:"" name:"ssh" help:"Run a command on the machine of a run."`
	Stop    tpuStopCmd    `cmd:"" help:"Let a run save, and delete its machine."`
	Rm      tpuRmCmd      `cmd:"" help:"Delete the machine of a run and, with --data, its store."`
	GC      tpuGCCmd      `cmd:"" name:"gc" help:"Find and delete machines that runs have left behind."`
	Doctor  tpuDoctorCmd  `cmd:"" help:"Check credentials, roles, bucket and accelerator before a run."`
	Machine tpuMachineCmd `cmd:"" hidden:"" help:"The machine's side of a run; the start-up script calls it."`
}

// storeFlag is the flag by which the verbs name a run.
type storeFlag struct {
	Store string `required:"" help:"Address of everything that the run stores: gs://BUCKET/PREFIX." placeholder:"GS"`
}

func (f storeFlag) open(c *console) (*gcs.Store, error) {
	if _, _, err := gcs.Split(f.Store); err != nil {
		return nil, misusef("--store: %w", err)
	}
	return c.openStore(c.ctx, f.Store)
}

// openStore opens the store at a gs:// address. STORAGE_EMULATOR_HOST replaces Google's server, and takes no
// credentials.
func (c *console) openStore(ctx context.Context, at string) (*gcs.Store, error) {
	var o gapi.Options
	if host := c.getenv("STORAGE_EMULATOR_HOST"); host != "" {
		o = gapi.Options{Endpoint: host, Anonymous: true}
		if !strings.Contains(host, "://") {
			o.Endpoint = "http://" + host
		}
	}
	return gcs.Open(ctx, at, o)
}

// with opens the store, calls do with it and closes it.
func (f storeFlag) with(c *console, do func(*gcs.Store) error) error {
	s, err := f.open(c)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// withCloud is with for verbs that act on the machine of the run in the store.
func (f storeFlag) withCloud(c *console, do func(*gcs.Store, launch.Run, *launch.Cloud) error) error {
	return f.with(c, func(s *gcs.Store) error {
		r, err := launch.ReadRun(c.ctx, s)
		if err != nil {
			return err
		}
		cloud, err := openCloud(c, r.Project, r.Zone)
		if err != nil {
			return err
		}
		return do(s, r, cloud)
	})
}

// openCloud opens the TPU API of a zone. SUBBERT_TPU_API replaces Google's endpoint, and takes no credentials.
func openCloud(c *console, project, zone string) (*launch.Cloud, error) {
	at := c.getenv("SUBBERT_TPU_API")
	return launch.OpenCloud(c.ctx, project, zone, gapi.Options{Endpoint: at, Anonymous: at != ""})
}

// holder returns the name of this process among those that may act for a run.
func holder() (string, error) {
	host, err := os.Hostname()
	return fmt.Sprintf("%s/%d", host, os.Getpid()), err
}
