package main

import (
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/internal/ctxio"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuSSHCmd struct {
	storeFlag
	Identity string   `required:"" help:"Private key whose public key was the --ssh-key of the run." type:"existingfile" placeholder:"FILE"`
	Port     string   `default:"22" hidden:"" help:"Port of the machine's SSH server."`
	Command  []string `arg:"" passthrough:"" help:"Command and arguments, such as journalctl -u subbert."`
}

func (v *tpuSSHCmd) Help() string {
	return "Connects only if the machine's host key is among its guest attributes, which the API returns."
}

func (v *tpuSSHCmd) Run(c *console) error {
	identity, err := ctxio.ReadFile(c.ctx, v.Identity)
	if err != nil {
		return err
	}
	return v.withCloud(c, func(_ *gcs.Store, r launch.Run, cloud *launch.Cloud) error {
		shell, err := cloud.Shell(c.ctx, r, v.Port, identity)
		if err != nil {
			return err
		}
		return shell.Run(c.ctx, v.Command, c.in, raw(c.out), raw(c.err)) // unescaped, because the output may be anything
	})
}
