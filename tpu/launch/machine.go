package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/internal/atomicfile"
)

// ErrTakenAway says that the machine is about to be taken away; the state is saved.
var ErrTakenAway = errors.New("the machine is being taken away; the state is saved")

// errStop says that the run was asked to stop.
var errStop = errors.New("the run was asked to stop")

// Machine is the machine's side of a run: it trains in a child process and keeps the store up to date. A lease with
// a fencing token makes sure that only one machine of a run writes; a machine that lost it commits nothing more.
type Machine struct {
	Store  bucket.Store
	Dir    string // directory of the run on this machine; valid files in it are reused
	Holder string // identity of this machine, which stays the same after a restart
	Log    *slog.Logger

	// Program makes a command that runs this program. The Machine sets its output and directory.
	Program func(args ...string) *exec.Cmd
	// Delete requests the deletion of this machine. It keeps a machine that was requested after since, which is another one.
	Delete func(ctx context.Context, r Run, since time.Time) error
	// Leaving says why this machine is about to be taken away; empty if it is not.
	Leaving func(context.Context) (string, error)

	Beat   time.Duration // between heartbeats
	TTL    time.Duration // of the lease: the time that the successor of a vanished machine waits
	Grace  time.Duration // from SIGTERM to SIGKILL of the trainer
	Keep   int           // checkpoints in the store
	Prefix []string      // flags before the verb, such as --quiet
}

// notes is the state that a machine passes to the next one in the lease.
type notes struct {
	Crashes []crash `json:"crashes,omitempty"`
}

// crash is an unexpected end of the trainer.
type crash struct {
	Step int       `json:"step"` // of the newest committed checkpoint
	Time time.Time `json:"time"`
	Why  string    `json:"why"`
}

// work is a machine's turn.
type work struct {
	*Machine
	run    Run
	began  time.Time // when this machine's side was first started on this machine
	lease  *bucket.Lease
	remote *checkpoints.Remote
	log    string // file of the trainer's output

	mu    sync.Mutex
	doing string
}

// Work trains until the run has an outcome, which may exist already, and then deletes the machine. After ErrTakenAway
// and a cancelled ctx the run can be continued, and also after a crash; a second crash at the same step is the run's
// outcome.
func (m *Machine) Work(ctx context.Context) error {
	started := time.Now()
	r, err := ReadRun(ctx, m.Store)
	if err != nil {
		return err
	}
	o, err := ReadOutcome(ctx, m.Store)
	if err != nil {
		return err
	}
	if o == nil {
		err = m.work(ctx, r)
	}
	return errors.Join(err, m.leave(ctx, r, started))
}

// work is a machine's turn, including the lease.
func (m *Machine) work(ctx context.Context, r Run) (err error) {
	w := &work{Machine: m, run: r}
	if w.began, err = m.begin(); err != nil {
		return err
	}
	if w.lease, err = m.acquire(ctx); err != nil {
		return err
	}
	inner, cancel := context.WithCancelCause(ctx)
	var keeper sync.WaitGroup
	keeper.Go(func() { cancel(w.keep(inner)) })
	err = w.turn(inner)
	cancel(nil)
	keeper.Wait()
	if errors.Is(err, bucket.ErrLost) {
		return err
	}
	soon, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer done()
	return errors.Join(err, w.lease.Release(soon))
}

// beganFile holds the time of the first start on this machine, which has a new disk.
const beganFile = "began"

func (m *Machine) begin() (time.Time, error) {
	file := filepath.Join(m.Dir, beganFile)
	text, err := os.ReadFile(file)
	if err == nil {
		return time.Parse(time.RFC3339Nano, string(text))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, err
	}
	now := time.Now().UTC()
	return now, atomicfile.WriteBytes(file, []byte(now.Format(time.RFC3339Nano)))
}

// leave deletes this machine if the run is over, because there may be no controller to do it. After an error systemd
// restarts the machine's side, which tries again.
func (m *Machine) leave(ctx context.Context, r Run, started time.Time) error {
	if !r.SelfDelete {
		return nil
	}
	soon, done := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer done()
	o, err := ReadOutcome(soon, m.Store)
	if err != nil || o == nil {
		return err
	}
	m.Log.Info("deleting this machine")
	if err = m.Delete(soon, r, started); err != nil {
		h := Heartbeat{Step: o.Step, Time: time.Now().UTC(), Host: m.Holder, Doing: fmt.Sprintf("the run is over, and this machine cannot delete itself: %s", err)}
		_, noted := bucket.WriteJSON(soon, m.Store, HeartbeatObject, h, bucket.Condition{})
		err = errors.Join(fmt.Errorf("delete this machine: %w", err), noted)
	}
	return err
}

func (m *Machine) acquire(ctx context.Context) (*bucket.Lease, error) {
	for {
		lease, err := bucket.Acquire(ctx, m.Store, LeaseObject, m.Holder, m.TTL)
		var held *bucket.HeldError
		if !errors.As(err, &held) {
			return lease, err
		}
		m.Log.Info("waiting, because another machine writes", "holder", held.Holder, "until", held.Until)
		if err := pause(ctx, max(m.Beat/2, min(time.Until(held.Until), m.TTL))); err != nil {
			return nil, err
		}
	}
}

// keep renews the lease and sends heartbeats until there is a reason to end the turn, which it returns. A single
// failed call is no reason; a lease that could not be renewed for its whole duration is.
func (w *work) keep(ctx context.Context) error {
	renewed := time.Now()
	for {
		if why, err := w.Leaving(ctx); err != nil {
			w.Log.Warn("the metadata server failed", "error", err)
		} else if why != "" {
			w.Log.Warn("this machine is about to be taken away", "why", why)
			return ErrTakenAway
		}
		err := w.beat(ctx)
		switch {
		case err == nil:
			renewed = time.Now()
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, bucket.ErrLost), errors.Is(err, errStop):
			return err
		case time.Since(renewed) > w.TTL:
			return fmt.Errorf("%w: not renewed for %s: %w", bucket.ErrLost, w.TTL, err)
		default:
			w.Log.Warn("heartbeat failed", "error", err)
		}
		if err := pause(ctx, w.Beat); err != nil {
			return context.Cause(ctx)
		}
	}
}

// beat renews the lease, writes the heartbeat, and checks whether the run was asked to stop.
func (w *work) beat(ctx context.Context) error {
	if err := w.lease.Renew(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	h := Heartbeat{Step: w.step(), Time: time.Now().UTC(), Host: w.Holder, Token: w.lease.Token(), Doing: w.doing}
	w.mu.Unlock()
	if _, err := bucket.WriteJSON(ctx, w.Store, HeartbeatObject, h, bucket.Condition{}); err != nil {
		return err
	}
	r, err := ReadRun(ctx, w.Store)
	if err == nil && r.Desired == Stopped {
		return errStop
	}
	if err == nil {
		err = w.attended(ctx, r)
	}
	return err
}

// attended enforces the run's bounds if no controller does: it asks the run to stop, which the next beat sees.
func (w *work) attended(ctx context.Context, r Run) error {
	l, err := bucket.Peek(ctx, w.Store, ControllerObject)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	now := time.Now()
	if now.Before(l.Until) {
		return nil
	}
	s, err := statusOf(l)
	if err != nil {
		return err
	}
	why := r.over(s.unattended(w.began, now))
	since := w.began
	if s.Seen.After(since) {
		since = s.Seen
	}
	if alone := now.Sub(since).Hours(); why == "" && r.MaxUnattended > 0 && alone >= r.MaxUnattended {
		why = fmt.Sprintf("no subbert tpu run has watched the run for %.2f hours, want at most %g", alone, r.MaxUnattended)
	}
	if why == "" {
		return nil
	}
	return Stop(ctx, w.Store, why)
}

// unattended is the number of machine-hours so far, as counted by a machine that began at began: those in s, plus the
// time since s was last updated or, if later, since began.
func (s Status) unattended(began, now time.Time) float64 {
	from := began
	if s.Seen.After(from) {
		from = s.Seen
	}
	return s.Hours + now.Sub(from).Hours()
}

// step is the step of the newest committed checkpoint; -1 if there is none.
func (w *work) step() int {
	steps := w.lease.Ledger().Steps
	if len(steps) == 0 {
		return -1
	}
	return steps[len(steps)-1].Step
}

func (w *work) say(doing string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doing = doing
	w.Log.Info(doing)
}

// turn is a machine's turn without the lease.
func (w *work) turn(ctx context.Context) error {
	var err error
	if w.remote, err = checkpoints.NewRemote(ctx, w.Store, checkpointsPrefix, w.lease, w.Keep); err != nil {
		return w.instead(ctx, err)
	}
	if err := w.fetch(ctx); err != nil {
		return w.instead(ctx, err)
	}
	exit, err := w.train(ctx)
	if err != nil {
		return err
	}
	return w.conclude(ctx, exit)
}

// instead is the cause of ctx's end, if it ended, else err.
func (w *work) instead(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, errStop) {
		return w.stopped()
	}
	return cause
}

// stopped ends a run that was asked to stop.
func (w *work) stopped() error {
	ctx, cancel := context.WithTimeout(context.Background(), w.Grace)
	defer cancel()
	r, err := ReadRun(ctx, w.Store)
	if err != nil {
		return err
	}
	return conclude(ctx, w.Store, Outcome{State: Stopped, Step: w.step(), Why: r.Reason})
}

// dir is the run's directory of the trainer.
func (w *work) dir() string { return filepath.Join(w.Dir, RunDir) }

// fetch downloads everything that the trainer needs: config, inputs, plugin, the newest checkpoint and the metrics up
// to it.
func (w *work) fetch(ctx context.Context) error {
	w.say("fetching inputs")
	for _, name := range w.run.Inputs {
		if err := bucket.GetTree(ctx, w.Store, path.Join(inputsPrefix, name), filepath.Join(w.Dir, inputsPrefix, name)); err != nil {
			return err
		}
	}
	if err := w.pinned(ctx, w.run.Config, filepath.Join(w.Dir, configFile)); err != nil {
		return err
	}
	if w.run.Plugin != nil {
		if err := w.install(ctx, *w.run.Plugin); err != nil {
			return err
		}
	}
	w.say("fetching the newest checkpoint")
	root := filepath.Join(w.dir(), "checkpoints")
	// Local checkpoints that were never committed are removed, so that there is only one history.
	if err := errors.Join(os.RemoveAll(w.dir()), os.MkdirAll(w.dir(), 0o755)); err != nil {
		return err
	}
	saver, err := checkpoints.NewSaver(root)
	if err != nil {
		return err
	}
	// The trainer compares its config with the one that the run was started with.
	if err := w.pinned(ctx, w.run.Config, filepath.Join(w.dir(), configFile)); err != nil {
		return err
	}
	if _, err := checkpoints.Download(ctx, w.Store, w.lease.Ledger(), saver); err != nil {
		return err
	}
	err = bucket.GetFile(ctx, w.Store, MetricsObject, filepath.Join(w.dir(), MetricsObject))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// pinned downloads an object and rejects it unless its checksum matches the record.
func (w *work) pinned(ctx context.Context, p Pinned, file string) error {
	if err := bucket.GetFile(ctx, w.Store, p.Object, file); err != nil {
		return err
	}
	sum, err := SHA256(file)
	if err == nil && sum != p.SHA256 {
		err = fmt.Errorf("%s/%s: sha256 is %s, want %s", w.Store, p.Object, sum, p.SHA256)
	}
	return err
}

// install unpacks the wheel that the record pins; the installer compares it once more with its own list of
// releases.
func (w *work) install(ctx context.Context, p Pinned) error {
	w.say("installing the backend")
	file := filepath.Join(w.Dir, pluginPrefix, path.Base(p.Object))
	if err := w.pinned(ctx, p, file); err != nil {
		return err
	}
	out, err := w.Program("backend", "install", "tpu", "--version", WheelVersion(file), "--wheel", file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("install %s: %w: %s", p.Object, err, out)
	}
	return nil
}

// train runs the trainer to its end and keeps the store up to date, finally once more after the end. If ctx ends, the
// trainer gets SIGTERM and time to save. exit is its exit code, or -1 for a signal; err is an error of our own work,
// or the cause of ctx's end.
func (w *work) train(ctx context.Context) (exit int, err error) {
	w.say("training")
	w.log = filepath.Join(w.Dir, LogsPrefix, fmt.Sprintf("t%05d.log", w.lease.Token()))
	if err := os.MkdirAll(filepath.Dir(w.log), 0o755); err != nil {
		return 0, err
	}
	out, err := os.Create(w.log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	args := slices.Concat([]string{"--backend", w.run.Backend}, w.Prefix, []string{w.run.Verb, configFile, "--resume"})
	trainer := w.Program(args...)
	trainer.Dir, trainer.Stdout, trainer.Stderr = w.Dir, out, out
	if err := trainer.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- trainer.Wait() }()
	trouble := w.attend(ctx, ended, trainer.Process)
	// The trainer has ended. Its last checkpoint is uploaded even though ctx has ended, unless the lease is lost.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.Grace)
	defer cancel()
	if !errors.Is(trouble, bucket.ErrLost) {
		trouble = errors.Join(w.sync(last), w.putLog(last), trouble)
	}
	if errors.Is(trouble, errStop) {
		return 0, w.stopped()
	}
	return trainer.ProcessState.ExitCode(), trouble
}

// attend uploads the trainer's checkpoints until it ends. The error is the cause of an earlier end of ctx, or the loss
// of the lease.
func (w *work) attend(ctx context.Context, ended <-chan error, trainer *os.Process) error {
	for {
		timer := time.NewTimer(w.Beat)
		select {
		case <-ended: // its ProcessState says how
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(context.Cause(ctx), w.end(ended, trainer))
		case <-timer.C:
		}
		err := errors.Join(w.sync(ctx), w.putLog(ctx))
		if errors.Is(err, bucket.ErrLost) {
			return errors.Join(err, w.end(ended, trainer))
		}
		if err != nil && ctx.Err() == nil {
			w.Log.Warn("upload failed; trying again", "error", err)
		}
	}
}

// end asks the trainer to save and end, and kills it after the grace period.
func (w *work) end(ended <-chan error, trainer *os.Process) error {
	if err := trainer.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(w.Grace)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		w.Log.Warn("the trainer did not end in time", "grace", w.Grace.String())
		err := trainer.Kill()
		<-ended
		return err
	}
}

// sync uploads the complete local checkpoints that are newer than those in the store, oldest first, and then the
// metrics. It skips a checkpoint that the trainer removes in the meantime.
func (w *work) sync(ctx context.Context) error {
	root := filepath.Join(w.dir(), "checkpoints")
	dirs, err := filepath.Glob(filepath.Join(root, "step-*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs { // Glob sorts
		var step int
		if _, err := fmt.Sscanf(filepath.Base(dir), "step-%d", &step); err != nil || step <= w.step() {
			continue
		}
		err := w.remote.Upload(ctx, dir)
		if _, statErr := os.Stat(dir); errors.Is(statErr, fs.ErrNotExist) && !errors.Is(err, bucket.ErrLost) {
			continue
		}
		if err != nil {
			return err
		}
		w.Log.Info("uploaded", "step", step)
	}
	return w.putFile(ctx, MetricsObject, filepath.Join(w.dir(), MetricsObject))
}

// putFile uploads a file if it exists.
func (w *work) putFile(ctx context.Context, name, file string) error {
	err := bucket.PutFile(ctx, w.Store, name, file, bucket.Condition{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (w *work) putLog(ctx context.Context) error {
	return w.putFile(ctx, path.Join(LogsPrefix, filepath.Base(w.log)), w.log)
}

// Exit codes of the trainer with a special meaning.
const exitMisused = 2

// conclude derives the run's fate from the trainer's exit.
func (w *work) conclude(ctx context.Context, exit int) error {
	switch exit {
	case 0:
		return w.done(ctx)
	case exitMisused:
		return w.failed(ctx, "the trainer rejected its arguments")
	}
	n := notes{}
	if text := w.lease.Ledger().Notes; len(text) > 0 {
		if err := json.Unmarshal(text, &n); err != nil {
			return err
		}
	}
	now := crash{Step: w.step(), Time: time.Now().UTC(), Why: fmt.Sprintf("exit code %d", exit)}
	if k := len(n.Crashes); k > 0 && n.Crashes[k-1].Step == now.Step {
		return w.failed(ctx, fmt.Sprintf("the trainer crashed twice after step %d, the second time with %s", now.Step, now.Why))
	}
	n.Crashes = append(n.Crashes, now)
	if err := w.lease.Note(ctx, n); err != nil {
		return err
	}
	return fmt.Errorf("the trainer crashed after step %d with %s, and is restarted once: %s", now.Step, now.Why, strings.Join(w.tail(3), " | "))
}

// done uploads the results of the run.
func (w *work) done(ctx context.Context) error {
	w.say("uploading the result")
	err := bucket.PutTree(ctx, w.Store, ModelPrefix, filepath.Join(w.dir(), ModelPrefix))
	if errors.Is(err, fs.ErrNotExist) { // some runs have no model
		err = nil
	}
	if err = errors.Join(err, w.putFile(ctx, resultObject, filepath.Join(w.dir(), resultObject))); err != nil {
		return w.instead(ctx, err)
	}
	if err := w.lease.Renew(ctx); err != nil {
		return w.instead(ctx, err)
	}
	return conclude(ctx, w.Store, Outcome{State: Done, Step: w.step()})
}

// failed ends the run as failed, with the reason and the last lines of output.
func (w *work) failed(ctx context.Context, why string) error {
	if err := conclude(ctx, w.Store, Outcome{State: Failed, Step: w.step(), Why: why, Tail: w.tail(50)}); err != nil {
		return err
	}
	return errors.New(why)
}

// tail is the last n lines of the trainer's output.
func (w *work) tail(n int) []string {
	text, err := os.ReadFile(w.log)
	if err != nil {
		return []string{err.Error()}
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return lines[max(0, len(lines)-n):]
}
