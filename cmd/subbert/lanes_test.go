package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/backend/pjrt"
)

// TestLanes: the runs of a cell over two devices are those over one, bit for bit, and say whose line is whose.
func TestLanes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains")
	}
	wantPlugin(t, backend.CPU)
	dir := unpacked(t, "testdata/script/finetune.txtar")
	for _, on := range []string{"cpu", "cpu:2"} {
		c := child(dir, "finetune", "run.toml", "--seeds", "3", "--set", "run.dir=runs/"+on)
		c.Args[3] = on // in place of go
		finish(t, c, 0)
		log := c.Stderr.(interface{ String() string }).String()
		if got, want := strings.Contains(log, "seed-3: plan\n"), on != "cpu"; got != want {
			t.Errorf("%s: lines carry the name of their run: %v, want %v\n%s", on, got, want, log)
		}
	}
	for _, seed := range []string{"seed-1", "seed-2", "seed-3"} {
		if one, two := learnedSum(t, dir, "cpu/"+seed), learnedSum(t, dir, "cpu:2/"+seed); one != two {
			t.Errorf("%s: weights %.12s on one device, %.12s on two", seed, one, two)
		}
	}
}

// wantPlugin skips where that plugin is not installed, or cannot be loaded by this program.
func wantPlugin(t *testing.T, name string) {
	t.Helper()
	if !pjrt.Linked {
		t.Skip("built without cgo: no plugins")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	installed, err := backend.ReadInstalled(filepath.Join(cache, "subbert", "plugins"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range installed.Plugins {
		if p.Name == name {
			return
		}
	}
	t.Skipf("the %s plugin is not installed: subbert backend install %s", name, name)
}

// unpacked is a directory with the files of a script.
func unpacked(t *testing.T, script string) string {
	t.Helper()
	archive, err := txtar.ParseFile(script)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
