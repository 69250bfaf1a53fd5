package backend

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/subbert/subbert/backend/pjrt"
)

// TestMain lets the tests start this binary as the child process that loads a plugin.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "probe" {
		answer(ProbeHere(os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == "trial" {
		spec, err := ParseSpec(os.Args[2])
		if err != nil {
			answer(Report{Error: err.Error()})
		}
		answer(CheckHere(context.Background(), spec))
	}
	var err error
	if scratch, err = os.MkdirTemp("", "backend-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// scratch is a directory for all tests.
var scratch string

// answer prints what the child found out and ends it.
func answer(v any) {
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(verb string) []string { return []string{os.Args[0], verb} }

// fakePlugin compiles testdata/fake_plugin.c, once for all tests.
func fakePlugin(t testing.TB) string {
	t.Helper()
	if !linked {
		t.Skip("this test binary was built without cgo")
	}
	path, err := compileFake()
	if err != nil {
		t.Skipf("the fake plugin was not compiled: %v", err)
	}
	return path
}

var compileFake = sync.OnceValues(func() (string, error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "fake.so")
	out, err := exec.Command(cc, "-shared", "-fPIC", "-o", path, "testdata/fake_plugin.c").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// TestFakeProbe loads plugins whose table cannot be used. The process that asks survives, with one clear line.
func TestFakeProbe(t *testing.T) {
	fake := fakePlugin(t)
	tests := []struct{ mode, want string }{
		{"", ""},
		{"old", "the plugin has version 0.30 of the PJRT interface, want 0.57 or a later 0"},
		{"another major", "the plugin has version 1.104 of the PJRT interface"},
		{"tiny", "the table of functions has 16 bytes, want 40 to 65536"},
		{"huge", "the table of functions has 1099511627776 bytes"},
		{"short", "the plugin lacks PJRT_Client_Compile (version 0.104, table of 200 bytes)"},
		{"hole", "the plugin lacks PJRT_Client_Compile"},
		{"no table", "GetPjrtApi returned nothing"},
		{"crash", "it ended the child process that loaded it (exit code 2): SIGSEGV"}, // as Go's runtime has it
		{"exit", "it ended the child process that loaded it (exit code 3)"},
		{"memory", ""}, // uses memory in each way there is
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			command := append([]string{"env", "FAKE_PLUGIN=" + tt.mode}, child("probe")...)
			info, err := Probe(t.Context(), command, fake)
			checkLine(t, err, tt.want)
			if tt.want == "" && info.Minor != 104 {
				t.Errorf("version is 0.%d, want 0.104", info.Minor)
			}
		})
	}
}

// TestFakeCheck uses plugins that answer wrongly once they are in use.
func TestFakeCheck(t *testing.T) {
	fake := fakePlugin(t)
	tests := []struct{ mode, want string }{
		{"", "wrong result: element 0,0 of a product is 0"},
		{"errors", "initialise: this always fails"},
		{"error without message", "initialise: an error without a message"},
		{"no initialisation", "initialise: this always fails"},
		{"no client", "the plugin returned no client"},
		{"crash in client", "ended the child process that loaded it"},
		{"no platform", "the plugin returned no platform name"},
		{"no devices", "the plugin found no device"},
		{"no list", "the plugin found no device"},
		{"null devices", "device 0: the plugin returned no device"},
		{"no description", "device 0: the plugin returned no description"},
		{"no description text", "device 0: the plugin returned no description"},
		{"no executable", "the plugin returned no executable"},
		{"does not compile", "this always fails"},
		{"no executable description", "the plugin returned no description of an executable"},
		{"no executable name", "the plugin returned no name of an executable"},
		{"no buffer", "the plugin returned no buffer for data from the host"},
		{"no data event", "the plugin returned no buffer for data from the host"},
		{"no dimensions", "the plugin returned no dimensions of a buffer"},
		{"no copy event", "the plugin returned no event for a copy to the host"},
		{"does not run", "this always fails"},
		{"no outputs", "the plugin returned no buffer for output 0 of device 0"},
		{"no execution event", "the plugin returned no event for an execution"},
		{"late", "the device fell over"},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			command := append([]string{"env", "FAKE_PLUGIN=" + tt.mode}, child("trial")...)
			r, err := Check(t.Context(), command, Choice{Spec: Spec{Name: CPU, Plugin: fake}})
			if err == nil && r.Error != "" {
				err = fmt.Errorf("%s", r.Error)
			}
			checkLine(t, err, tt.want)
		})
	}
}

// checkLine holds an error to be one line with some words in it; no words: no error.
func checkLine(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error %v, want none", err)
	case want == "":
	case err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n"):
		t.Errorf("error is %v, want one line with %q", err, want)
	}
}

func TestFakeHang(t *testing.T) {
	fake := fakePlugin(t)
	t.Setenv("FAKE_PLUGIN", "hang")
	start := time.Now()
	err := runChild(t.Context(), 300*time.Millisecond, append(child("probe"), fake), &ProbeReport{})
	checkLine(t, err, "did not answer within 300ms")
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %s to give up", took)
	}
}

// TestFakeLate lets the host run ahead of an execution that fails: the next call says so, and so does closing.
func TestFakeLate(t *testing.T) {
	fake := fakePlugin(t)
	t.Setenv("FAKE_PLUGIN", "late")
	h, err := Open(t.Context(), Choice{Spec: Spec{Name: CPU, Plugin: fake}}, Options{Layer: pjrt.Options{InFlight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	exec, err := compileProduct(h.Backend)
	if err != nil {
		t.Fatal(err)
	}
	matrix := make([]float32, side*side)
	for i := range 3 {
		_, err := runProduct(h.Backend, exec, 0, matrix, matrix)
		if i == 0 && err != nil {
			t.Errorf("the call that fails later gave %v at once", err)
		}
		if i > 0 {
			checkLine(t, err, "an earlier execution failed: the device fell over")
		}
	}
	exec.Finalize()
	checkLine(t, h.Close(), "an earlier execution failed: the device fell over")
}

// TestInspect gives the ELF check everything that is not a plugin.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, path, want string }{
		{"missing", filepath.Join(dir, "none.so"), "no such file"},
		{"directory", dir, "not a regular file"},
		{"empty", write("empty.so", nil), "not a shared library, or truncated"},
		{"text", write("text.so", []byte("#!/bin/sh\n")), "not a shared library, or truncated"},
		{"program", os.Args[0], "not a "},
		{"program cut short", write("half.so", self[:len(self)/2]), "plugin "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkLine(t, Inspect(tt.path), tt.want) })
	}
	t.Run("fake", func(t *testing.T) {
		good, err := os.ReadFile(fakePlugin(t))
		if err != nil {
			t.Fatal(err)
		}
		foreign := bytes.Clone(good)
		foreign[18], foreign[19] = byte(elf.EM_S390), 0
		program := bytes.Clone(good)
		program[16] = byte(elf.ET_EXEC)
		checkLine(t, Inspect(write("good.so", good)), "")
		checkLine(t, Inspect(write("short.so", good[:len(good)-1])), "plugin ")
		noSections := bytes.Clone(good) // so that only the program headers say how long it is
		clear(noSections[40:48])        // e_shoff
		clear(noSections[60:64])        // e_shnum, e_shstrndx
		checkLine(t, Inspect(write("half.so", noSections[:len(noSections)/2])), "truncated: ")
		checkLine(t, Inspect(write("foreign.so", foreign)), "built for EM_S390, but this machine is")
		checkLine(t, Inspect(write("exec.so", program)), "not a shared library (ELF type ET_EXEC)")
		checkLine(t, Inspect(write("other.so", bytes.ReplaceAll(good, []byte("GetPjrtApi"), []byte("GetOtherAp")))), "does not export GetPjrtApi")
		for n := 0; n < len(good); n += len(good)/50 + 1 {
			if err := Inspect(write("cut.so", good[:n])); err == nil {
				t.Errorf("the first %d of %d bytes pass", n, len(good))
			}
		}
	})
}

// TestManyProcesses starts the installed CPU plugin in one process after another.
func TestManyProcesses(t *testing.T) {
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("no cache directory: %v", err)
	}
	installed, err := ReadInstalled(filepath.Join(dir, "subbert", "plugins"))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := installed.Latest(CPU)
	if !ok || !linked {
		t.Skip("the CPU plugin is not installed (subbert backend install cpu), or there is no cgo")
	}
	runs := 50
	if testing.Short() {
		runs = 5
	}
	for i := range runs {
		r, err := Check(t.Context(), child("trial"), Choice{Spec: Spec{Name: CPU, Devices: 1 + i%8, Plugin: p.Path}})
		if err != nil || r.Error != "" || len(r.Devices) != 1+i%8 {
			t.Fatalf("process %d of %d: %d devices, %v %s", i, runs, len(r.Devices), err, r.Error)
		}
	}
}
