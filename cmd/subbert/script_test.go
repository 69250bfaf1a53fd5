package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/internal/plugintest"
)

// TestMain lets the scripts call this binary as `subbert`, and those of pages as `subbert-parses`.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"subbert": main, "subbert-parses": parses})
}

// TestScript runs the command-line scripts in testdata/script, one .txtar file for each scenario. A script that trains
// guards itself with `[!long] skip`; -short makes [long] false. [cgo] says whether plugins can be loaded, [plugin] that the
// CPU plugin is installed, at $CPU_PLUGIN, and [cuda] that NVIDIA's is, below $PLUGINS.
func TestScript(t *testing.T) {
	plugin, cuda := installedPlugin("cpu"), installedPlugin("cuda")
	params := testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SUBBERT_BACKEND", os.Getenv("SUBBERT_BACKEND"))
			fixtures, err := filepath.Abs("../../checkpoints/testdata") // models that the original tools wrote
			env.Setenv("FIXTURES", fixtures)
			env.Setenv("CPU_PLUGIN", plugin)
			env.Setenv("PLUGINS", plugintest.Dir())
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Condition: func(cond string) (bool, error) {
			return cond == "long" && !testing.Short() || cond == "cgo" && pjrt.Linked || cond == "plugin" && plugin != "" || cond == "cuda" && cuda != "", nil
		},
	}
	testscript.Run(t, params)
}

// installedPlugin returns the path of the newest installed plugin of a name; empty if there is none or this binary
// cannot load it.
func installedPlugin(name string) string {
	if !pjrt.Linked {
		return ""
	}
	return plugintest.Find(name)
}

// exits is the script command `exits CODE COMMAND...`: it runs the command as exec does and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}
