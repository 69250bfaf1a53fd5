package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/subbert/subbert/backend"
)

// TestExtras checks that an extra asks for the packages that backend install fetches on the same machine, and no others.
func TestExtras(t *testing.T) {
	var want []string
	for _, r := range []struct{ name, goarch, python string }{
		{backend.CPU, "amd64", "x86_64"}, {backend.CPU, "arm64", "aarch64"}, {backend.CUDA, "amd64", "x86_64"}, {backend.TPU, "amd64", "x86_64"},
	} {
		release, err := backend.FindRelease(r.name, "", "linux", r.goarch)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range append(release.Wheels, release.Libraries...) {
			want = append(want, fmt.Sprintf("Requires-Dist: %s==%s; extra == %q and sys_platform == \"linux\" and platform_machine == %q", w.Project, w.Version, r.name, r.python))
		}
	}
	var got []string
	for line := range strings.Lines(string(metadata("0.1.0", "text\n"))) {
		if strings.HasPrefix(line, "Requires-Dist:") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the extras ask for\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestWheels checks that pip takes the wheel of each system for machines of that system, and puts the program where it
// belongs. No such machine is needed for that.
func TestWheels(t *testing.T) {
	if testing.Short() {
		t.Skip("starts pip several times")
	}
	t.Chdir(filepath.Join("..", ".."))
	dist := t.TempDir()
	for _, test := range []struct {
		target   target
		platform string // as pip calls the machine
	}{
		{target{"darwin", "amd64"}, "macosx_14_0_x86_64"}, {target{"darwin", "arm64"}, "macosx_14_0_arm64"}, {target{"windows", "amd64"}, "win_amd64"},
	} {
		t.Run(test.target.String(), func(t *testing.T) {
			program, content := filepath.Join(t.TempDir(), "program"), "a program for "+test.target.String()
			if err := os.WriteFile(program, []byte(content), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := writeWheel(dist, "0.1.0", test.target, program); err != nil {
				t.Fatal(err)
			}
			into := t.TempDir()
			out, err := exec.Command("python3", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--find-links", dist,
				"--platform", test.platform, "--only-binary=:all:", "--target", into, "subbert").CombinedOutput()
			if err != nil && strings.Contains(string(out), "No module named pip") || errors.Is(err, exec.ErrNotFound) {
				t.Skip("needs pip")
			}
			if err != nil {
				t.Fatalf("pip takes no wheel for %s: %v\n%s", test.platform, err, out)
			}
			installed := filepath.Join(into, "bin", test.target.program())
			got, err := os.ReadFile(installed)
			if err != nil || string(got) != content {
				t.Errorf("%q, %v; want %q", got, err, content)
			}
			if info, err := os.Stat(installed); err == nil && info.Mode()&0o111 == 0 {
				t.Errorf("mode %v, want a program", info.Mode())
			}
		})
	}
	wheels, err := filepath.Glob(filepath.Join(dist, "*.whl"))
	if err != nil || len(wheels) != 3 {
		t.Fatalf("%v, %v; want three wheels", wheels, err)
	}
	for _, w := range wheels {
		checkRecord(t, w)
	}
}

// TestLinuxTags checks that the tag of a wheel for Linux has the C library that the program needs, and the processor.
func TestLinuxTags(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := glibcOf(self); err != nil {
		t.Skipf("the test itself is no dynamic program: %v", err)
	}
	for goarch, processor := range map[string]string{"amd64": "x86_64", "arm64": "aarch64"} {
		tag, err := platformTag(target{"linux", goarch}, self)
		if ok, _ := regexp.MatchString(`^manylinux_2_\d+_`+processor+`$`, tag); err != nil || !ok {
			t.Errorf("linux/%s: %s, %v; want manylinux_2_N_%s", goarch, tag, err, processor)
		}
	}
	if _, err := platformTag(target{"linux", "riscv64"}, self); err == nil {
		t.Error("linux/riscv64 has a name")
	}
}

// checkRecord checks that every member of a wheel is listed in its RECORD.
func checkRecord(t *testing.T, wheel string) {
	t.Helper()
	z, err := zip.OpenReader(wheel)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open("subbert-0.1.0.dist-info/RECORD")
	if err != nil {
		t.Fatal(err)
	}
	record, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range z.File {
		if !strings.Contains("\n"+string(record), "\n"+m.Name+",") {
			t.Errorf("RECORD does not list %s", m.Name)
		}
	}
}
