package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/subbert/subbert/backend/pjrt"
)

// TestMain lets the scripts call this very binary as `subbert`.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"subbert": main})
}

// TestScript runs the command-line scripts in testdata/script, one .txtar file a scenario. A script that
// trains guards itself with `[!long] skip`, which -short makes true; [cgo] says whether plugins can be loaded.
func TestScript(t *testing.T) {
	params := testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SUBBERT_BACKEND", os.Getenv("SUBBERT_BACKEND"))
			fixtures, err := filepath.Abs("../../checkpoints/testdata") // models that the real tools wrote
			env.Setenv("FIXTURES", fixtures)
			return err
		},
		Condition: func(cond string) (bool, error) {
			return cond == "long" && !testing.Short() || cond == "cgo" && pjrt.Linked, nil
		},
	}
	testscript.Run(t, params)
}
