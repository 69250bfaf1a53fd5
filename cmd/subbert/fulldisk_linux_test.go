package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of the given size, or skips the test.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("no small disk can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	})
	return dir
}

// fillUp writes a file that leaves the given room on a disk.
func fillUp(t *testing.T, file string, room int64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for page := make([]byte, 4096); err == nil; {
		_, err = f.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Truncate(info.Size() - room)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// tensorBytes returns the size of the tensor files of a checkpoint.
func tensorBytes(t *testing.T, manifest string) (total int64) {
	t.Helper()
	for _, name := range []string{"model.safetensors", "optimizer.safetensors"} {
		info, err := os.Stat(filepath.Join(filepath.Dir(manifest), name))
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	return total
}

// heard collects the output of a process.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// await waits until there reports true.
func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	for begin := time.Now(); !there(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatalf("waited for a minute for %s", what)
		}
	}
}

// TestFullDisk: the disk fills up in the middle of a run. The run stops, and continues from its newest checkpoint once
// there is room, or goes on by itself, as its config says; either way it learns what an undisturbed run learns, bit for
// bit.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("trains; left out with -short")
	}
	c := openFakeCloud(t) // for its nano model
	c.steps = 400
	config := c.nano()
	c.must("--backend", "go", "-q", "pretrain", config)
	want, err := os.ReadFile(filepath.Join(c.dir, "straight/model/model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, policy string
		some         bool // there is room for the tensors of a checkpoint but not for all of it
	}{{"stop", "stop", false}, {"stop within a checkpoint", "stop", true}, {"continue", "continue", false}, {"continue within a checkpoint", "continue", true}} {
		t.Run(test.name, func(t *testing.T) {
			policy := test.policy
			disk := smallDisk(t, 64<<20)
			run, ballast := filepath.Join(disk, "run"), filepath.Join(disk, "ballast")
			args := []string{"--backend", "go", "pretrain", config, "--resume", "--set", fmt.Sprintf("run.dir=%q", run), "--set", fmt.Sprintf("checkpoint.on_error=%q", policy), "--set", "record.every_steps=1", "--set", "checkpoint.keep=0"}
			process, said := start(t, args)
			await(t, "a checkpoint", func() bool { return len(complete(t, run)) > 0 })
			sendSignal(t, process, syscall.SIGSTOP)
			before, room := complete(t, run), int64(0)
			if test.some {
				room = tensorBytes(t, before[len(before)-1])
			}
			fillUp(t, ballast, room)
			sendSignal(t, process, syscall.SIGCONT)
			if policy == "stop" {
				process.Wait() // the exit code is in its ProcessState
				last := said.String()[strings.LastIndex(said.String(), "error: "):]
				if code := process.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(last, "no space left on device") || strings.Count(last, "\n") > 2 {
					t.Errorf("exit code %d, want %d with the reason in one line:\n%s", code, exitFailed, last)
				}
				after := complete(t, run)
				if len(after) < len(before) {
					t.Errorf("checkpoints before %q, after %q: want them to stay", before, after)
				}
			} else {
				await(t, "a warning", func() bool { return strings.Contains(said.String(), "the run continues despite an error") })
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			if policy == "stop" {
				process, said = start(t, args)
			}
			if err := process.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if left, err := filepath.Glob(filepath.Join(run, "checkpoints", ".*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q (%v)", left, err)
			}
			if got, err := os.ReadFile(filepath.Join(run, "model/model.safetensors")); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the weights differ from those of an undisturbed run (%v)", err)
			}
			lines, err := os.ReadFile(filepath.Join(run, "metrics.jsonl"))
			if n := bytes.Count(lines, []byte("\n{\"step\":")) + 1; err != nil || n < c.steps {
				t.Errorf("%d reports (%v), want one for each of %d steps", n, err, c.steps)
			}
		})
	}
}

// start runs this program as a process that the test can stop.
func start(t *testing.T, args []string) (*exec.Cmd, *heard) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	said := &heard{}
	cmd := exec.Command(self, args...)
	cmd.Args[0], cmd.Stdout, cmd.Stderr = "subbert", said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, said
}

func sendSignal(t *testing.T, cmd *exec.Cmd, s syscall.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// complete lists the checkpoints of a run that have their manifest.
func complete(t *testing.T, run string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(run, "checkpoints", "step-*", "manifest.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}
