package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/sweep/kubernetes"
	"github.com/subbert/subbert/sweep/tpu"
)

// formats is part of the key of every result. It is increased when a config changes its meaning, or a file of a run is
// read differently, so that a run computes something else.
const formats = "1"

type sweepCmd struct {
	File string `arg:"" name:"SWEEP.toml" help:"File of the runs, see docs/sweep.md."`
	Out  string `help:"Directory of the results, shared by all sweeps that may reuse them (default: out of the file, or sweeps/NAME)." placeholder:"DIR"`
	sweepFlags
}

// sweepFlags are the flags of verbs that carry out graphs of runs: where and how.
type sweepFlags struct {
	On      string        `default:"local" enum:"local,slurm,tpu,kubernetes" help:"Where to carry out the runs: local, slurm or tpu; kubernetes writes manifests (default ${default})."`
	Jobs    int           `default:"1" placeholder:"N" help:"Number of runs at once, for local and tpu (default ${default})." range:"1..1024"`
	Devices []string      `placeholder:"ID" help:"CUDA devices for the jobs; each job sees one of them."`
	MaxCost float64       `placeholder:"MONEY" help:"Most that the whole sweep may cost, for tpu." range:"0..1e9"`
	DryRun  bool          `help:"Print the runs, which of them are done and what the others need, and do nothing."`
	Cancel  bool          `help:"Cancel the jobs that the sweep has submitted, for slurm."`
	Poll    time.Duration `default:"30s" hidden:"" help:"Time between polls of a queue." range:"10ms..24h"`
	JSON    bool          `name:"json" help:"Print the report as JSON."`
}

func (v *sweepCmd) Help() string {
	return `Carries out a graph of runs, such as pre-training, then fine-tuning for every task and seed. The address of a result is a hash of everything that it depends on: a sweep that was stopped, killed or changed carries out the missing runs and repeats none. If a run fails, only the runs that need it are skipped; the next sweep tries them again.

SIGINT lets local runs save. On slurm the jobs continue; the same command watches them again.`
}

func (v *sweepCmd) Run(c *console) error {
	file, err := sweep.ReadFile(c.ctx, v.File)
	if err != nil {
		return misused(err)
	}
	graph, err := file.Graph(c.ctx, slices.Sorted(maps.Values(configs.PathKeys())))
	if err != nil {
		return misused(err)
	}
	out := cmp.Or(v.Out, file.Dir())
	if v.Cancel {
		return v.cancel(c, file.On, out)
	}
	report, err := v.carryOut(c, graph, file.On, out)
	if report == nil {
		return err
	}
	return errors.Join(v.print(c, report), err)
}

// carryOut carries out a graph with its results in the directory out. If runs failed, the error says how many.
func (f sweepFlags) carryOut(c *console, g sweep.Graph, on sweep.OnPlaces, out string) (*sweep.Report, error) {
	if err := checkRuns(&g); err != nil {
		return nil, misused(err)
	}
	work, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if f.DryRun {
		return f.dryRun(c, g, work, out)
	}
	s, err := sweep.Open(g, out, work, formats)
	if err != nil {
		return nil, err
	}
	executor, err := f.executor(c, s.Store(), on, s.Report())
	if err != nil {
		return nil, err
	}
	stop := func() {}
	if !c.quiet {
		stop = f.watch(c, s)
	}
	report, err := s.Run(c.ctx, executor)
	stop()
	if w, ok := executor.(*kubernetes.Writer); ok && err == nil {
		printManifests(c, w)
	}
	if errors.Is(err, context.Canceled) {
		err = interruptedf("the same command continues where it stopped")
	}
	if report == nil {
		return nil, err
	}
	if c.quiet { // the lines of Tell have said so otherwise
		for _, line := range report.Failures() {
			fmt.Fprintln(c.err, line)
		}
	}
	return report, errors.Join(err, report.Err())
}

// watch prints a line for each change of a run and, every minute until stop is called, what the runs say that are working.
func (f sweepFlags) watch(c *console, s *sweep.Sweep) (stop func()) {
	watch := &sweep.Watch{}
	var lock sync.Mutex
	s.Tell = func(changed sweep.Status) {
		watch.Note(changed)
		lock.Lock()
		defer lock.Unlock()
		fmt.Fprintln(c.err, s.Line(changed, f.Jobs))
	}
	return everyMinute(func() {
		lines, err := watch.Lines()
		lock.Lock()
		defer lock.Unlock()
		for _, line := range lines {
			fmt.Fprintln(c.err, escaped(line))
		}
		if err != nil {
			c.log.Warn("cannot read what a run says", "error", err)
		}
	})
}

// everyMinute calls do every minute until stop is called, which returns once no call is under way.
func everyMinute(do func()) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(time.Minute)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				do()
			case <-over:
				return
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}

// checkRuns checks that the verbs of runs exist and reads the configs of those that train, so that a mistake shows
// before the first run starts. It sets their steps for the forecast.
func checkRuns(g *sweep.Graph) error {
	task := map[string]string{"pretrain": result.TaskPretraining, "finetune": result.TaskRelation, "probe": result.TaskProbing}
	var errs []error
	known := map[string]bool{} // a parser is built for each verb that is looked up
	for i := range g.Runs {
		r := &g.Runs[i]
		if _, ok := known[r.Verb]; !ok {
			known[r.Verb] = isVerb(r.Verb)
		}
		if !known[r.Verb] {
			errs = append(errs, fmt.Errorf("run %s: subbert has no verb %q", r.Name, r.Verb))
		}
		if task[r.Verb] == "" || r.Config == "" {
			continue
		}
		size, err := configs.ParseSize(task[r.Verb], "run "+r.Name, []byte(r.Config))
		errs = append(errs, err)
		if r.Steps == 0 {
			r.Steps = size.Steps
		}
	}
	return errors.Join(errs...)
}

// isVerb reports whether words, separated by spaces, are a verb of this program.
func isVerb(words string) bool {
	var c cli
	node := newParser(&c, kong.BindTo(context.Background(), (*context.Context)(nil))).Model.Node
	for _, word := range strings.Fields(words) {
		at := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word })
		if at < 0 {
			return false
		}
		node = node.Children[at]
	}
	return node.Leaf()
}

// dryRun returns the report of what would be done, without doing it. Files need not exist.
func (f sweepFlags) dryRun(c *console, g sweep.Graph, work, out string) (*sweep.Report, error) {
	for _, line := range g.MissingFiles(work) {
		c.log.Warn(line)
	}
	report, err := sweep.Preview(g, out, work, formats)
	if report != nil && err != nil {
		c.log.Warn("cannot tell which runs are done: inputs are missing", "error", err)
		return report, nil
	}
	return report, err
}

// executor returns the executor for --on.
func (f sweepFlags) executor(c *console, s *sweep.Store, on sweep.OnPlaces, r *sweep.Report) (sweep.Executor, error) {
	if f.MaxCost != 0 && f.On != "tpu" {
		return nil, misusef("--max-cost %g goes with --on tpu", f.MaxCost)
	}
	switch f.On {
	case "local":
		return f.local(c, s)
	case "slurm":
		return f.slurmQueue(c, s, on)
	case "tpu":
		pool, err := f.local(c, s)
		if err != nil {
			return nil, err
		}
		return pool, tpu.Use(c.ctx, c.openStore, pool, on.TPU, f.MaxCost, r)
	case "kubernetes":
		return &kubernetes.Writer{Dir: s.Path("kubernetes"), Store: s, Flags: c.withFlags(nil), Options: kubernetes.OptionsOf(on.Kubernetes)}, nil
	}
	return nil, misusef("--on %s", f.On)
}

// local returns the executor that runs processes of this program on this machine.
func (f sweepFlags) local(c *console, s *sweep.Store) (*sweep.Pool, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return &sweep.Pool{Store: s, Jobs: f.Jobs, Host: host, Command: func(t sweep.Task, slot int) *exec.Cmd {
		cmd := exec.Command(self, c.withFlags([]string{"sweep-step", t.Dir})...)
		cmd.Args[0] = "subbert"
		if len(f.Devices) > 0 {
			cmd.Env = append(os.Environ(), "CUDA_VISIBLE_DEVICES="+f.Devices[slot%len(f.Devices)])
		}
		return cmd
	}}, nil
}

// print prints a report.
func (f sweepFlags) print(c *console, r *sweep.Report) error {
	return c.show(f.JSON, r, func(w io.Writer) error {
		if f.DryRun {
			return r.WriteForecast(w)
		}
		return r.WriteTable(w)
	})
}

// printManifests prints which manifests were written.
func printManifests(c *console, w *kubernetes.Writer) {
	if len(w.Files) == 0 {
		fmt.Fprintln(c.err, "no run is left to do")
		return
	}
	fmt.Fprintf(c.err, "apply these one after the other, each after the previous one has ended: %s\n", strings.Join(w.Files, " "))
}
