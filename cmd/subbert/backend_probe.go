package main

import "github.com/subbert/subbert/backend"

// backendProbeCmd is the child process that loads a plugin and does nothing else before; see backend.Probe.
type backendProbeCmd struct {
	Path string `arg:"" help:"Path of the plugin."`
}

func (v *backendProbeCmd) Run(c *console) error {
	return c.printJSON(backend.ProbeHere(v.Path))
}
