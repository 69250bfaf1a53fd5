package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// preparingCommands are the commands that continue after they were stopped. Each writes to the directory out.
var preparingCommands = []struct {
	name string
	args []string
}{
	{"select", []string{"data", "select", "--query", "g* NOT drug", "--vocab", "vocab.txt", "--uncased", "--out", "out", "a.jsonl", "b.jsonl", "c.jsonl"}},
	{"shard", []string{"data", "shard", "--vocab", "vocab.txt", "--uncased", "--held-out", "0.1", "--out", "out", "a.jsonl", "b.jsonl", "c.jsonl"}},
}

// manyDocuments writes three files, the first one small, and a vocabulary.
func manyDocuments(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	vocab := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ngene\ngrows\nat\n.\n"
	for d := range 10 {
		vocab += fmt.Sprintf("%d\n##%d\n", d, d)
	}
	if err := os.WriteFile(filepath.Join(dir, "vocab.txt"), []byte(vocab), 0o644); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i, n := range []int{20, 2000, 2000} {
		var b strings.Builder
		for d := range n {
			fmt.Fprintf(&b, `{"id":"%d-%d","title":"The gene","abstract":"`, i, d)
			for range 20 {
				fmt.Fprintf(&b, "The gene %d grows at %d. ", random.Uint64(), random.Uint64())
			}
			b.WriteString("\"}\n")
		}
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".jsonl"), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// made runs a command to its end and returns its output files, which it removes.
func made(t *testing.T, dir string, args []string) map[string]string {
	t.Helper()
	finish(t, child(dir, args...), 0)
	out := make(map[string]string)
	entries, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, "out", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(content)
	}
	if _, err := os.Stat(filepath.Join(dir, "out.work")); err == nil {
		t.Error("out.work is left")
	}
	if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestKillPreparation kills data select and data shard at random moments while they write, and starts them again with
// another number of workers: they make the same bytes as without a kill.
func TestKillPreparation(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: makes shards many times")
	}
	dir := manyDocuments(t)
	for _, c := range preparingCommands {
		t.Run(c.name, func(t *testing.T) {
			want := made(t, dir, c.args)
			inWork := 0
			for i := range *kills {
				run := child(dir, append(c.args, "--workers", fmt.Sprint(i%3+1))...)
				if err := run.Start(); err != nil {
					t.Fatal(err)
				}
				waitForFile(t, filepath.Join(dir, "out.work"))
				time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
				if err := run.Process.Kill(); err != nil && !strings.Contains(err.Error(), "already finished") {
					t.Fatal(err)
				}
				_ = run.Wait() // killed, or finished before
				if _, err := os.Stat(filepath.Join(dir, "out")); err != nil {
					inWork++
				}
				if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d of %d kills came before the end", inWork, *kills)
			if diff := cmp.Diff(want, made(t, dir, c.args)); diff != "" {
				t.Errorf("killed and started again, it makes other bytes:\n%.2000s", diff)
			}
		})
	}
}

// TestDiskFull uses a limit on the size of files to simulate a full disk, which needs no file system of its own:
// writing a file fails halfway. The command says so, leaves no unfinished output, and continues when there is room.
func TestDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: makes shards many times")
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh to limit the size of files with")
	}
	dir := manyDocuments(t)
	for _, c := range preparingCommands {
		t.Run(c.name, func(t *testing.T) {
			want := made(t, dir, c.args)
			run := child(dir, append(c.args, "--workers", "1")...)
			run.Args = append([]string{"sh", "-c", `ulimit -f 200; exec "$0" "$@"`, run.Path}, run.Args[1:]...) // at most 200 kB
			run.Path = shell
			finish(t, run, exitFailed)
			said := fmt.Sprint(run.Stderr)
			if !strings.Contains(said, "file too large") || !strings.Contains(said, "hint: finished work is kept in out.work") {
				t.Errorf("it says %q", said)
			}
			left, err := filepath.Glob(filepath.Join(dir, "*out*"))
			if err != nil || len(left) != 1 || filepath.Base(left[0]) != "out.work" {
				t.Errorf("left: %v, %v", left, err)
			}
			if partial, err := filepath.Glob(filepath.Join(dir, "out.work", "partial-*")); err != nil || len(partial) > 0 {
				t.Errorf("half-written pieces: %v, %v", partial, err)
			}
			if diff := cmp.Diff(want, made(t, dir, c.args)); diff != "" {
				t.Errorf("with room again, it makes other bytes:\n%.2000s", diff)
			}
		})
	}
}
