package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts call this very binary as `subbert`.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"subbert": main})
}

// TestScript runs the command-line scripts in testdata/script, one .txtar file a scenario. A script that
// trains guards itself with `[!long] skip`, which -short makes true.
func TestScript(t *testing.T) {
	params := testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SUBBERT_BACKEND", os.Getenv("SUBBERT_BACKEND"))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			return cond == "long" && !testing.Short(), nil
		},
	}
	testscript.Run(t, params)
}
