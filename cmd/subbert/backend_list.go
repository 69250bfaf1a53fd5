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
	installed, choice, err := c.chooseBackend(c.backendFlag())
	if err != nil {
		return err
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
	for _, r := range installed.Missing() {
		fmt.Fprintf(w, "%s\t%s\tnot installed; run: subbert backend install %s\n", r.Name, r.Version, r.Name)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "\nA command would use %s (%s).\n", choice.Name, choice.Reason)
	return nil
}
