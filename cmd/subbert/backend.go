package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/backend/largepages"
	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/runs"
)

// backendCmd holds the verbs about backends.
type backendCmd struct {
	List    backendListCmd    `cmd:"" help:"List the plugins that are installed or can be, and the backend that a command would use."`
	Install backendInstallCmd `cmd:"" help:"Install the plugin for cpu, cuda or tpu."`
	Check   backendCheckCmd   `cmd:"" help:"Load a backend and check a product whose result is known."`
	Probe   backendProbeCmd   `cmd:"" hidden:"" help:"Load a plugin into this process and describe it."`
	Trial   backendTrialCmd   `cmd:"" hidden:"" help:"Check a backend in this process."`
	Compile backendCompileCmd `cmd:"" hidden:"" help:"Compile ahead of time in this process."`
}

// openBackend opens the backend that --backend, SUBBERT_BACKEND or the installed plugins select, with the settings of
// device, and logs which and why.
func (c *console) openBackend(ctx context.Context, device configs.Device) (*backend.Handle, error) {
	installed, choice, err := c.chooseBackend(c.backendFlag())
	if err != nil {
		return nil, err
	}
	layer, err := layerOptions(c)
	if err != nil {
		return nil, err
	}
	if layer.Create, err = runs.PluginOptions(choice, device); err != nil {
		return nil, err
	}
	if err := findTools(c, installed, choice.Plugin); err != nil {
		return nil, err
	}
	largepages.Serve() // for XLA:CPU's arrays; other programs that import the packages keep glibc's memory
	layer.AfterClose = largepages.Release
	options := backend.Options{Log: c.log, Probe: selfCommand("backend", "probe"), Layer: layer}
	h, err := backend.Open(ctx, choice, options)
	if err != nil {
		return nil, misused(withIncomplete(err, installed, choice))
	}
	if slow := backend.SlowBFloat16(choice.Name); device.Precision == "bfloat16" && slow != "" {
		c.log.Warn(slow)
	}
	c.log.Info("backend", "name", choice.Name, "devices", h.Devices, "why", choice.Reason, "what", h.Description)
	return h, nil
}

// chooseBackend chooses among the installed plugins by flag, or by SUBBERT_BACKEND if flag is empty.
func (c *console) chooseBackend(flag string) (backend.Installed, backend.Choice, error) {
	installed, err := installedPlugins(c)
	if err != nil {
		return installed, backend.Choice{}, err
	}
	choice, err := backend.Choose(flag, c.getenv("SUBBERT_BACKEND"), installed)
	return installed, choice, misused(err)
}

// withIncomplete adds what a plugin lacks to the error of its failure.
func withIncomplete(err error, installed backend.Installed, choice backend.Choice) error {
	if lacking := installed.Incomplete(choice.Plugin); lacking != "" {
		return fmt.Errorf("%w (%s)", err, lacking)
	}
	return err
}

// findTools tells XLA the directory of ptxas and libdevice, which are installed beside the CUDA plugin. The plugin
// reads its settings from the environment, once.
func findTools(c *console, installed backend.Installed, plugin string) error {
	p, ok := installed.At(plugin)
	if !ok {
		return nil
	}
	flags := c.getenv("XLA_FLAGS")
	if more := p.ToolFlags(flags); more != "" {
		return os.Setenv("XLA_FLAGS", strings.TrimSpace(flags+" "+more))
	}
	return nil
}

// layerOptions reads SUBBERT_LAYER, which selects the active parts of the layer between GoMLX and a plugin, for finding
// faults in it.
func layerOptions(c *console) (pjrt.Options, error) {
	dir, err := cacheDir()
	if err != nil {
		c.log.Warn("executables are not cached", "error", err)
	} else {
		dir = filepath.Join(dir, "executables")
	}
	o, err := pjrt.ParseParts(cmp.Or(c.getenv("SUBBERT_LAYER"), pjrt.DefaultParts), dir)
	if err != nil {
		return o, misusef("SUBBERT_LAYER: %w", err)
	}
	o.CacheSalt = pjrt.EnvironmentSalt(c.getenv)
	return o, nil
}

// backendFlag returns --backend. The parser puts SUBBERT_BACKEND in the same field, so backendFlag returns "" if they
// are equal.
func (c *console) backendFlag() string {
	if c.backend == c.getenv("SUBBERT_BACKEND") {
		return ""
	}
	return c.backend
}

// installedPlugins lists the plugins that `subbert backend install` has installed, and those beside this program.
func installedPlugins(c *console) (backend.Installed, error) {
	dir, err := pluginsDir()
	if err != nil {
		return backend.Installed{Dir: "(" + err.Error() + ")"}, nil
	}
	installed, err := backend.ReadInstalled(dir)
	if executable, failed := os.Executable(); err == nil && failed == nil {
		installed.AddEnvironment(executable)
	}
	return installed, err
}

// pluginsDir returns the directory of installed plugins.
func pluginsDir() (string, error) {
	dir, err := cacheDir()
	return filepath.Join(dir, "plugins"), err
}

// blocksDir returns the directory, inside that of cacheDir, for blocks of shards from a store.
func blocksDir(cache string) string { return filepath.Join(cache, "blocks") }

// cacheDir returns the directory for everything that the program can make again: plugins, compiled executables, blocks.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "subbert"), nil
}

// selfCommand returns the command line of this program with other arguments.
func selfCommand(args ...string) []string {
	self := os.Args[0]
	if found, err := exec.LookPath(self); err == nil {
		self = found
	} else if found, err := os.Executable(); err == nil {
		self = found
	}
	return append([]string{self}, args...)
}
