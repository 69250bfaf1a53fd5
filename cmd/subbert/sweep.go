package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
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
	File string `arg:"" name:"SWEEP.toml" help:"The runs, see docs/sweep.md."`
	Out  string `help:"Directory of the results, shared by all sweeps that may reuse them (default: out of the file, or sweeps/NAME)." placeholder:"DIR"`
	sweepFlags
}

// sweepFlags are the flags of verbs that carry out graphs of runs: where and how.
type sweepFlags struct {
	On      string        `default:"local" enum:"local,slurm,tpu,kubernetes" help:"Where the runs are done: local, slurm, tpu; kubernetes writes manifests (default ${default})."`
	Jobs    int           `default:"1" placeholder:"N" help:"So many runs at once: local, tpu (default ${default})." range:"1..1024"`
	Devices []string      `placeholder:"ID" help:"CUDA devices that the jobs share: each job sees one of them."`
	MaxCost float64       `placeholder:"MONEY" help:"At most so much for the whole sweep: tpu." range:"0..1e9"`
	DryRun  bool          `help:"Print the runs, what is done of them and what the others need, and do nothing."`
	Cancel  bool          `help:"Take back what the sweep has submitted: slurm."`
	Poll    time.Duration `default:"30s" hidden:"" help:"Between looks at a queue." range:"10ms..24h"`
	JSON    bool          `name:"json" help:"Print the report as JSON."`
}

func (v *sweepCmd) Help() string {
	return `Carries out a graph of runs, such as pre-training, then fine-tuning for every task and seed. Every result has an address made of what it depends on: a sweep that was stopped, killed or changed does what is missing and nothing twice. A run that fails keeps from being done only what needs it; the next sweep tries it again.

Stopping (SIGINT) lets local runs save. On slurm the jobs go on; the same command watches them again.`
}

func (v *sweepCmd) Run(c *console) error {
	file, err := sweep.ReadFile(v.File)
	if err != nil {
		return misused(err)
	}
	graph, err := file.Graph(configPaths())
	if err != nil {
		return misused(err)
	}
	out := v.Out
	if out == "" {
		out = file.Out
	}
	if out == "" {
		out = filepath.Join("sweeps", strings.TrimSuffix(filepath.Base(v.File), ".toml"))
	}
	if v.Cancel {
		return v.cancel(c, file.On, out)
	}
	report, err := v.carryOut(c, graph, file.On, out)
	if report == nil {
		return err
	}
	return errors.Join(v.print(c, report), err)
}

// configPaths returns the config keys that name files and directories.
func configPaths() []string {
	return []string{
		"model.init", "data.shards", "data.train", "data.dev", "data.test", "data.corpus", "downstream.train", "downstream.test",
	}
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
	store, err := sweep.OpenStore(out)
	if err != nil {
		return nil, err
	}
	digests, err := sweep.OpenDigests(store.Path("digests.json"))
	if err != nil {
		return nil, err
	}
	s, err := sweep.New(g, store, work, digests.Of, formats)
	if err = errors.Join(err, digests.Save()); err != nil {
		return nil, err
	}
	executor, err := f.executor(c, store, on, s.Report())
	if err != nil {
		return nil, err
	}
	s.Tell = func(changed sweep.Status) {
		if changed.State == sweep.Failed {
			changed.Why += "; log: " + filepath.Join(store.ByName(changed.Name), sweep.LogFile)
		}
		f.progress(c, s.Report(), changed)
	}
	report, err := s.Run(c.ctx, executor)
	if w, ok := executor.(*kubernetes.Writer); ok && err == nil {
		printManifests(c, w)
	}
	if errors.Is(err, context.Canceled) {
		err = interruptedf("the same command continues where it stopped")
	}
	return report, errors.Join(err, failed(c, report))
}

// failed returns the error of a sweep with failed runs. It prints a line for each, unless progress has.
func failed(c *console, r *sweep.Report) error {
	if r == nil || r.Count(sweep.Failed) == 0 {
		return nil
	}
	if c.quiet { // progress has printed them otherwise
		for _, line := range r.Failures() {
			fmt.Fprintln(c.err, line)
		}
	}
	return fmt.Errorf("%d of %s failed, %d skipped for it; the same command tries them again", r.Count(sweep.Failed), plural(len(r.Runs), "run", "s"), r.Count(sweep.Skipped))
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

// dryRun returns the report of what would be done, without doing it. Files need not exist; the report then does not say
// which runs are done.
func (f sweepFlags) dryRun(c *console, g sweep.Graph, work, out string) (*sweep.Report, error) {
	for _, line := range g.MissingFiles(work) {
		c.log.Warn(line)
	}
	dir, err := filepath.Abs(out)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil {
		return sweep.Forecast(g)
	}
	store, err := sweep.OpenStore(dir)
	if err != nil {
		return nil, err
	}
	digests, err := sweep.OpenDigests(store.Path("digests.json"))
	if err != nil {
		return nil, err
	}
	s, err := sweep.New(g, store, work, digests.Of, formats)
	if errors.Is(err, os.ErrNotExist) {
		c.log.Warn("what is done cannot be told: inputs are missing", "error", err)
		return sweep.Forecast(g)
	}
	if err != nil {
		return nil, err
	}
	return s.Report(), nil
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
		return f.manifests(c, s, on), nil
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

// progress prints the new status of a run and the progress of the sweep.
func (f sweepFlags) progress(c *console, r *sweep.Report, s sweep.Status) {
	if c.quiet {
		return
	}
	text := string(s.State)
	switch {
	case s.Why != "":
		text += ": " + s.Why
	case s.State == sweep.Done:
		text += " in " + span(time.Duration(s.Seconds*float64(time.Second)))
	}
	over := r.Count(sweep.Done, sweep.Cached, sweep.Failed, sweep.Skipped)
	line := fmt.Sprintf("[%d/%d] %s %s", over, len(r.Runs), s.Name, text)
	if left, ok := r.Left(f.Jobs); ok && over < len(r.Runs) && s.State != sweep.Skipped {
		line += ", about " + span(left) + " left"
	}
	fmt.Fprintln(c.err, line)
}

// print prints a report.
func (f sweepFlags) print(c *console, r *sweep.Report) error {
	if f.JSON {
		return c.printJSON(r)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	if f.DryRun {
		printForecast(w, r)
		return w.Flush()
	}
	fmt.Fprintln(w, "run\tstate\ttook\tdirectory")
	for _, s := range r.Runs {
		took, where := "", s.Dir
		if s.Seconds > 0 {
			took = span(time.Duration(s.Seconds * float64(time.Second)))
		}
		if s.Why != "" {
			where = s.Why
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.State, took, where)
	}
	return w.Flush()
}

// printForecast prints what a graph will need, as far as that is known.
func printForecast(w *tabwriter.Writer, r *sweep.Report) {
	fmt.Fprintln(w, "run\tstate\tsteps\thours\tGB\tcost\tneeds")
	known := func(format string, n float64) string {
		if n == 0 {
			return "?"
		}
		return fmt.Sprintf(format, n)
	}
	row := func(s sweep.Status, last string) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.State, known("%.0f", float64(s.Steps)), known("%.2f", s.Hours), known("%.2f", float64(s.Bytes)/1e9), known("%.2f", s.Cost), last)
	}
	for _, s := range r.Runs {
		row(s, strings.Join(slices.Compact(s.Needs), " "))
	}
	sum, hours, missing := r.Total()
	sum.Name, sum.State = "to do", sweep.State(plural(missing, "run", "s"))
	row(sum, fmt.Sprintf("(hours are known of %d)", hours))
}
