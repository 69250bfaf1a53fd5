package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReproduceKilled: a reproduction whose processes are killed at several points, and which is continued each time,
// prints the table of an undisturbed one.
func TestReproduceKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains")
	}
	dir := unpacked(t, "testdata/script/reproduce.txtar")
	reproduction := func(out string) []string {
		return []string{"reproduce", "scores.toml", "matrix.toml", "--scale", "mini.toml", "--sources", "sources.toml", "--data", "data", "--json", "--out", out}
	}
	alone := child(dir, reproduction("alone")...)
	finish(t, alone, 0)
	for _, at := range []string{"base/bert/checkpoints/step-0000003", "adapt/bert/acts/1/result.json", "finetune/bert/acts/words/seed-1/checkpoints/step-*", "eval/bert/acts/1/on-binds/done.json"} {
		c := child(dir, reproduction("killed")...)
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitForFile(t, filepath.Join(dir, "killed", "runs", "by-name", filepath.FromSlash(at)))
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil {
			t.Fatalf("it ended before it could be killed at %s", at)
		}
	}
	killed := child(dir, reproduction("killed")...)
	finish(t, killed, 0)
	if got, want := timeless(killed.Stdout), timeless(alone.Stdout); !bytes.Equal(got, want) {
		t.Errorf("killed and continued:\n%s\nleft alone:\n%s", got, want)
	}
}

// timeless returns an outcome as printed, without the time it took.
func timeless(out any) []byte {
	var kept [][]byte
	for line := range bytes.Lines([]byte(fmt.Sprint(out))) {
		if !bytes.Contains(line, []byte(`"run_seconds"`)) {
			kept = append(kept, line)
		}
	}
	return bytes.Join(kept, nil)
}
