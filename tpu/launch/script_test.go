package launch

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s, want then got (-update rewrites it):\n%s", file, diff)
	}
}

func TestStartup(t *testing.T) {
	r := exampleRun()
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	golden(t, "subbert.service", Unit(r))
	golden(t, "startup.sh", StartupScript(r))
	if strings.Contains(StartupScript(r), "@") && strings.Count(StartupScript(r), "@") != strings.Count(startupText, "--header @-") {
		t.Error("a place of the script was not filled")
	}
	t.Run("bash accepts it", func(t *testing.T) {
		bash, err := exec.LookPath("bash")
		if err != nil {
			t.Skip("no bash here")
		}
		if out, err := exec.Command(bash, "-n", "testdata/startup.sh").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("shellcheck", func(t *testing.T) {
		shellcheck, err := exec.LookPath("shellcheck")
		if err != nil {
			t.Skip("no shellcheck here")
		}
		if out, err := exec.Command(shellcheck, "testdata/startup.sh").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// TestNothingUnquoted: what a user could give that a shell, systemd or a label would understand otherwise is refused.
func TestNothingUnquoted(t *testing.T) {
	for _, evil := range []string{"$(reboot)", "a b", "x;y", "x\ny", "`id`", "%n", "a'b", `a"b`, "-x", "ü"} {
		for name, set := range map[string]func(*Run){
			"store":       func(r *Run) { r.Store = "gs://my-runs/" + evil; r.ID = ID(r.Store) },
			"project":     func(r *Run) { r.Project = evil },
			"zone":        func(r *Run) { r.Zone = evil },
			"accelerator": func(r *Run) { r.Accelerator = evil },
			"runtime":     func(r *Run) { r.Runtime = evil },
			"network":     func(r *Run) { r.Network = evil },
			"account":     func(r *Run) { r.ServiceAccount = evil },
			"sum":         func(r *Run) { r.Binary.SHA256 = evil },
			"id":          func(r *Run) { r.ID = evil },
		} {
			r := exampleRun()
			set(&r)
			if err := r.Validate(); err == nil {
				t.Errorf("%s %q was accepted", name, evil)
			}
		}
	}
}

func TestID(t *testing.T) {
	for store, want := range map[string]string{
		"gs://my-runs/ppi/seed-1":                   "seed-1-",
		"gs://my-runs/PPI_Run.7":                    "ppi-run-7-",
		"gs://my-runs/" + strings.Repeat("ab-", 40): strings.Repeat("ab-", 10),
	} {
		id := ID(store)
		if !strings.HasPrefix(id, want) || len("subbert-"+id) > 63 || strings.ToLower(id) != id {
			t.Errorf("%s: got %s, want %s and a checksum", store, id, want)
		}
	}
	if ID("gs://a/x") == ID("gs://b/x") || ID("gs://a/x") != ID("gs://a/x/") {
		t.Error("one store, one identity")
	}
}

func TestPrices(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prices.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("[[price]]\naccelerator = 'v3-8'\nspot = true\nhour = 3\n[[price]]\naccelerator = 'v3-8'\nzone = 'europe-west4-a'\nspot = true\nhour = 2\n")
	table, err := ReadPrices(file)
	if err != nil {
		t.Fatal(err)
	}
	here, there, onDemand := exampleRun(), exampleRun(), exampleRun()
	there.Zone, onDemand.Spot = "us-central1-a", false
	if a, b, c := FindPrice(table, here), FindPrice(table, there), FindPrice(table, onDemand); a != 2 || b != 3 || c != 0 {
		t.Errorf("got %g, %g, %g; want 2, 3 and not known", a, b, c)
	}
	for _, bad := range []string{"[[price]]\naccelerator='v3-8'\nhuor=3\n", "[[price]]\nhour=3\n", "x"} {
		write(bad)
		if _, err := ReadPrices(file); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
