package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/subbert/subbert/data/madeup"
)

// annotatedTexts makes a tiny relation model, run/model, and texts to apply it to, in.xml.
func annotatedTexts(t *testing.T, documents int) (dir string, args []string) {
	t.Helper()
	dir = unpacked(t, "testdata/script/extract.txtar")
	finish(t, child(dir, "finetune", "run.toml", "--set", "schedule.epochs=1"), 0)
	var b bytes.Buffer
	if err := madeup.WriteBioC(&b, madeup.Annotated(1, 0, documents)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "in.xml"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, []string{"extract", "run/model", "in.xml", "--negatives", "--chunk", "200", "--out"}
}

// TestKillExtract kills extract at random moments and continues it each time: it writes the same bytes as without a
// kill.
func TestKillExtract(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: extracts many times")
	}
	dir, args := annotatedTexts(t, 700)
	for _, out := range []string{"x.tsv", "x.parquet"} {
		began := time.Now()
		finish(t, child(dir, append(args, "whole-"+out)...), 0)
		takes := time.Since(began)
		want, err := os.ReadFile(filepath.Join(dir, "whole-"+out))
		if err != nil {
			t.Fatal(err)
		}
		killed := 0
		for range *kills {
			run := child(dir, append(args, out, "--resume", "--workers", fmt.Sprint(killed%3+1))...)
			if err := run.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.Int64N(int64(takes))))
			if err := run.Process.Kill(); err != nil && !strings.Contains(err.Error(), "already finished") {
				t.Fatal(err)
			}
			_ = run.Wait() // killed, or finished before
			if _, err := os.Stat(filepath.Join(dir, out)); err == nil {
				if got, err := os.ReadFile(filepath.Join(dir, out)); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("killed at the end, it left %d bytes, want %d; %v", len(got), len(want), err)
				}
				if err := os.Remove(filepath.Join(dir, out)); err != nil {
					t.Fatal(err)
				}
			} else {
				killed++
			}
		}
		finish(t, child(dir, append(args, out, "--resume")...), 0)
		got, err := os.ReadFile(filepath.Join(dir, out))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: killed %d times, it makes other bytes", out, killed)
		}
		if _, err := os.Stat(filepath.Join(dir, out+".work")); err == nil {
			t.Errorf("%s.work is left", out)
		}
		t.Logf("%s: %d of %d kills came before the end", out, killed, *kills)
	}
}

// TestInterruptExtract: Ctrl-C ends extract within two seconds with exit code 130, and finished chunks stay.
func TestInterruptExtract(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: extracts")
	}
	dir, args := annotatedTexts(t, 2000)
	run := child(dir, append(args, "x.tsv")...)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if done, _ := filepath.Glob(filepath.Join(dir, "x.tsv.work", "task-*")); len(done) > 1 {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("nothing is finished after a minute")
		}
	}
	if err := run.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_ = run.Wait() // the test checks its exit code
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	said := fmt.Sprint(run.Stderr)
	if code := run.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(said, "hint: finished work is kept in x.tsv.work; the same command with --resume goes on") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if _, err := os.Stat(filepath.Join(dir, "x.tsv")); err == nil {
		t.Error("half of the rows stand under their name")
	}
}
