package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/subbert/subbert/sweep/slurm/slurmtest"
)

// TestSweepOnSlurm: the program runs as jobs of a stand-in for SLURM and gives the same results as on this machine.
func TestSweepOnSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains")
	}
	dir := world(t)
	text := `[[run]]
name = "pretrain"
verb = "pretrain"
config = "run.toml"
set = ["record.tensorboard = false"]
matrix = {"run.seed" = [1, 2]}
[[run]]
name = "page"
verb = "report"
args = ["--out", "{out}/page.html", "{in:pretrain/*}"]
`
	if err := os.WriteFile(filepath.Join(dir, "sweep.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &slurmtest.Cluster{}
	c.Start(t)
	finish(t, child(dir, "sweep", "sweep.toml", "--on", "slurm", "--poll", "100ms", "--out", "jobs"), 0)
	finish(t, child(dir, "sweep", "sweep.toml", "--out", "here"), 0)
	for _, seed := range []string{"1", "2"} {
		var models [2][]byte
		for i, out := range []string{"jobs", "here"} {
			var err error
			if models[i], err = os.ReadFile(filepath.Join(dir, out, "by-name", "pretrain", seed, "model", "model.safetensors")); err != nil {
				t.Fatal(err)
			}
		}
		if string(models[0]) != string(models[1]) {
			t.Errorf("seed %s: other weights than without SLURM", seed)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "jobs", "by-name", "page", "page.html")); err != nil {
		t.Error(err)
	}
	if n := len(c.Calls("sbatch")); n != 2 {
		t.Errorf("%d arrays, want 2", n)
	}
	finish(t, child(dir, "sweep", "sweep.toml", "--on", "slurm", "--cancel", "--out", "jobs"), 0)
	finish(t, child(dir, "sweep", "sweep.toml", "--cancel"), exitMisused)
}

// TestSweepManifests: the manifests of a sweep name its runs, and only those that compute request an accelerator.
func TestSweepManifests(t *testing.T) {
	dir := t.TempDir()
	text := `[[run]]
name = "shards"
verb = "data shard"
args = ["--out", "{out}/set"]
[[run]]
name = "pretrain"
verb = "pretrain"
args = ["run.toml"]
needs = ["shards"]
[on.kubernetes]
image = "registry.example/subbert:1"
claim = "shared"
mount = "` + dir + `"
accelerator = "tpu-v3-slice"
`
	if err := os.WriteFile(filepath.Join(dir, "sweep.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := child(dir, "sweep", "sweep.toml", "--on", "kubernetes", "--out", "out")
	finish(t, c, 0)
	for level, want := range []int{0, 1} {
		text, err := os.ReadFile(filepath.Join(dir, "out", "kubernetes", "level-"+string(rune('0'+level))+".yaml"))
		if got := strings.Count(string(text), "google.com/tpu: 4"); err != nil || got != want {
			t.Errorf("level %d: %d pods with a TPU, want %d (%v)", level, got, want, err)
		}
	}
	var exit *exec.ExitError
	if err := child(dir, "sweep", "sweep.toml", "--on", "kubernetes", "--out", filepath.Join(t.TempDir(), "out")).Run(); !errors.As(err, &exit) {
		t.Errorf("results off the volume: %v", err)
	}
}
