package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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

// extractKill is a kind of moment to kill extract at. wait returns at such a moment of a run that began with tasks
// finished, or when the run has ended.
type extractKill struct {
	name string
	wait func(x extractRun, tasks int, random *rand.Rand)
}

var extractKills = []extractKill{
	{"at the start", func(x extractRun, _ int, random *rand.Rand) { x.sleep(random.Int64N(int64(300 * time.Millisecond))) }},
	{"in a chunk", func(x extractRun, tasks int, random *rand.Rand) {
		x.until(func() bool { return x.tasks() > tasks })
		x.sleep(random.Int64N(int64(50 * time.Millisecond)))
	}},
	{"at the end of a chunk", func(x extractRun, tasks int, random *rand.Rand) {
		more := 1 + random.IntN(3)
		x.until(func() bool { return x.tasks() >= tasks+more || x.tasks() > tasks && len(x.pieces("partial-*")) > 0 })
	}},
	{"while the chunks are joined", func(x extractRun, _ int, random *rand.Rand) {
		x.until(func() bool { return len(x.partials()) > 0 })
		x.sleep(random.Int64N(int64(3 * time.Millisecond)))
	}},
	{"when the result is there", func(x extractRun, _ int, _ *rand.Rand) {
		x.until(func() bool { _, err := os.Stat(x.out); return err == nil })
	}},
}

// extractRun is a run of extract that writes the file out.
type extractRun struct {
	out   string
	ended <-chan error
}

// pieces returns the files in the work directory that match a pattern.
func (x extractRun) pieces(pattern string) []string {
	found, _ := filepath.Glob(filepath.Join(x.out+".work", pattern)) // the pattern is valid
	return found
}

// tasks is the number of finished chunks.
func (x extractRun) tasks() int { return len(x.pieces("task-*")) }

// partials returns the unfinished results, which begin in the directory for temporary files.
func (x extractRun) partials() []string {
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(x.out), "tmp", "."+filepath.Base(x.out)+"*")) // the pattern is valid
	return found
}

func (x extractRun) until(done func() bool) {
	for !done() && len(x.ended) == 0 {
		time.Sleep(200 * time.Microsecond)
	}
}

func (x extractRun) sleep(d int64) {
	deadline := time.Now().Add(time.Duration(d))
	x.until(func() bool { return time.Now().After(deadline) })
}

// TestKillExtract kills extract twenty times, at moments of every stage of its work, and continues it each time: it
// writes the same bytes as without a kill.
func TestKillExtract(t *testing.T) {
	documents, kills := 500, 20
	if testing.Short() {
		documents, kills = 100, len(extractKills)
	}
	dir, args := annotatedTexts(t, documents)
	args = slices.Replace(args, 4, 6, "--chunk", "100") // some chunks for every kill
	finish(t, child(dir, append(args, "whole.tsv")...), 0)
	want, err := os.ReadFile(filepath.Join(dir, "whole.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	out, random := filepath.Join(dir, "x.tsv"), rand.New(rand.NewPCG(20, 20))
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for killed, attempt := 0, 0; killed < kills; attempt++ {
		if attempt > 3*kills {
			t.Fatalf("%d attempts, and only %d were killed: %v", attempt, killed, counts)
		}
		for _, partial := range (extractRun{out: out}).partials() {
			if err := os.Remove(partial); err != nil {
				t.Fatal(err)
			}
		}
		command := child(dir, append(args, "x.tsv", "--resume", "--workers", fmt.Sprint(attempt%3+1))...)
		command.Env = append(os.Environ(), "TMPDIR="+filepath.Join(dir, "tmp"))
		run := begin(t, command)
		x := extractRun{out, run.ended}
		kill := extractKills[attempt%len(extractKills)]
		kill.wait(x, x.tasks(), random)
		_ = run.Process.Kill() // it may have ended
		if err := <-run.ended; err != nil {
			if run.ProcessState.Exited() {
				t.Fatalf("the continued run failed: %v\n%s", err, run.Stderr)
			}
			killed++
			counts[kill.name]++
		}
		got, err := os.ReadFile(out)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("killed %s, it left %d bytes, want %d; %v", kill.name, len(got), len(want), err)
		}
		if err := os.Remove(out); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, child(dir, append(args, "x.tsv", "--resume")...), 0)
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("killed %d times, it makes other bytes", kills)
	}
	if _, err := os.Stat(out + ".work"); err == nil {
		t.Error("x.tsv.work is left")
	}
	t.Logf("kills: %v", counts)
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
	if code := run.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(said, "finished work is kept in x.tsv.work; run the same command with --resume to continue") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if _, err := os.Stat(filepath.Join(dir, "x.tsv")); err == nil {
		t.Error("half of the rows stand under their name")
	}
}
