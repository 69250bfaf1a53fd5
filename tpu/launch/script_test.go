package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"math"
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
	r.SelfDelete, r.MaxHours = true, 12
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	golden(t, "subbert.service", Unit(r))
	golden(t, "startup.sh", StartupScript(r))
	if n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(StartupScript(r), `"$@"`, ""), "--header @-", ""), "@"); n != 0 {
		t.Errorf("%d places of the script were not filled", n)
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

// TestStartupRuns runs the script with stand-ins for what it calls, and looks at what they were told.
func TestStartupRuns(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	const token = "ya29.a-token-nobody-may-see"
	for _, test := range []struct {
		name       string
		deadline   bool
		program    string // what the store sends
		active     string // unit that systemctl calls active
		args       []string
		fails      bool
		want, lack []string // of what was called
	}{
		{name: "boot", program: "the program", deadline: true,
			want: []string{"systemd-run --unit=subbert-deadline --on-boot=46800", "startup.sh leave", "/storage/v1/b/my-runs/o/", "systemctl start --no-block subbert.service"}},
		{name: "no bound", program: "the program", want: []string{"systemctl start"}, lack: []string{"systemd-run"}},
		{name: "boot again", program: "the program", deadline: true, active: "subbert-deadline.timer", want: []string{"systemctl start"}, lack: []string{"systemd-run"}},
		{name: "another program", program: "evil", fails: true, lack: []string{"systemctl start"}},
		{name: "deadline", args: []string{"leave"}, want: []string{"--request DELETE https://tpu.googleapis.com/v2/projects/my-project/locations/europe-west4-a/queuedResources/subbert-seed-1-94ae01cb?force=true"}},
		{name: "deadline of a machine that works", args: []string{"leave"}, active: "subbert.service", fails: true, lack: []string{"DELETE"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			at := func(name string) string { return filepath.Join(dir, name) }
			r := exampleRun()
			sum := sha256.Sum256([]byte("the program"))
			r.Binary.SHA256 = hex.EncodeToString(sum[:])
			if test.deadline {
				r.SelfDelete, r.MaxHours = true, 12
			}
			script := strings.NewReplacer("/var/lib/subbert", at("home"), "/etc/systemd/system", dir).Replace(StartupScript(r))
			note := "#!/bin/sh\necho \"$(basename \"$0\") $*\" >>" + quote(at("calls")) + "\n"
			for name, text := range map[string]string{
				"startup-script":  script,
				"bin/systemd-run": note, "bin/systemctl": note + "[ \"$1\" != is-active ] || [ \"$3\" = " + quote(test.active) + " ]\n",
				"bin/curl": note + `out=/dev/stdout
for word; do
	case $last in --output) out=$word ;; esac
	last=$word
done
case "$last" in
*/token) echo '{"access_token":"` + token + `","expires_in":3599}' ;;
*) cat >>` + quote(at("headers")) + `
	printf %s ` + quote(test.program) + ` >"$out" ;;
esac
`,
			} {
				if err := errors.Join(os.MkdirAll(filepath.Dir(at(name)), 0o755), os.WriteFile(at(name), []byte(text), 0o755)); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(bash, append([]string{at("startup-script")}, test.args...)...)
			cmd.Env = append(os.Environ(), "PATH="+at("bin")+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if (err != nil) != test.fails {
				t.Errorf("%v: %s", err, out)
			}
			calls, err := os.ReadFile(at("calls"))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(calls)+string(out), token) {
				t.Errorf("the token is on a command line or in the log:\n%s%s", calls, out)
			}
			for _, want := range test.want {
				if !strings.Contains(string(calls), want) {
					t.Errorf("called, without %q:\n%s", want, calls)
				}
			}
			for _, lack := range test.lack {
				if strings.Contains(string(calls), lack) {
					t.Errorf("called, with %q:\n%s", lack, calls)
				}
			}
			if headers, err := os.ReadFile(at("headers")); err == nil && !strings.Contains(string(headers), "Authorization: Bearer "+token) {
				t.Errorf("the store was asked with %q", headers)
			}
			if _, err := os.Stat(at("home/bin/subbert")); len(test.args) == 0 && (err == nil) == test.fails {
				t.Errorf("the program: %v", err)
			}
		})
	}
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

// TestValidate: every fault is named, with what it is and what it should be.
func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Run)
		want string // empty: it is right
	}{
		{"as it should be", func(*Run) {}, ""},
		{"the embedded backend", func(r *Run) { r.Backend = "go" }, ""},
		{"bounds", func(r *Run) { r.MaxHours, r.MaxCost, r.HourPrice, r.MaxUnattended = 1, 2, 3, 4 }, ""},
		{"another backend", func(r *Run) { r.Backend = "nonsense" }, `backend = "nonsense": want tpu or go`},
		{"no backend", func(r *Run) { r.Backend = "" }, `backend = "": want tpu or go`},
		{"negative hours", func(r *Run) { r.MaxHours = -1 }, "max hours = -1: want a number, 0 or more"},
		{"no number of hours", func(r *Run) { r.MaxHours = math.NaN() }, "max hours = NaN: want a number"},
		{"no number of money", func(r *Run) { r.MaxCost, r.HourPrice = math.NaN(), 1 }, "max cost = NaN: want a number"},
		{"all the money", func(r *Run) { r.MaxCost, r.HourPrice = math.Inf(1), 1 }, "max cost = +Inf: want a number"},
		{"no number of hours alone", func(r *Run) { r.MaxUnattended = math.NaN() }, "max unattended hours = NaN"},
		{"no price", func(r *Run) { r.HourPrice = math.NaN() }, "price of an hour = NaN"},
		{"a bound without a price", func(r *Run) { r.MaxCost = 1 }, "needs the price of an hour of v3-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := exampleRun()
			c.set(&r)
			if err := r.Validate(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
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

// TestRuntimeVersion: a type that the program knows prices of has the image of its generation.
func TestRuntimeVersion(t *testing.T) {
	for accelerator, want := range map[string]string{
		"v2-8": "tpu-ubuntu2204-base", "v3-8": "tpu-ubuntu2204-base", "v4-8": "tpu-ubuntu2204-base",
		"v5litepod-8": "v2-alpha-tpuv5-lite", "v5p-8": "v2-alpha-tpuv5", "v6e-8": "v2-alpha-tpuv6e",
	} {
		if got := RuntimeVersion(accelerator); got != want {
			t.Errorf("%s: %s, want %s", accelerator, got, want)
		}
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
	table, err := OpenPrices(file)
	if err != nil {
		t.Fatal(err)
	}
	here, there, onDemand := exampleRun(), exampleRun(), exampleRun()
	there.Zone, onDemand.Spot = "us-central1-a", false
	if a, b, c := FindPrice(table.Prices, here), FindPrice(table.Prices, there), FindPrice(table.Prices, onDemand); a != 2 || b != 3 || c != 0 {
		t.Errorf("got %g, %g, %g; want 2, 3 and not known", a, b, c)
	}
	list, err := OpenPrices("")
	if err != nil || list.AsOf == "" || list.Source == "" || list.Currency == "" {
		t.Errorf("the list prices: %v, as of %q, from %q, in %q", err, list.AsOf, list.Source, list.Currency)
	}
	if spot, onDemand := FindPrice(list.Prices, here), FindPrice(list.Prices, onDemand); spot <= 0 || spot >= onDemand {
		t.Errorf("list prices of a v3-8: spot %g, on demand %g", spot, onDemand)
	}
	for _, accelerator := range []string{"v5litepod-8", "v6e-8"} {
		r := Run{Accelerator: accelerator, Zone: "us-central1-a"}
		spot := r
		spot.Spot = true
		if hour, cheap := FindPrice(list.Prices, r), FindPrice(list.Prices, spot); cheap <= 0 || cheap >= hour {
			t.Errorf("list prices of a %s: spot %g, on demand %g", accelerator, cheap, hour)
		}
	}
	seen := map[Price]bool{}
	for _, p := range list.Prices {
		if p.Hour = 0; seen[p] || p.Zone == "" || !zoneForm.MatchString(p.Zone) {
			t.Errorf("list prices: %+v is there twice, or without a zone", p)
		}
		seen[p] = true
	}
	for _, bad := range []string{"[[price]]\naccelerator='v3-8'\nhuor=3\n", "[[price]]\nhour=3\n", "x"} {
		write(bad)
		if _, err := OpenPrices(file); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
