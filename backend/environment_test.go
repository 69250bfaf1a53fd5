package backend

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddEnvironment(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	write := func(name string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("elf"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	packages := at("venv", "lib", "python3.12", "site-packages")
	cpu, tpu := filepath.Join(packages, "lammps_jax_pjrt_cpu", "pjrt_c_api_cpu_plugin.so"), filepath.Join(packages, "libtpu", "libtpu.so")
	write(cpu)
	write(tpu)
	write(filepath.Join(packages, "lammps_jax_pjrt_cpu-0.11.2.dist-info", "METADATA"))
	write(filepath.Join(packages, "libtpu-0.0.60.dist-info", "METADATA"))
	write(at("venv", "bin", "subbert"))
	write(at("alone", "bin", "subbert"))
	if err := os.Symlink(at("venv", "bin", "subbert"), at("alone", "bin", "linked")); err != nil {
		t.Fatal(err)
	}
	own := Plugin{Name: CPU, Version: "0.0.1", Path: "/plugins/own.so"}
	beside := []Plugin{{Name: CPU, Version: "0.11.2", Path: cpu, Size: 3}, {Name: TPU, Version: "0.0.60", Path: tpu, Size: 3}, own}
	for _, test := range []struct {
		name, executable string
		want             []Plugin
	}{
		{"the program of an environment", at("venv", "bin", "subbert"), beside},
		{"a link to it", at("alone", "bin", "linked"), beside},
		{"a program elsewhere", at("alone", "bin", "subbert"), []Plugin{own}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := Installed{Plugins: []Plugin{own}}
			in.AddEnvironment(test.executable)
			if diff := cmp.Diff(test.want, in.Plugins); diff != "" {
				t.Errorf("plugins (-want +got):\n%s", diff)
			}
			for _, p := range in.Plugins {
				if why := in.Incomplete(p.Path); why != "" {
					t.Errorf("%s is called incomplete: %s", p.Path, why)
				}
			}
		})
	}
}
