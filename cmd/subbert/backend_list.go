package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/subbert/subbert/backend"
)

type backendListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// backendList is what `backend list --json` prints.
type backendList struct {
	Directory string           `json:"directory"` // of the plugins
	Installed []backend.Plugin `json:"installed"`
	Machine   backend.Devices  `json:"machine"` // accelerators whose drivers are installed
	Chosen    string           `json:"chosen"`  // the backend that a command would use now
	Reason    string           `json:"reason"`
}

func (v *backendListCmd) Run(c *console) error {
	installed, err := installedPlugins(c)
	if err != nil {
		return err
	}
	choice, err := backend.Choose(c.backendFlag(), c.getenv("SUBBERT_BACKEND"), installed)
	if err != nil {
		return misused(err)
	}
	list := backendList{
		Directory: installed.Dir, Installed: installed.Plugins, Machine: installed.Devices,
		Chosen: choice.Spec.String(), Reason: choice.Reason,
	}
	if list.Installed == nil {
		list.Installed = []backend.Plugin{}
	}
	if v.JSON {
		return c.printJSON(list)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BACKEND\tVERSION\tWHERE")
	fmt.Fprintln(w, "go\t-\tpart of this program")
	for _, p := range list.Installed {
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Version, p.Path)
		if lacking := installed.Incomplete(p.Path); lacking != "" {
			fmt.Fprintf(w, "\t\t%s\n", lacking)
		}
	}
	for _, r := range backend.Releases() {
		if _, ok := installed.Latest(r.Name); !ok {
			fmt.Fprintf(w, "%s\t%s\tnot installed; run: subbert backend install %s\n", r.Name, r.Version, r.Name)
			installed.Plugins = append(installed.Plugins, backend.Plugin{Name: r.Name}) // list each name once
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "\nA command would use %s (%s).\n", choice.Name, choice.Reason)
	return nil
}
