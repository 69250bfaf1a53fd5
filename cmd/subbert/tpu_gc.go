package main

import (
	"fmt"

	"github.com/subbert/subbert/tpu/launch"
)

type tpuGCCmd struct {
	Project string `required:"" help:"Google Cloud project." env:"GOOGLE_CLOUD_PROJECT" placeholder:"ID"`
	Zone    string `required:"" help:"Zone to search." placeholder:"Z"`
	Run_    string `name:"run" help:"Only machines of this run." placeholder:"ID"`
	DryRun  bool   `help:"List what would be deleted, and delete nothing."`
	JSON    bool   `name:"json" help:"Print the list as JSON."`
}

func (v *tpuGCCmd) Help() string {
	return "Deletes everything in the zone that has this program's label, including machines of runs in progress. Use --dry-run first."
}

func (v *tpuGCCmd) Run(c *console) error {
	cloud, err := openCloud(c, v.Project, v.Zone)
	if err != nil {
		return err
	}
	queued, nodes, err := cloud.Inventory(c.ctx, v.Run_)
	if err != nil {
		return err
	}
	if v.JSON {
		err = c.printJSON(map[string]any{"queued_resources": queued, "nodes": nodes})
	} else {
		printInventory(c, queued, nodes)
	}
	if v.DryRun || err != nil {
		return err
	}
	return cloud.Clear(c.ctx, queued, nodes)
}

// printInventory lists the resources in the cloud.
func printInventory(c *console, queued []launch.Queued, nodes []launch.Node) {
	if len(queued)+len(nodes) == 0 {
		fmt.Fprintln(c.out, "no machine is left")
	}
	for _, q := range queued {
		fmt.Fprintf(c.out, "queued resource %s of run %s: %s\n", q.Name, q.Run, q.State)
	}
	for _, n := range nodes {
		fmt.Fprintf(c.out, "node %s of run %s: %s\n", n.Name, n.Run, n.State)
	}
}
