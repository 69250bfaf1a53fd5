package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/subbert/subbert/runs/result"
)

// TestMain lets this binary be a program with the one verb "work", as the processes of a pool, and a sweep over it.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "step" {
		os.Exit(workStep(os.Args[2]))
	}
	if len(os.Args) > 2 && os.Args[1] == "sweep" {
		os.Exit(workSweep(os.Args[2]))
	}
	os.Exit(m.Run())
}

// workStep is a process of a pool.
func workStep(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	code := func(err error) int {
		if errors.Is(err, context.Canceled) {
			return Interrupted
		}
		return 1
	}
	s := Step{Do: work, Code: code, Host: "here", Resumes: func(args []string) bool { return args[0] == "work" }}
	if err := s.Run(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return code(err)
	}
	return 0
}

// work is a verb: `work OUT STEPS PAUSE INPUT...` appends a line a step to OUT/steps, goes on where it was with --resume, and
// ends with a result made of its inputs. `once` is the same without --resume. An input named fail fails it, panic panics.
func work(ctx context.Context, args []string) error {
	out, n, pause, inputs := args[1], 0, time.Duration(0), args[4:]
	if _, err := fmt.Sscan(args[2], &n); err != nil {
		return err
	}
	pause, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	if inputs[len(inputs)-1] == "--resume" {
		inputs = inputs[:len(inputs)-1]
	} else if _, err := os.Stat(filepath.Join(out, "steps")); err == nil {
		return errors.New("there is something already")
	}
	steps, err := os.OpenFile(filepath.Join(out, "steps"), os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer steps.Close()
	text, err := os.ReadFile(steps.Name())
	if err != nil {
		return err
	}
	for i := strings.Count(string(text), "\n"); i < n; i++ {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted at %d: %w", i, ctx.Err())
		}
		time.Sleep(pause)
		if _, err := fmt.Fprintln(steps, i); err != nil {
			return err
		}
	}
	fmt.Println("worked on", inputs, "with", runtime.NumCPU(), "processors")
	return joined(out, inputs)
}

// joined leaves the inputs as the result.
func joined(out string, inputs []string) error {
	var texts []string
	for _, in := range inputs {
		switch in {
		case "fail":
			return errors.New("asked to fail\nand more")
		case "panic":
			os.Stderr.WriteString("panic: as asked\n")
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		text, err := os.ReadFile(in)
		if err != nil {
			text = []byte(in)
		}
		texts = append(texts, strings.TrimSpace(string(text)))
	}
	return writeJSON(filepath.Join(out, result.File), strings.Join(texts, "+"))
}

// diamond is a graph of seven runs of work: two that start, three in the middle, one at the end of it, one that needs it.
func diamond(pause string) Graph {
	node := func(name string, in ...string) Run {
		return Run{Name: name, Verb: "work", Args: append([]string{"{out}", "4", pause}, in...)}
	}
	at := func(name string) string { return "{in:" + name + "/" + result.File + "}" }
	return Graph{[]Run{
		node("start/a", "A"), node("start/b", "B"),
		node("mid/1", at("start/a"), "1"), node("mid/2", at("start/a"), at("start/b"), "2"), node("mid/3", at("start/b"), "3"),
		node("end", at("mid/1"), at("mid/2"), at("mid/3")),
		node("twin/b", "B"),
	}}
}

// poolOf is a pool of processes of this binary.
func poolOf(s *Store, jobs int) *Pool {
	return &Pool{Store: s, Jobs: jobs, Host: "here", Command: func(t Task, _ int) *exec.Cmd {
		return exec.Command(os.Args[0], "step", t.Dir)
	}}
}

// graphFile is how a test tells the graph to the process that sweeps.
const graphFile = "graph.json"

// workSweep is a process that carries out the graph in a file of a directory.
func workSweep(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var g Graph
	if _, err := readJSON(filepath.Join(dir, graphFile), &g); err != nil {
		panic(err)
	}
	report, err := sweepIn(ctx, g, dir, 2)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	json.NewEncoder(os.Stdout).Encode(report)
	return 0
}

// sweepIn carries out g in the store of a directory.
func sweepIn(ctx context.Context, g Graph, dir string, jobs int) (*Report, error) {
	s, err := OpenStore(filepath.Join(dir, "store"))
	if err != nil {
		return nil, err
	}
	w, err := New(g, s, dir, func(string) (string, error) { return "", nil }, "1")
	if err != nil {
		return nil, err
	}
	begun, err := os.Create(filepath.Join(dir, begunFile))
	if err != nil {
		return nil, err
	}
	defer begun.Close()
	w.Tell = func(s Status) {
		if s.State == Running {
			fmt.Fprintln(begun, s.Name)
		}
	}
	return w.Run(ctx, poolOf(s, jobs))
}

// begunFile has a line for each run that a sweep in a directory has begun.
const begunFile = "begun"

// states are those of the runs of a report, by name.
func states(r *Report) map[string]State {
	m := make(map[string]State)
	for _, s := range r.Runs {
		m[s.Name] = s.State
	}
	return m
}

// steps is how many steps the processes of a run did, over all its attempts.
func steps(t *testing.T, dir, name string) int {
	t.Helper()
	s, err := OpenStore(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(s.ByName(name), "steps"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

func resultOf(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "store", "by-name", name, result.File))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(string(text), "\"\n")
}

// sweepProcess is a process that sweeps g in dir, not started yet.
func sweepProcess(t *testing.T, g Graph, dir string) *exec.Cmd {
	t.Helper()
	if err := writeJSON(filepath.Join(dir, graphFile), g); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "sweep", dir)
	c.Stderr = new(bytes.Buffer)
	return c
}

// stepPIDs are the processes of runs that are working now, by the locks they hold.
func stepPIDs(t *testing.T, dir string) (pids []int) {
	t.Helper()
	s, err := OpenStore(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	locks, err := filepath.Glob(filepath.Join(dir, "store", "*", lockFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, lock := range locks {
		busy, err := s.Busy(filepath.Base(filepath.Dir(lock)))
		if err != nil {
			t.Fatal(err)
		}
		var h holder
		if ok, err := readJSON(lock, &h); busy && ok && err == nil {
			pids = append(pids, h.PID)
		}
	}
	slices.Sort(pids)
	return pids
}

// awaitBegun returns once the newest sweep in dir has begun n runs.
func awaitBegun(dir string, n int) {
	for begun := 0; begun < n; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(dir, begunFile)) // not there yet: none has begun
		begun = strings.Count(string(text), "\n")
	}
}
