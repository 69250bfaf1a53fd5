package backend

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSpec(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want Spec
		err  string // part of the message; empty: no error
	}{
		{"go", "go", Spec{Name: Go}, ""},
		{"one device", "cpu", Spec{Name: CPU}, ""},
		{"eight devices", "cpu:8", Spec{Name: CPU, Devices: 8}, ""},
		{"path", "tpu=/x/y.so", Spec{Name: TPU, Plugin: "/x/y.so"}, ""},
		{"devices and path", "cpu:4=p.so", Spec{Name: CPU, Devices: 4, Plugin: "p.so"}, ""},
		{"path with = and :", "cuda=/a=b:c.so", Spec{Name: CUDA, Plugin: "/a=b:c.so"}, ""},
		{"unknown", "gpu", Spec{}, `unknown name "gpu", known are go, cpu, cuda, tpu`},
		{"upper case", "CPU", Spec{}, `unknown name "CPU"`},
		{"empty", "", Spec{}, `unknown name ""`},
		{"xla", "xla:cpu", Spec{}, `unknown name "xla"`},
		{"go with devices", "go:8", Spec{}, "only cpu takes a number of devices"},
		{"go with path", "go=/x.so", Spec{}, "takes no plugin"},
		{"no path", "cpu=", Spec{}, "no path after ="},
		{"no devices", "cpu:", Spec{}, `number of devices is ""`},
		{"zero devices", "cpu:0", Spec{}, `number of devices is "0", want 1 to 1024`},
		{"words", "cpu:eight", Spec{}, `number of devices is "eight"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseSpec(tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("ParseSpec(%q) error is %v, want one with %q", tt.in, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseSpec(%q) (-want +got):\n%s", tt.in, diff)
			}
			if got.String() != tt.in {
				t.Errorf("String() = %q, want %q", got.String(), tt.in)
			}
		})
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"go", "cpu:8=/p.so", "cuda=", "tpu:1", "cpu::8", "=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		spec, err := ParseSpec(s)
		if err != nil {
			return
		}
		again, err := ParseSpec(spec.String())
		if err != nil || again != spec {
			t.Errorf("ParseSpec(%q) = %+v, whose text parses to %+v, %v", s, spec, again, err)
		}
	})
}

func TestChoose(t *testing.T) {
	cpu := Plugin{Name: CPU, Version: "0.0.1", Path: "/p/cpu/0.0.1/cpu.so"}
	cuda := Plugin{Name: CUDA, Version: "0.12.0.1", Path: "/p/cuda/0.12.0.1/cuda.so"}
	tpu := Plugin{Name: TPU, Version: "0.0.52", Path: "/p/tpu/0.0.52/tpu.so"}
	all := []Plugin{cpu, cuda, tpu}
	tests := []struct {
		name      string
		flag, env string
		installed Installed
		spec      string // of the choice, when plugins can be loaded
		reason    string
		pure      bool // the same without cgo
	}{
		{"nothing", "", "", Installed{}, "go", "the embedded Go backend, because no plugin is installed", false},
		{"flag before environment", "go", "cpu", Installed{Plugins: all}, "go", "--backend", true},
		{"environment before plugin", "", "go", Installed{Plugins: all}, "go", "SUBBERT_BACKEND", true},
		{"installed", "", "", Installed{Plugins: []Plugin{cpu}}, "cpu=/p/cpu/0.0.1/cpu.so",
			"installed plugin cpu 0.0.1 in /p/cpu/0.0.1", false},
		{"accelerator without its device", "", "", Installed{Plugins: all}, "cpu=/p/cpu/0.0.1/cpu.so",
			"installed plugin cpu 0.0.1 in /p/cpu/0.0.1", false},
		{"accelerator with its device", "", "", Installed{Plugins: all, Devices: Devices{CUDA: true}},
			"cuda=/p/cuda/0.12.0.1/cuda.so", "installed plugin cuda 0.12.0.1 in /p/cuda/0.12.0.1", false},
		{"only for planning", "", "", Installed{Plugins: []Plugin{tpu}}, "go",
			"the embedded Go backend, because this machine lacks the devices of the installed plugins", false},
		{"asked for", "tpu", "", Installed{Plugins: all}, "tpu=/p/tpu/0.0.52/tpu.so",
			"--backend, installed plugin tpu 0.0.52 in /p/tpu/0.0.52", false},
		{"devices kept", "", "cpu:8", Installed{Plugins: all}, "cpu:8=/p/cpu/0.0.1/cpu.so",
			"SUBBERT_BACKEND, installed plugin cpu 0.0.1 in /p/cpu/0.0.1", false},
		{"by path", "cpu=/x.so", "", Installed{Plugins: all}, "cpu=/x.so", "--backend", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !linked && !tt.pure {
				t.Skip("this test binary was built without cgo")
			}
			got, err := Choose(tt.flag, tt.env, tt.installed)
			if err != nil {
				t.Fatal(err)
			}
			if got.Spec.String() != tt.spec || got.Reason != tt.reason {
				t.Errorf("Choose = %s because %q, want %s because %q", got.Spec, got.Reason, tt.spec, tt.reason)
			}
		})
	}
}

func TestChooseNotInstalled(t *testing.T) {
	_, err := Choose("tpu", "", Installed{Dir: "/p"})
	if !linked {
		if err == nil || !strings.Contains(err.Error(), "built without cgo") {
			t.Errorf("error is %v, want one that says that there is no cgo", err)
		}
		return
	}
	var missing *NotInstalledError
	if !errors.As(err, &missing) || missing.Hint() != "subbert backend install tpu" {
		t.Errorf("error is %v, want a *NotInstalledError that names the remedy", err)
	}
}

func TestReadInstalled(t *testing.T) {
	dir := t.TempDir()
	write := func(name, version, text string) {
		t.Helper()
		d := filepath.Join(dir, name, version)
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d, manifestName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("tpu", "0.0.6", `{"name":"tpu","version":"0.0.6","path":"lib/tpu.so"}`)
	write("tpu", "0.0.52", `{"name":"tpu","version":"0.0.52","path":"lib/tpu.so"}`)
	write("cpu", ".new-123", `half written`)
	in, err := ReadInstalled(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []Plugin{
		{Name: "tpu", Version: "0.0.52", Path: filepath.Join(dir, "tpu/0.0.52/lib/tpu.so")},
		{Name: "tpu", Version: "0.0.6", Path: filepath.Join(dir, "tpu/0.0.6/lib/tpu.so")},
	}
	if diff := cmp.Diff(want, in.Plugins); diff != "" {
		t.Errorf("plugins (-want +got):\n%s", diff)
	}
	write("cpu", "1", `{"name":"cpu","path":"/etc/x.so"}`)
	if _, err := ReadInstalled(dir); err == nil || !strings.Contains(err.Error(), "relative to the manifest") {
		t.Errorf("an absolute path in a manifest gave %v", err)
	}
	if in, err := ReadInstalled(filepath.Join(dir, "none")); err != nil || len(in.Plugins) != 0 {
		t.Errorf("a directory that does not exist gave %v, %v", in, err)
	}
}

// TestMissing: each plugin that is not installed is listed once.
func TestMissing(t *testing.T) {
	var names []string
	for _, r := range (Installed{Plugins: []Plugin{{Name: CUDA}}}).Missing() {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{CPU, TPU}) {
		t.Errorf("missing: %q, want cpu and tpu", names)
	}
}
