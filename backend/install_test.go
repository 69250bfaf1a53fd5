package backend

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wheelOf writes a wheel with some members and returns its path and hash.
func wheelOf(t *testing.T, name string, members map[string][]byte) (path, sum string) {
	t.Helper()
	var text bytes.Buffer
	z := zip.NewWriter(&text)
	for member, content := range members {
		w, err := z.Create(member)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(text.Bytes())
	return path, hex.EncodeToString(hash[:])
}

// toyRelease is a release in two wheels around the fake plugin.
func toyRelease(t *testing.T) (Release, []string) {
	t.Helper()
	library, err := os.ReadFile(fakePlugin(t))
	if err != nil {
		t.Fatal(err)
	}
	a, sumA := wheelOf(t, "toy_pjrt-1.2-py3-none-any.whl", map[string][]byte{
		"toy/plugin.so": library, "toy/plugin.so.debug": []byte("left out"), "toy/__init__.py": []byte("left out"),
	})
	b, sumB := wheelOf(t, "toy_tools-3-py3-none-any.whl", map[string][]byte{"tools/bin/as": []byte("#!"), "tools/lib/x": []byte("x")})
	return Release{
		Name: CPU, Version: "1.2", Library: "toy/plugin.so", Data: "tools",
		Wheels: []Wheel{
			{Project: "toy-pjrt", Version: "1.2", SHA256: sumA, Keep: []string{"toy/plugin.so"}},
			{Project: "toy-tools", Version: "3", SHA256: sumB, Keep: []string{"tools/"}},
		},
	}, []string{b, a} // in any order
}

// tree lists the files below dir.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, relErr := filepath.Rel(dir, path)
			files = append(files, rel)
			return relErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestInstall(t *testing.T) {
	r, wheels := toyRelease(t)
	dir := t.TempDir()
	o := InstallOptions{Wheels: wheels, Log: slog.New(slog.DiscardHandler)}
	p, err := Install(t.Context(), dir, r, o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"cpu/1.2/plugin.json", "cpu/1.2/tools/bin/as", "cpu/1.2/tools/lib/x", "cpu/1.2/toy/plugin.so"}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(p.Data, "bin", "as")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("a tool cannot be executed: %v, %v", info, err)
	}
	in, err := ReadInstalled(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Plugin{p}, in.Plugins); diff != "" {
		t.Errorf("installed (-want +got):\n%s", diff)
	}
	t.Run("again", func(t *testing.T) {
		again, err := Install(t.Context(), dir, r, InstallOptions{Log: o.Log, Fetch: func(context.Context, Wheel, string) (string, error) {
			return "", errors.New("fetched what is there")
		}})
		if err != nil || !cmp.Equal(p, again) {
			t.Errorf("installing again gave %v, %v", again, err)
		}
	})
	t.Run("with libraries", func(t *testing.T) {
		more, sum := wheelOf(t, "toy_math-7-py3-none-any.whl", map[string][]byte{"tools/lib/math.so": []byte("m")})
		r := r
		r.Name, r.Libraries = CUDA, []Wheel{{Project: "toy-math", Version: "7", SHA256: sum, Keep: []string{"tools/"}}}
		dir := t.TempDir()
		for _, step := range []struct {
			devices Devices
			wheels  []string
			want    int // files
		}{
			{Devices{}, wheels, 4},                             // no device: no libraries
			{Devices{CUDA: true}, append(wheels, more), 5},     // a device since: they are added
			{Devices{}, nil, 5}, {Devices{CUDA: true}, nil, 5}, // nothing to do
		} {
			o := InstallOptions{Log: o.Log, Wheels: step.wheels}
			p, err := Install(t.Context(), dir, r.On(step.devices), o)
			if err != nil {
				t.Fatal(err)
			}
			if files := tree(t, dir); len(files) != step.want {
				t.Errorf("%+v: installed %v, want %d files", step.devices, files, step.want)
			}
			if left := p.lacks(r.On(Devices{CUDA: true})); len(left) != 5-step.want {
				t.Errorf("%+v: lacks %v", step.devices, left)
			}
		}
	})
	t.Run("repaired", func(t *testing.T) {
		if err := os.Truncate(p.Path, 100); err != nil {
			t.Fatal(err)
		}
		if err := p.Verify(); err == nil {
			t.Error("a damaged installation passes")
		}
		again, err := Install(t.Context(), dir, r, o)
		if err != nil || again.Verify() != nil {
			t.Errorf("repairing gave %v", err)
		}
	})
}

// TestInstallRefused holds that nothing is left of an installation that fails.
func TestInstallRefused(t *testing.T) {
	good, wheels := toyRelease(t)
	tests := []struct {
		name, want string
		change     func(r *Release, o *InstallOptions)
	}{
		{"hash", "sha256 is", func(r *Release, o *InstallOptions) { r.Wheels[1].SHA256 = strings.Repeat("0", 64) }},
		{"other wheel", "not a wheel of this release, want toy_pjrt-1.2-*.whl and toy_tools-3-*.whl", func(r *Release, o *InstallOptions) {
			o.Wheels = []string{"/x/toy_pjrt-1.3-py3-none-any.whl"}
		}},
		{"one of two", "no file for toy-pjrt 1.2", func(r *Release, o *InstallOptions) { o.Wheels = wheels[:1] }},
		{"no file", "no such file", func(r *Release, o *InstallOptions) {
			o.Wheels = []string{"/x/toy_pjrt-1.2-.whl", "/x/toy_tools-3-.whl"}
		}},
		{"no library", "no such file", func(r *Release, o *InstallOptions) { r.Wheels[0].Keep = nil }},
		{"not a library", "not a shared library", func(r *Release, o *InstallOptions) { r.Library = "tools/bin/as" }},
		{"fetch", "no network", func(r *Release, o *InstallOptions) {
			o.Wheels = nil
			o.Fetch = func(context.Context, Wheel, string) (string, error) { return "", errors.New("no network") }
		}},
		{"leads out", "leads out of the archive", func(r *Release, o *InstallOptions) {
			path, sum := wheelOf(t, "toy_pjrt-1.2-py3-none-any.whl", map[string][]byte{"toy/../../../x": nil})
			r.Wheels = []Wheel{{Project: "toy-pjrt", Version: "1.2", SHA256: sum, Keep: []string{"toy/"}}}
			o.Wheels = []string{path}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := good
			r.Wheels = append([]Wheel{}, good.Wheels...)
			o := InstallOptions{Wheels: wheels, Log: slog.New(slog.DiscardHandler)}
			tt.change(&r, &o)
			dir := t.TempDir()
			_, err := Install(t.Context(), dir, r, o)
			checkLine(t, err, tt.want)
			if left := tree(t, dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestPip runs a pip that is a shell script.
func TestPip(t *testing.T) {
	w := Wheel{Project: "toy-pjrt", Version: "1.2", Python: "3.11", Platform: "manylinux_2_27_x86_64"}
	tests := []struct{ name, script, want string }{
		{"fetches", `echo progress; for a; do case $last in --dest) dir=$a;; esac; last=$a; done
			case "$*" in *"--abi cp311"*"toy-pjrt==1.2") touch $dir/toy_pjrt-1.2-py3.whl;; esac`, ""},
		{"fails", "echo first >&2; echo 'ERROR: no matching distribution' >&2; exit 1", "exit status 1: ERROR: no matching distribution"},
		{"fetches nothing", "exit 0", "0 files toy_pjrt-1.2-*.whl"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var progress bytes.Buffer
			fetch := Pip([]string{"sh", "-c", tt.script, "pip"}, &progress)
			file, err := fetch(t.Context(), w, t.TempDir())
			checkLine(t, err, tt.want)
			if tt.want == "" && (!strings.HasSuffix(file, "toy_pjrt-1.2-py3.whl") || progress.String() != "progress\n") {
				t.Errorf("fetched %q, progress %q", file, progress.String())
			}
		})
	}
}

func TestReleases(t *testing.T) {
	for _, r := range Releases() {
		goarch := "amd64"
		if strings.HasSuffix(r.Wheels[0].Platform, "aarch64") {
			goarch = "arm64"
		}
		got, err := FindRelease(r.Name, r.Version, "linux", goarch)
		if err != nil || !cmp.Equal(r, got) {
			t.Errorf("FindRelease(%q, %q) on %s = %v, %v", r.Name, r.Version, goarch, got, err)
		}
		for _, w := range slices.Concat(r.Wheels, r.Libraries) {
			if len(w.SHA256) != 64 || w.Platform == "" || len(w.Keep) == 0 {
				t.Errorf("%s is not pinned: %+v", w, w)
			}
		}
		if !strings.HasPrefix(r.Version, r.Wheels[0].Version) {
			t.Errorf("release %s %s begins with a wheel of version %s", r.Name, r.Version, r.Wheels[0].Version)
		}
	}
}

// TestFindRelease is what is installed where.
func TestFindRelease(t *testing.T) {
	for _, tt := range []struct{ name, version, goos, goarch, want, fault string }{
		{TPU, "", "linux", "amd64", "0.0.52 manylinux_2_31_x86_64", ""},
		{CPU, "", "linux", "amd64", "0.11.2 manylinux_2_27_x86_64", ""},
		{CPU, "0.0.1", "linux", "amd64", "0.0.1 manylinux_2_27_x86_64", ""},
		{CPU, "", "linux", "arm64", "0.0.1 manylinux_2_27_aarch64", ""},
		{CPU, "0.11.2", "linux", "arm64", "", "is published for manylinux_2_27_x86_64, but this is linux on arm64; the Go backend works here: --backend go; so does --version 0.0.1"},
		{CPU, "", "darwin", "arm64", "", "this is darwin on arm64; the Go backend works here: --backend go"},
		{TPU, "9", "linux", "amd64", "", `unknown version "9", known are 0.0.52, 0.0.48`},
		{CPU, "9", "darwin", "arm64", "", `unknown version "9", known are 0.11.2, 0.0.1`},
		{Go, "", "linux", "amd64", "", "has no plugin to install"},
	} {
		t.Run(strings.Join([]string{tt.name, tt.version, tt.goos, tt.goarch}, " "), func(t *testing.T) {
			r, err := FindRelease(tt.name, tt.version, tt.goos, tt.goarch)
			checkLine(t, err, tt.fault)
			if err == nil && r.Version+" "+r.Wheels[0].Platform != tt.want {
				t.Errorf("found %s %s, want %s", r.Version, r.Wheels[0].Platform, tt.want)
			}
		})
	}
}

func TestRunsOn(t *testing.T) {
	for _, r := range Releases() {
		for machine, want := range map[string]bool{"linux/amd64": !strings.HasSuffix(r.Wheels[0].Platform, "aarch64"), "linux/arm64": strings.HasSuffix(r.Wheels[0].Platform, "aarch64"), "darwin/arm64": false, "darwin/amd64": false, "windows/amd64": false, "linux/riscv64": false} {
			goos, goarch, _ := strings.Cut(machine, "/")
			err := r.RunsOn(goos, goarch)
			if (err == nil) != want || err != nil && (!strings.Contains(err.Error(), "--backend go") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%s %s on %s: %v, want a fault: %t, in one line that names what runs", r.Name, r.Version, machine, err, !want)
			}
		}
	}
}
