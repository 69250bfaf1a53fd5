package main

import (
	"fmt"
	"net"
	"os"

	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/internal/visible"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuSSHCmd struct {
	storeFlag
	Identity string   `required:"" help:"Private key whose public half the run was given by --ssh-key." type:"existingfile" placeholder:"FILE"`
	Port     string   `default:"22" hidden:"" help:"Of the machine's SSH server."`
	Command  []string `arg:"" passthrough:"" help:"Command and arguments, such as journalctl -u subbert."`
}

func (v *tpuSSHCmd) Help() string {
	return "Connects only if the machine's key is one that it wrote into its guest attributes, which the API hands out."
}

func (v *tpuSSHCmd) Run(c *console) error {
	identity, err := os.ReadFile(v.Identity)
	if err != nil {
		return err
	}
	return v.with(c, func(s *gcs.Store) error {
		r, err := launch.ReadRun(c.ctx, s)
		if err != nil {
			return err
		}
		cloud, err := openCloud(c, r.Project, r.Zone)
		if err != nil {
			return err
		}
		_, nodes, err := cloud.Inventory(c.ctx, r.ID)
		if err != nil {
			return err
		}
		if len(nodes) == 0 || nodes[0].Address == "" {
			return fmt.Errorf("%s has no machine now; subbert tpu status says why", r.ID)
		}
		keys, err := cloud.HostKeys(c.ctx, nodes[0].Name)
		if err != nil {
			return err
		}
		shell := launch.Shell{Address: net.JoinHostPort(nodes[0].Address, v.Port), Identity: identity, HostKeys: keys}
		return shell.Run(c.ctx, v.Command, c.in, visible.Raw(c.out), visible.Raw(c.err)) // unescaped, because the output may be anything
	})
}
