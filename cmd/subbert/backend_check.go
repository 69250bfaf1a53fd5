package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/plan"
)

type backendCheckCmd struct {
	Name string `arg:"" optional:"" help:"Backend to check, as for --backend (default: the one that a command would use)."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (v *backendCheckCmd) Help() string {
	return "Loads the plugin in a child process, prints its version and devices, and multiplies two matrices whose product is known on every device."
}

func (v *backendCheckCmd) Run(c *console) error {
	installed, choice, err := c.chooseBackend(cmp.Or(v.Name, c.backendFlag()))
	if err != nil {
		return err
	}
	r, err := v.check(c, installed, choice)
	if err != nil {
		return misused(withIncomplete(err, installed, choice))
	}
	if v.JSON {
		if err := c.printJSON(r); err != nil {
			return err
		}
	}
	if r.Error != "" {
		return misused(withIncomplete(errors.New(r.Error), installed, choice))
	}
	if v.JSON {
		return nil
	}
	fmt.Fprintf(c.out, "%s: %s\n", choice.Spec, r.Description)
	for i, d := range r.Devices {
		fmt.Fprintf(c.out, "device %d: %s: 64x64 product is exact\n", i, d)
	}
	if r.BFloat16 != "" {
		fmt.Fprintf(c.out, "bfloat16: %s\n", r.BFloat16)
	}
	return nil
}

// check runs the checks that are possible on this machine: without the device, only those of its compiler.
func (v *backendCheckCmd) check(c *console, installed backend.Installed, choice backend.Choice) (backend.Report, error) {
	stands, ok := map[string]string{backend.TPU: "v3-8", backend.CUDA: "h200"}[choice.Name]
	switch {
	case !choice.Absent:
		if err := findTools(c, installed, choice.Plugin); err != nil {
			return backend.Report{}, err
		}
		return backend.Check(c.ctx, selfCommand("backend", "trial"), choice)
	case ok:
		device, err := plan.FindDevice(stands)
		if err != nil {
			return backend.Report{}, err
		}
		return backend.CheckAhead(c.ctx, selfCommand("backend", "compile"), choice, c.ahead(installed, choice.Plugin, device))
	}
	return backend.Report{}, &backend.AbsentError{Name: choice.Name}
}

// backendTrialCmd is the child process of backendCheckCmd; see backend.Check.
type backendTrialCmd struct {
	Spec string `arg:"" help:"Backend to open, as for --backend."`
}

func (v *backendTrialCmd) Run(c *console) error {
	spec, err := backend.ParseSpec(v.Spec)
	if err != nil {
		return misused(err)
	}
	return c.printJSON(backend.CheckHere(c.ctx, spec))
}
