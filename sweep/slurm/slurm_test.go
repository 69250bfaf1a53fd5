package slurm

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/sweep/slurm/slurmtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestMain lets this binary be the program of the jobs, with one verb: `work OUT STEPS PAUSE [fail]` appends a line a step to
// OUT/steps, going on where it was.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "sweep-step" {
		os.Exit(workStep(os.Args[2]))
	}
	os.Exit(m.Run())
}

func workStep(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	code := func(err error) int {
		if errors.Is(err, context.Canceled) {
			return sweep.Interrupted
		}
		return 1
	}
	s := sweep.Step{Do: work, Code: code, Host: "job", Resumes: func([]string) bool { return true }}
	if err := s.Run(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return code(err)
	}
	return 0
}

func work(ctx context.Context, args []string) error {
	out, n, how := args[1], 0, args[4]
	if _, err := fmt.Sscan(args[2], &n); err != nil {
		return err
	}
	pause, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	steps, err := os.OpenFile(filepath.Join(out, "steps"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer steps.Close()
	for i := lines(steps.Name()); i < n; i++ {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted at %d: %w", i, ctx.Err())
		}
		time.Sleep(pause)
		if _, err := fmt.Fprintln(steps, i); err != nil {
			return err
		}
	}
	if _, err := os.Stat(how); err == nil {
		return errors.New("asked to fail")
	}
	return os.WriteFile(filepath.Join(out, result.File), []byte(`{"steps": `+fmt.Sprint(n)+"}\n"), 0o644)
}

func lines(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	return strings.Count(string(text), "\n")
}

// world is a store, a cluster and a graph: two runs to start with, two that need the first, one that needs the second, one
// that needs all three.
type world struct {
	t       *testing.T
	dir     string
	store   *sweep.Store
	graph   sweep.Graph
	options map[string]string
	told    []string // every change, as text
	failed  func()   // called when a run failed; may be nil
}

func newWorld(t *testing.T, c *slurmtest.Cluster, steps int, pause string) *world {
	t.Helper()
	c.Start(t)
	w := &world{t: t, dir: t.TempDir()}
	var err error
	if w.store, err = sweep.OpenStore(filepath.Join(w.dir, "st'o re")); err != nil {
		t.Fatal(err)
	}
	node := func(name string, needs ...string) sweep.Run {
		return sweep.Run{Name: name, Verb: "work", Args: []string{"{out}", fmt.Sprint(steps), pause, filepath.Join(w.dir, name)}, Needs: needs, Group: "work"}
	}
	w.graph.Runs = []sweep.Run{node("a"), node("b"), node("a1", "a"), node("a2", "a"), node("b1", "b"), node("end", "a1", "a2", "b1")}
	return w
}

// queue is as the program makes one.
func (w *world) queue() *Queue {
	return &Queue{
		Store: w.store, Program: []string{os.Args[0]}, Poll: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Options: func(string) (map[string]string, error) { return w.options, nil },
	}
}

func (w *world) sweep(ctx context.Context) (*sweep.Report, error) {
	w.t.Helper()
	s, err := sweep.New(w.graph, w.store, w.dir, func(string) (string, error) { return "", nil }, "1")
	if err != nil {
		w.t.Fatal(err)
	}
	s.Tell = func(s sweep.Status) {
		w.told = append(w.told, s.Name+" "+string(s.State))
		if w.failed != nil && s.State == sweep.Failed {
			w.failed()
		}
	}
	return s.Run(ctx, w.queue())
}

// done runs a sweep and wants everything done, with every step of every run done once.
func (w *world) done(steps int) {
	w.t.Helper()
	report, err := w.sweep(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range report.Runs {
		if n := lines(filepath.Join(r.Dir, "steps")); n != steps || r.State != sweep.Done && r.State != sweep.Cached {
			log, _ := os.ReadFile(filepath.Join(r.Dir, sweep.LogFile))
			w.t.Errorf("%s: %s %s, %d steps, want %d\n%s", r.Name, r.State, r.Why, n, steps, log)
		}
	}
}

// submitted runs a sweep of three runs, in two arrays, that is stopped once they are in the queue.
func (w *world) submitted(c *slurmtest.Cluster) {
	w.t.Helper()
	w.graph.Runs = w.graph.Runs[:3]
	ctx, stop := context.WithCancel(w.t.Context())
	defer stop()
	go func() {
		for len(c.Calls("sbatch")) < 2 || len(c.Calls("squeue")) < 2 {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	if _, err := w.sweep(ctx); !errors.Is(err, context.Canceled) {
		w.t.Fatalf("a sweep that was stopped: %v", err)
	}
}

// TestQueue: arrays, dependencies and states, with accounting and without.
func TestQueue(t *testing.T) {
	for _, accounting := range []bool{false, true} {
		t.Run(fmt.Sprint("accounting ", accounting), func(t *testing.T) {
			c := &slurmtest.Cluster{Accounting: accounting}
			w := newWorld(t, c, 3, "1ms")
			w.graph.Runs[0].Hours = 2
			w.graph.Runs[1].Hours = 2
			c.Fail("squeue", "slurm_load_jobs error: Unable to contact slurm controller")
			w.done(3)
			var got [][]string
			for _, args := range c.Calls("sbatch") {
				var some []string
				for _, a := range args {
					for _, option := range []string{"--array", "--dependency", "--time", "--requeue", "--signal"} {
						if strings.HasPrefix(a, option) {
							some = append(some, a)
						}
					}
				}
				got = append(got, some)
			}
			common := []string{"--requeue"}
			want := [][]string{
				append(common, "--array=0-1", "--signal=B:TERM@120", "--time=190"),
				append(common, "--array=0-1", "--signal=B:TERM@120", "--dependency=afterok:1_0"),
				append(common, "--array=0-0", "--signal=B:TERM@120", "--dependency=afterok:1_1"),
				append(common, "--array=0-0", "--signal=B:TERM@120", "--dependency=afterok:2_0:2_1:3_0"),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if w.told[len(w.told)-1] != "end done" {
				t.Error(w.told)
			}
			w.done(3)
			if n := len(c.Calls("sbatch")); n != 4 {
				t.Errorf("a second sweep submitted %d more", n-4)
			}
		})
	}
}

// TestQueueFailure: a run that fails keeps from being done what needs it and nothing else; the next sweep does the rest.
func TestQueueFailure(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for jobs")
	}
	c := &slurmtest.Cluster{}
	w := newWorld(t, c, 2, "1ms")
	bad := filepath.Join(w.dir, "a2")
	if err := os.WriteFile(bad, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	report, err := w.sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a2 failed: asked to fail (job 2_1: FAILED)", "end skipped because a2 failed"}, report.Failures()); diff != "" || report.Count(sweep.Done) != 4 {
		t.Error(report.Count(sweep.Done), diff)
	}
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	w.done(2)
	if n := len(c.Calls("sbatch")); n != 4+2 {
		t.Errorf("%d submissions, want the first 4 and 2 for what failed", n)
	}
}

// TestTimeLimit: runs that take longer than their jobs may are told in time, save, and go on when it is their turn again.
// Likewise when jobs are preempted; when they are killed without a word the step in hand is lost.
func TestTimeLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for jobs")
	}
	c := &slurmtest.Cluster{Minute: 500 * time.Millisecond, Slots: 3}
	w := newWorld(t, c, 60, "25ms")
	w.graph.Runs = w.graph.Runs[:3]
	w.options = map[string]string{"time": "4"}
	preempted := make(chan int)
	go func() {
		n := 0
		for i := 0; i < 4; i++ {
			time.Sleep(300 * time.Millisecond)
			n += c.Preempt(i%2 == 0)
		}
		preempted <- n
	}()
	w.done(60)
	if n := <-preempted; n == 0 || c.Restarts() <= n {
		t.Errorf("%d preemptions, %d restarts: want some of both, and more of those", n, c.Restarts())
	}
}

// TestAnotherShell: a sweep that was stopped is watched again without a new submission; so is one that was killed between
// a submission and its note. Jobs that are gone are submitted again.
func TestAnotherShell(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for jobs")
	}
	c := &slurmtest.Cluster{}
	w := newWorld(t, c, 100, "20ms")
	w.submitted(c)
	ledger := w.store.Path("slurm/jobs.json")
	text, err := os.ReadFile(ledger)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ledger, []byte(strings.Replace(string(text), `"job": "1",`, "", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	w.done(100)
	if n := len(c.Calls("sbatch")); n != 2 {
		t.Errorf("%d submissions, want 2", n)
	}
}

// TestRetryBeside: a run that failed is submitted again while others of its array are still running, which are not.
func TestRetryBeside(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for jobs")
	}
	c := &slurmtest.Cluster{}
	w := newWorld(t, c, 150, "20ms")
	w.graph.Runs = w.graph.Runs[:2]
	w.graph.Runs[1].Args[1] = "1"
	bad := filepath.Join(w.dir, "b")
	if err := os.WriteFile(bad, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w.failed = stop
	if _, err := w.sweep(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	report, err := w.sweep(t.Context())
	if err != nil || report.Count(sweep.Done) != 2 || lines(filepath.Join(report.Runs[0].Dir, "steps")) != 150 {
		t.Errorf("%v, %v", err, report.Failures())
	}
	if n := len(c.Calls("sbatch")); n != 2 {
		t.Errorf("%d submissions, want one for both and one for what failed", n)
	}
}

func TestCancel(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for jobs")
	}
	c := &slurmtest.Cluster{}
	w := newWorld(t, c, 100, "20ms")
	w.submitted(c)
	n, err := w.queue().Cancel(t.Context())
	if err != nil || n != 2 {
		t.Fatalf("%d arrays taken back, want 2 (%v)", n, err)
	}
	for deadline := time.Now().Add(20 * time.Second); len(c.Left()) > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if n, err = w.queue().Cancel(t.Context()); err != nil || n != 0 || c.Restarts() > 0 {
		t.Errorf("again: %d (%v); left %v, %d went back into the queue", n, err, c.Left(), c.Restarts())
	}
	w.done(100) // submitted again, going on where it was
}

// TestTakenBack: jobs that somebody else takes back are failures of their runs, once each.
func TestTakenBack(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits for jobs")
	}
	c := &slurmtest.Cluster{Accounting: true}
	w := newWorld(t, c, 1000, "10ms")
	go func() {
		for len(c.Calls("squeue")) < 2 {
			time.Sleep(time.Millisecond)
		}
		exec.Command("scancel", "1").Run()
	}()
	report, err := w.sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := report.Failures()
	for i := range got { // told to end, or killed before
		got[i] = strings.Replace(got[i], "end skipped because b failed", "end skipped because a failed", 1) // whichever ended first
		got[i] = regexp.MustCompile(`interrupted at [0-9]+: context canceled \((.*)\)`).ReplaceAllString(got[i], "$1")
	}
	want := []string{
		"a failed: job 1_0: CANCELLED", "b failed: job 1_1: CANCELLED", "a1 skipped because a failed", "a2 skipped because a failed",
		"b1 skipped because b failed", "end skipped because a failed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRefused(t *testing.T) {
	c := &slurmtest.Cluster{}
	w := newWorld(t, c, 1, "1ms")
	for _, test := range []struct{ option, value, want string }{
		{"partition", "no; rm -rf /", "sbatch: error: invalid partition specified: no; rm -rf /: exit status 1"},
		{"array", "1", "on.slurm.array: the sweep sets this option itself"},
		{"Mem", "1", "on.slurm.Mem: want the name of an option of sbatch, without --"},
	} {
		w.options = map[string]string{test.option: test.value}
		_, err := w.sweep(t.Context())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	if text, err := os.ReadFile(w.store.Path("slurm/jobs.json")); err == nil && strings.TrimSpace(string(text)) != "[]" {
		t.Errorf("left: %s", text)
	}
	t.Setenv("PATH", "")
	w.options = nil
	if _, err := w.sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "sbatch not found: is this a machine of a SLURM cluster?") {
		t.Error(err)
	}
}

// nasty is a name that no shell may see without quotes.
const nasty = `a b'c"$(touch pwned);` + "`touch pwned`" + `\ *`

func TestScript(t *testing.T) {
	got := Script([]string{"/opt/subbert", "--backend", "cuda"}, []string{"/store/0123", "/sto're/4567 89"})
	golden := filepath.Join("testdata", "array.sh")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("no shellcheck")
	}
	if out, err := exec.Command("shellcheck", golden).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestScriptQuotes: whatever the names, the program gets them as they are, and nothing else is done.
func TestScriptQuotes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	top := t.TempDir()
	dir := filepath.Join(top, nasty)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bash, "-c", Script([]string{"/bin/echo", "-n", nasty, "$HOME"}, []string{"other", dir}))
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "SLURM_ARRAY_TASK_ID=1", "SLURM_ARRAY_JOB_ID=7", "SLURM_JOB_ID=9")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	log, err := os.ReadFile(filepath.Join(dir, sweep.LogFile))
	if err != nil {
		t.Fatal(err)
	}
	if want := nasty + " $HOME sweep-step " + dir; !strings.HasSuffix(string(log), want) {
		t.Errorf("log %q, want it to end in %q", log, want)
	}
	if entries, err := os.ReadDir(top); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: a name was taken for a command", entries, err)
	}
}
