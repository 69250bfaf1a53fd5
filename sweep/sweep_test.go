package sweep

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/runs/result"
)

// TestSweep: everything is done once, results flow along the needs, two names of one run are one run, and a second sweep
// does nothing.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	g := diamond("1ms")
	first, err := sweepIn(t.Context(), g, dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	if n := first.Count(Done); n != len(g.Runs) {
		t.Fatalf("%d of %d done: %v", n, len(g.Runs), first.Failures())
	}
	if got := resultOf(t, dir, "mid/2"); got != `\"A\"+\"B\"+2` {
		t.Errorf("result of mid/2: %s", got)
	}
	if first.Run("twin/b").Dir != first.Run("start/b").Dir || steps(t, dir, "twin/b") != 4 {
		t.Error("the same was done twice")
	}
	log, err := os.ReadFile(filepath.Join(first.Run("mid/1").Dir, LogFile))
	if err != nil || !strings.Contains(string(log), "worked on") {
		t.Errorf("log %q, %v", log, err)
	}
	var marker Marker
	if ok, err := readJSON(filepath.Join(first.Run("mid/1").Dir, DoneFile), &marker); !ok || err != nil || marker.Host != "here" || len(marker.Result) != 64 || marker.Command[0] != "work" {
		t.Errorf("marker %+v, %v", marker, err)
	}
	second, err := sweepIn(t.Context(), g, dir, 2)
	if err != nil || second.Count(Cached) != len(g.Runs) {
		t.Errorf("again: %v, %v", states(second), err)
	}
	g.Runs[2].Args[4] = "one" // of mid/1
	third, err := sweepIn(t.Context(), g, dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]State{"start/a": Cached, "start/b": Cached, "mid/1": Done, "mid/2": Cached, "mid/3": Cached, "end": Done, "twin/b": Cached}
	if diff := cmp.Diff(want, states(third)); diff != "" {
		t.Error(diff)
	}
}

// TestFailure: a run that fails keeps from being done what needs it and nothing else, with a line each; the next sweep
// tries it again.
func TestFailure(t *testing.T) {
	for _, how := range []string{"fail", "panic"} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			g := diamond("1ms")
			g.Runs[2].Args[4] = how
			for range 2 {
				report, err := sweepIn(t.Context(), g, dir, 3)
				if err != nil {
					t.Fatal(err)
				}
				for name, want := range map[string]State{"mid/1": Failed, "end": Skipped} {
					if got := report.Run(name).State; got != want {
						t.Errorf("%s: %s, want %s", name, got, want)
					}
				}
				if n := report.Count(Done, Cached); n != 5 {
					t.Errorf("%d done: %v", n, states(report))
				}
				why := map[string]string{"fail": "mid/1 failed: asked to fail", "panic": "mid/1 failed: signal: killed"}[how]
				lines := report.Failures()
				if len(lines) != 2 || !strings.HasPrefix(lines[0], why) || lines[1] != "end skipped because mid/1 failed" {
					t.Errorf("%q", lines)
				}
			}
		})
	}
}

// TestSkipped: what needs a run that failed through others is skipped too.
func TestSkipped(t *testing.T) {
	g := diamond("0s")
	g.Runs[0].Args[3] = "fail"
	report, err := sweepIn(t.Context(), g, t.TempDir(), 2)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]State{"start/a": Failed, "start/b": Done, "mid/1": Skipped, "mid/2": Skipped, "mid/3": Done, "end": Skipped, "twin/b": Done}
	if diff := cmp.Diff(want, states(report)); diff != "" {
		t.Error(diff)
	}
}

// TestKilled: the process that sweeps is killed at random moments, now alone and now with the processes of its runs, and
// started again. The results are those of a sweep that nobody killed, and no step that was done is done again.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for processes")
	}
	dir, straight := t.TempDir(), t.TempDir()
	if _, err := sweepIn(t.Context(), diamond("0s"), straight, 2); err != nil {
		t.Fatal(err)
	}
	g := diamond("20ms")
	rng := rand.New(rand.NewPCG(5, 6))
	kills := 0
	for done := false; !done; {
		c := sweepProcess(t, g, dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			done = true
			continue
		case <-time.After(time.Duration(50+rng.IntN(300)) * time.Millisecond):
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended
		if kills++; kills%2 == 0 {
			for _, pid := range stepPIDs(t, dir) {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	t.Logf("%d kills", kills)
	if kills == 0 {
		t.Error("nothing was killed")
	}
	for _, r := range g.Runs {
		if got, want := resultOf(t, dir, r.Name), resultOf(t, straight, r.Name); got != want {
			t.Errorf("%s: %s, want %s", r.Name, got, want)
		}
		if n := steps(t, dir, r.Name); n != 4 {
			t.Errorf("%s: %d steps in all, want 4", r.Name, n)
		}
	}
}

// TestInterrupted: SIGINT lets the runs save and end; what was begun goes on with the next sweep. Likewise when the runs
// are those of a sweep that was killed.
func TestInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for processes")
	}
	for _, orphans := range []bool{false, true} {
		dir := t.TempDir()
		g := diamond("30ms")
		c := sweepProcess(t, g, dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for len(stepPIDs(t, dir)) < 2 {
			time.Sleep(5 * time.Millisecond)
		}
		if orphans {
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			c.Wait()
			if err := os.Remove(filepath.Join(dir, begunFile)); err != nil {
				t.Fatal(err)
			}
			c = sweepProcess(t, g, dir)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			awaitBegun(dir, 2) // so that it waits for both orphans, or has runs of its own
		}
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil && !orphans {
			t.Error("an interrupted sweep ended well")
		}
		if pids := stepPIDs(t, dir); len(pids) > 0 {
			t.Errorf("orphans %t: left running: %v", orphans, pids)
		}
		report, err := sweepIn(t.Context(), g, dir, 2)
		if err != nil || report.Count(Done, Cached) != len(g.Runs) {
			t.Errorf("orphans %t: %v, %v", orphans, states(report), err)
		}
		if n := steps(t, dir, "start/a"); n != 4 {
			t.Errorf("start/a: %d steps", n)
		}
	}
}

// TestOrphansStop: SIGINT reaches the runs of a sweep that was killed, through the one that waits for them.
func TestOrphansStop(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for processes")
	}
	dir := t.TempDir()
	g := Graph{[]Run{{Name: "a", Verb: "work", Args: []string{"{out}", "60", "50ms", "A"}}}}
	first := sweepProcess(t, g, dir)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	for len(stepPIDs(t, dir)) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.Wait()
	if err := os.Remove(filepath.Join(dir, begunFile)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { awaitBegun(dir, 1); stop() }()
	report, err := sweepIn(ctx, g, dir, 1)
	if n := steps(t, dir, "a"); !errors.Is(err, context.Canceled) || report.Run("a").State != Waiting || n >= 60 {
		t.Fatalf("%v, %v after %d steps; want it to have stopped", err, states(report), n)
	}
	if pids := stepPIDs(t, dir); len(pids) > 0 {
		t.Errorf("left running: %v", pids)
	}
	if report, err = sweepIn(t.Context(), g, dir, 1); err != nil || report.Count(Done) != 1 || steps(t, dir, "a") != 60 {
		t.Errorf("%v, %v, %d steps", err, states(report), steps(t, dir, "a"))
	}
}

// TestTwoSweeps: two sweeps of one store at once share the work.
func TestTwoSweeps(t *testing.T) {
	dir := t.TempDir()
	g := diamond("5ms")
	other := make(chan error, 1)
	go func() {
		_, err := sweepIn(t.Context(), g, dir, 2)
		other <- err
	}()
	report, err := sweepIn(t.Context(), g, dir, 2)
	if err := errors.Join(err, <-other); err != nil || report.Count(Done, Cached) != len(g.Runs) {
		t.Fatalf("%v, %v", states(report), err)
	}
	for _, r := range g.Runs {
		if n := steps(t, dir, r.Name); n != 4 {
			t.Errorf("%s: %d steps, want 4", r.Name, n)
		}
	}
}

// TestUnfinished: what an unfinished attempt left is no result, and is cleared away for a verb that does not resume.
func TestUnfinished(t *testing.T) {
	dir := t.TempDir()
	g := Graph{[]Run{{Name: "a", Verb: "once", Args: []string{"{out}", "1", "0s", "A"}}}}
	report, err := sweepIn(t.Context(), g, dir, 1)
	if err != nil || report.Count(Done) != 1 {
		t.Fatal(err, report.Failures())
	}
	run := report.Run("a").Dir
	if err := errors.Join(os.Remove(filepath.Join(run, DoneFile)), os.Mkdir(filepath.Join(run, "set.work"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if report, err = sweepIn(t.Context(), g, dir, 1); err != nil || report.Count(Done) != 1 {
		t.Fatal(err, report.Failures())
	}
	if _, err := os.Stat(filepath.Join(run, "set.work")); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(run, result.File), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	var damaged *DamagedError
	if _, err := sweepIn(t.Context(), g, dir, 1); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "run a: ") {
		t.Errorf("a changed result: %v", err)
	}
}

// TestStepNeeds: a step does not begin before what it needs is complete.
func TestStepNeeds(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	g := diamond("0s")
	keys, err := g.Keys(byPath, "1")
	if err != nil {
		t.Fatal(err)
	}
	task, err := s.Prepare(g, g.Runs[5], keys, dir)
	if err != nil {
		t.Fatal(err)
	}
	step := Step{Do: func(context.Context, []string) error { t.Error("it began"); return nil }, Resumes: func([]string) bool { return true }, Host: "here"}
	if err := step.Run(t.Context(), task.Dir); err == nil || !strings.Contains(err.Error(), "end needs "+s.Dir(keys["mid/1"])+", which is not complete") {
		t.Error(err)
	}
	if _, err := ReadTask(dir); err == nil || !strings.Contains(err.Error(), "not a run that a sweep has prepared") {
		t.Error(err)
	}
}

func TestLeft(t *testing.T) {
	run := func(name string, state State, hours, seconds float64) Status {
		return Status{Name: name, Key: name, State: state, Hours: hours, Seconds: seconds, Command: []string{"pretrain"}, Steps: 5, Bytes: 7}
	}
	r := &Report{Runs: []Status{run("a", Waiting, 1, 0), run("b", Waiting, 3, 0), run("a", Waiting, 1, 0), run("c", Cached, 9, 0), run("d", Skipped, 9, 0)}}
	sum, known, missing := r.Total()
	if sum.Hours != 4 || sum.Steps != 10 || sum.Bytes != 14 || known != 2 || missing != 2 {
		t.Error(sum, known, missing)
	}
	for jobs, want := range map[int]time.Duration{1: 4 * time.Hour, 2: 3 * time.Hour, 9: 3 * time.Hour} {
		if got, ok := r.Left(jobs); got != want || !ok {
			t.Errorf("%d jobs: %v, %v", jobs, got, ok)
		}
	}
	r.Runs = append(r.Runs, run("e", Running, 0, 0))
	if _, ok := r.Left(1); ok {
		t.Error("an estimate out of nothing")
	}
	r.Runs = append(r.Runs, run("f", Done, 0, 600), run("g", Cached, 0, 1200))
	if got, _ := r.Left(1); got != 4*time.Hour+15*time.Minute {
		t.Error(got)
	}
	r.Runs[5].Steps = 10 // of e: twice those that f and g had
	if got, _ := r.Left(1); got != 4*time.Hour+30*time.Minute {
		t.Error(got)
	}
	for i := range r.Runs {
		r.Runs[i].Steps = 0
	}
	if got, _ := r.Left(1); got != 4*time.Hour+15*time.Minute {
		t.Error(got)
	}
}

// TestPace: what is left is corrected by what complete runs took of their forecast.
func TestPace(t *testing.T) {
	run := func(name, verb string, state State, hours, seconds float64) Status {
		return Status{Name: name, Key: name, State: state, Hours: hours, Seconds: seconds, Command: []string{verb, name}}
	}
	r := &Report{Runs: []Status{run("a", "pretrain", Waiting, 2, 0), run("b", "finetune", Waiting, 1, 0)}}
	if pace, ok := r.Pace("pretrain", "finetune"); ok {
		t.Errorf("a pace of %g before a run is complete", pace)
	}
	r.Runs = append(r.Runs, run("c", "pretrain", Done, 1, 5400), run("d", "eval", Done, 0, 100))
	if pace, ok := r.Pace("pretrain", "finetune"); pace != 1.5 || !ok {
		t.Errorf("pace %g, %v, want 1.5", pace, ok)
	}
	if left, ok := r.Left(1); left != 4*time.Hour || !ok {
		t.Errorf("left %v, %v, want 4h: pre-training at its pace, fine-tuning as forecast", left, ok)
	}
}
