package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/bucket"
)

// bench is a machine's side whose trainer is a shell script, with a store in memory.
type bench struct {
	*Machine
	t       *testing.T
	store   *bucket.Memory
	script  string        // of the trainer, in the machine's directory
	leaving atomic.Bool   // what the metadata server says
	deleted atomic.Int64  // times that the machine asked to be deleted
	refusal error         // of that
	started atomic.Int64  // trainers
	steps   string        // directory of checkpoints that a script may copy
	args    []string      // of the last trainer
	took    time.Duration // of the last turn
}

func newBench(t *testing.T, change func(*Run)) *bench {
	t.Helper()
	b := &bench{t: t, store: &bucket.Memory{}, steps: t.TempDir()}
	const config = "[run]\n"
	l := &Bundle{Config: []byte(config), Binary: filepath.Join(b.steps, "program")}
	if err := os.WriteFile(l.Binary, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := exampleRun()
	r.SelfDelete, r.Backend = true, "go"
	if err := l.Describe(&r); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&r)
	}
	if err := l.Pack(t.Context(), b.store, r); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Make(t.Context(), b.store, r); err != nil {
		t.Fatal(err)
	}
	saver, err := checkpoints.NewSaver(b.steps)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{10, 20} {
		if _, err := saver.Save(step, func(w checkpoints.FileWriter) error {
			f, err := w.Create("trainer.json")
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(f, step)
			return errors.Join(err, f.Close())
		}); err != nil {
			t.Fatal(err)
		}
	}
	b.Machine = &Machine{
		Store: b.store, Dir: t.TempDir(), Holder: "machine", Log: slog.New(slog.DiscardHandler),
		Beat: 20 * time.Millisecond, TTL: 2 * time.Second, Grace: time.Second, Keep: 2,
		Program: func(args ...string) *exec.Cmd {
			b.started.Add(1)
			b.args = args
			return exec.Command("sh", "-c", "steps="+quote(b.steps)+"\n"+b.script)
		},
		Leaving: func(context.Context) (string, error) {
			if b.leaving.Load() {
				return "preempted", nil
			}
			return "", nil
		},
		Delete: func(context.Context, Run, time.Time) error {
			b.deleted.Add(1)
			return b.refusal
		},
	}
	return b
}

// turn lets the machine's side run once, as systemd would.
func (b *bench) turn(script string) error {
	b.t.Helper()
	b.script = script
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	start := time.Now()
	err := b.Work(ctx)
	b.took = time.Since(start)
	if ctx.Err() != nil {
		b.t.Fatalf("the turn did not end: %v", err)
	}
	return err
}

func (b *bench) outcome() Outcome {
	b.t.Helper()
	o, err := ReadOutcome(b.t.Context(), b.store)
	if err != nil {
		b.t.Fatal(err)
	}
	if o == nil {
		return Outcome{}
	}
	return *o
}

// want checks the outcome, its reason, and how often the machine asked to be deleted.
func (b *bench) want(state, why string, deleted int64) {
	b.t.Helper()
	if o := b.outcome(); o.State != state || !strings.Contains(o.Why, why) {
		b.t.Errorf("outcome %+v, want %q because of %q", o, state, why)
	}
	if n := b.deleted.Load(); n != deleted {
		b.t.Errorf("the machine asked %d times to be deleted, want %d", n, deleted)
	}
}

const saveTen = "cp -r $steps/step-0000010 run/checkpoints/\n"

func TestMachineDone(t *testing.T) {
	b := newBench(t, nil)
	err := b.turn(saveTen + "mkdir run/model; echo w >run/model/weights; echo {} >run/result.json; echo {} >run/metrics.jsonl; echo trained")
	if err != nil {
		t.Fatal(err)
	}
	b.want(Done, "", 1)
	if o := b.outcome(); o.Step != 10 {
		t.Errorf("done at step %d, want 10", o.Step)
	}
	if got, want := strings.Join(b.args, " "), "--backend go pretrain config.toml --resume"; got != want {
		t.Errorf("the trainer was called with %q, want %q", got, want)
	}
	for _, name := range []string{"model/weights", "model/tree.json", "result.json", "metrics.jsonl", "logs/t00001.log", "heartbeat.json"} {
		if r, _, err := b.store.Read(t.Context(), name); err != nil {
			t.Error(err)
		} else if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := b.turn("exit 1"); err != nil || b.started.Load() != 1 {
		t.Errorf("a run that is done was started again (%v)", err)
	}
}

// TestCrashLoop: two crashes at one step end the run with the last lines; progress between them forgives the first.
func TestCrashLoop(t *testing.T) {
	b := newBench(t, nil)
	if err := b.turn("exit 3"); err == nil || !strings.Contains(err.Error(), "is restarted once") {
		t.Fatalf("the first crash: %v", err)
	}
	b.want("", "", 0)
	if err := b.turn(saveTen + "exit 3"); err == nil || !strings.Contains(err.Error(), "is restarted once") {
		t.Fatalf("a crash after progress: %v", err)
	}
	b.want("", "", 0)
	if err := b.turn("echo first; echo it broke here; exit 4"); err == nil {
		t.Fatal("the second crash at a step is no error")
	}
	b.want(Failed, "crashed twice after step 10, the second time with exit code 4", 1)
	if o := b.outcome(); strings.Join(o.Tail, "|") != "first|it broke here" || o.Step != 10 {
		t.Errorf("post-mortem %+v", o)
	}
}

// TestPreemptionsAreNoCrashes: however often machines are taken away at a step, the run goes on.
func TestPreemptionsAreNoCrashes(t *testing.T) {
	b := newBench(t, nil)
	for range 3 {
		b.leaving.Store(false)
		timer := time.AfterFunc(150*time.Millisecond, func() { b.leaving.Store(true) })
		err := b.turn("trap 'exit 130' TERM\nwhile :; do sleep 0.02; done")
		timer.Stop()
		if !errors.Is(err, ErrTakenAway) {
			t.Fatalf("got %v, want ErrTakenAway", err)
		}
		b.want("", "", 0)
	}
	b.leaving.Store(false)
	if err := b.turn("exit 3"); err == nil || !strings.Contains(err.Error(), "is restarted once") {
		t.Errorf("the first crash after preemptions: %v", err)
	}
	b.want("", "", 0)
}

// TestNoticeSaves: what the trainer saves when it is asked to end is in the store when the machine goes.
func TestNoticeSaves(t *testing.T) {
	b := newBench(t, nil)
	time.AfterFunc(200*time.Millisecond, func() { b.leaving.Store(true) })
	if err := b.turn("trap 'cp -r $steps/step-0000020 run/checkpoints/; exit 130' TERM\nwhile :; do sleep 0.02; done"); !errors.Is(err, ErrTakenAway) {
		t.Fatal(err)
	}
	if l, err := bucket.Peek(t.Context(), b.store, LeaseObject); err != nil || len(l.Steps) != 1 || l.Steps[0].Step != 20 || !l.Until.IsZero() {
		t.Errorf("ledger %+v, %v: want step 20, and the lease given up", l, err)
	}
}

func TestMisuseEndsTheRun(t *testing.T) {
	b := newBench(t, nil)
	if err := b.turn("echo error: unknown key; exit 2"); err == nil {
		t.Error("no error")
	}
	b.want(Failed, "rejected its arguments", 1)
}

func TestStopEndsTheRun(t *testing.T) {
	b := newBench(t, nil)
	time.AfterFunc(200*time.Millisecond, func() {
		if err := Stop(context.Background(), b.store, "asked to stop"); err != nil {
			t.Error(err)
		}
	})
	if err := b.turn("trap 'cp -r $steps/step-0000010 run/checkpoints/; exit 130' TERM\nwhile :; do sleep 0.02; done"); err != nil {
		t.Fatal(err)
	}
	b.want(Stopped, "asked to stop", 1)
	if o := b.outcome(); o.Step != 10 {
		t.Errorf("stopped at step %d, want the 10 that was saved last", o.Step)
	}
}

// TestDeafTrainer: one that does not end when asked to is killed after the grace.
func TestDeafTrainer(t *testing.T) {
	b := newBench(t, nil)
	b.Grace = 300 * time.Millisecond
	time.AfterFunc(200*time.Millisecond, func() { b.leaving.Store(true) })
	if err := b.turn("trap '' TERM\nexec sleep 30"); !errors.Is(err, ErrTakenAway) {
		t.Error(err)
	}
	if b.started.Load() != 1 || b.took < b.Grace || b.took > 15*time.Second {
		t.Errorf("%d trainers; the turn took %s with a grace of %s", b.started.Load(), b.took, b.Grace)
	}
}

// TestLostLease: a machine whose lease was taken over ends its trainer and commits nothing of it.
func TestLostLease(t *testing.T) {
	b := newBench(t, nil)
	time.AfterFunc(200*time.Millisecond, func() {
		// The holder's own name: a lease that did not run out is given to nobody else.
		if _, err := bucket.Acquire(context.Background(), b.store, LeaseObject, "machine", time.Hour); err != nil {
			t.Error(err)
		}
	})
	if err := b.turn("trap 'cp -r $steps/step-0000010 run/checkpoints/; exit 130' TERM\nwhile :; do sleep 0.02; done"); !errors.Is(err, bucket.ErrLost) {
		t.Fatalf("got %v, want ErrLost", err)
	}
	b.want("", "", 0)
	if l, err := bucket.Peek(t.Context(), b.store, LeaseObject); err != nil || len(l.Steps) > 0 || l.Token != 2 {
		t.Errorf("ledger %+v, %v: want token 2 and no step", l, err)
	}
}

// TestUnattended: where no controller is, the machine holds the run to its bounds and then deletes itself; where one is,
// it leaves both to it.
func TestUnattended(t *testing.T) {
	const blink = 0.3 / 3600 // hours
	train := "trap 'exit 130' TERM\nfor i in $(seq 60); do sleep 0.02; done"
	attend := func(b *bench) {
		if _, err := bucket.Acquire(b.t.Context(), b.store, ControllerObject, "laptop", time.Hour); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name   string
		bound  func(*Run)
		before func(*bench)
		state  string
		why    string
	}{
		{"no bound", nil, nil, Done, ""},
		{"hours", func(r *Run) { r.MaxHours = blink }, nil, Stopped, "machine-hours"},
		{"cost", func(r *Run) { r.MaxCost, r.HourPrice = 2*blink, 2 }, nil, Stopped, "machine-hours cost"},
		{"nobody there", func(r *Run) { r.MaxUnattended = blink }, nil, Stopped, "no subbert tpu run has watched the run"},
		{"hours, with a controller", func(r *Run) { r.MaxHours = blink }, attend, Done, ""},
		{"somebody there", func(r *Run) { r.MaxUnattended = blink }, attend, Done, ""},
		{"hours of earlier machines", func(r *Run) { r.MaxHours = 5 }, func(b *bench) {
			l, err := bucket.Acquire(b.t.Context(), b.store, ControllerObject, "laptop", time.Hour)
			if err == nil {
				err = errors.Join(l.Note(b.t.Context(), Status{Hours: 4, Seen: time.Now().Add(-2 * time.Hour)}), l.Release(b.t.Context()),
					os.WriteFile(filepath.Join(b.Dir, beganFile), []byte(time.Now().Add(-3*time.Hour).Format(time.RFC3339Nano)), 0o644))
			}
			if err != nil {
				b.t.Fatal(err)
			}
		}, Stopped, "6.00 machine-hours"},
		{"a machine that boots again", func(r *Run) { r.MaxHours = 5 }, func(b *bench) {
			if err := os.WriteFile(filepath.Join(b.Dir, beganFile), []byte(time.Now().Add(-6*time.Hour).Format(time.RFC3339Nano)), 0o644); err != nil {
				b.t.Fatal(err)
			}
		}, Stopped, "6.00 machine-hours"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, test.bound)
			if test.before != nil {
				test.before(b)
			}
			if err := b.turn(train); err != nil {
				t.Fatal(err)
			}
			b.want(test.state, test.why, 1)
		})
	}
}

// TestDeletionThatFails: the machine says so where people look, and tries again whenever it is started again.
func TestDeletionThatFails(t *testing.T) {
	b := newBench(t, nil)
	b.refusal = errors.New("permission 'tpu.queuedResources.delete' denied")
	for n := range int64(2) {
		if err := b.turn("exit 0"); err == nil || !strings.Contains(err.Error(), "delete this machine: permission") {
			t.Errorf("got %v, want the refusal", err)
		}
		b.want(Done, "", n+1)
	}
	if h, err := ReadHeartbeat(t.Context(), b.store); err != nil || !strings.Contains(h.Doing, "cannot delete itself") {
		t.Errorf("heartbeat %+v, %v", h, err)
	}
	b.refusal = nil
	if err := b.turn("exit 0"); err != nil || b.started.Load() != 1 {
		t.Errorf("once the role is there: %v, %d trainers", err, b.started.Load())
	}
	b.want(Done, "", 3)
}

func TestNoSelfDeletion(t *testing.T) {
	b := newBench(t, func(r *Run) { r.SelfDelete = false })
	if err := b.turn("exit 0"); err != nil {
		t.Fatal(err)
	}
	b.want(Done, "", 0)
}

// TestPinnedConfig: a config that is not the one that the record pins is refused.
func TestPinnedConfig(t *testing.T) {
	b := newBench(t, nil)
	r, err := ReadRun(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Write(t.Context(), r.Config.Object, strings.NewReader("evil"), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := b.turn("exit 0"); err == nil || !strings.Contains(err.Error(), "sha256") || b.started.Load() > 0 {
		t.Errorf("got %v, %d trainers; want it refused", err, b.started.Load())
	}
}
