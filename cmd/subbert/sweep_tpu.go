package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/tpu/launch"
)

// onTPU are the verbs that machines in the cloud do. All others run here.
func onTPU(t sweep.Task) bool { return slices.Contains([]string{"pretrain", "finetune"}, t.Args[0]) }

// tpuPool lets each pre-training and fine-tuning be a `subbert tpu run` of its own, a number of them at once. earlier is
// where the sweep is: what its runs have cost before counts.
func (f sweepFlags) tpuPool(c *console, s *sweep.Store, on sweep.OnPlaces, earlier *sweep.Report) (*sweep.Pool, error) {
	pool, err := f.local(c, s)
	if err != nil {
		return nil, err
	}
	budget := &tpuBudget{max: f.MaxCost, caps: make(map[string]float64), spent: make(map[string]float64)}
	flags := func(key, group string) ([]string, error) { return tpuFlags(on.TPU, key, group) }
	budget.cost = func(key string) (float64, error) { return tpuCost(c, on.TPU, key) }
	if err := budget.begin(earlier); err != nil {
		return nil, err
	}
	for _, r := range earlier.Runs { // a mistake shows before the first machine is asked for
		if _, err := flags(r.Key, r.Command[0]); err != nil {
			return nil, misused(err)
		}
	}
	local := pool.Command
	pool.Command = func(t sweep.Task, slot int) *exec.Cmd {
		cmd := local(t, slot)
		if !onTPU(t) {
			return cmd
		}
		args, err := flags(t.Key, t.Group)
		if most := budget.cap(t.Key); most > 0 {
			args = append(args, fmt.Sprintf("--max-cost=%.4f", most))
		}
		for _, a := range args {
			cmd.Args = append(cmd.Args, "--tpu="+a)
		}
		cmd.Err = errors.Join(cmd.Err, err)
		return cmd
	}
	pool.Refuse = budget.refuse
	return pool, nil
}

// tpuFlags are those of subbert tpu run for the run with a key: what [on.tpu] says, and its own place in the store.
func tpuFlags(o sweep.Options, key, group string) ([]string, error) {
	texts, err := o.Of(group)
	if err != nil {
		return nil, fmt.Errorf("on.tpu: %w", err)
	}
	if _, _, err := gcs.Split(texts["store"]); err != nil {
		return nil, fmt.Errorf("on.tpu.store: %w", err)
	}
	var flags []string
	for _, k := range slices.Sorted(maps.Keys(texts)) {
		switch {
		case slices.Contains([]string{"verb", "detach", "dry-run", "json", "max-cost", "set", "fresh"}, k):
			return nil, fmt.Errorf("on.tpu.%s: not for a sweep to say; --max-cost is a flag of the sweep", k)
		case k == "store":
			flags = append(flags, "--store="+strings.TrimSuffix(texts[k], "/")+"/"+key)
		case texts[k] == "true":
			flags = append(flags, "--"+k)
		case texts[k] == "false":
			flags = append(flags, "--no-"+k)
		default:
			flags = append(flags, "--"+k+"="+texts[k])
		}
	}
	return flags, nil
}

// tpuCost is what the run with a key has cost so far; 0 if it was never begun.
func tpuCost(c *console, o sweep.Options, key string) (cost float64, err error) {
	at, _ := o["store"].(string)
	ctx := c.ctx
	store, err := openStore(ctx, c, strings.TrimSuffix(at, "/")+"/"+key)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r, err := launch.ReadRun(ctx, store)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	status, err := launch.ReadStatus(ctx, store)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	return r.Cost(status.Hours), nil
}

// doOnTPU is a step's work in the cloud: a `subbert tpu run` to its end, whose results are then brought here. A run that
// failed there before is tried again, from its newest checkpoint.
func doOnTPU(ctx context.Context, c *console, dir string, args, flags []string) (err error) {
	var at string
	for _, f := range flags {
		if s, ok := strings.CutPrefix(f, "--store="); ok {
			at = s
		}
	}
	store, err := openStore(ctx, c, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	before, err := launch.ReadOutcome(ctx, store)
	if err != nil {
		return err
	}
	if before != nil && before.State == launch.Failed {
		if err := store.Delete(ctx, launch.OutcomeObject); err != nil {
			return err
		}
	}
	rest := slices.DeleteFunc(slices.Clone(args[1:]), func(a string) bool { return a == "--resume" || a == "--json" })
	call := slices.Concat([]string{"tpu", "run"}, rest, []string{"--verb", args[0]}, flags)
	c.log.Info("subbert " + strings.Join(call, " "))
	if err := invoke(ctx, c.withFlags(call), c.in, c.out, c.err); err != nil {
		return err
	}
	return fetchFromTPU(ctx, store, dir)
}

// fetchFromTPU brings the model, the metrics and, last, the result of a run here.
func fetchFromTPU(ctx context.Context, store bucket.Store, dir string) error {
	model := filepath.Join(dir, launch.ModelPrefix)
	if err := os.RemoveAll(model); err != nil {
		return err
	}
	if err := bucket.GetTree(ctx, store, launch.ModelPrefix, model); err != nil {
		return err
	}
	for _, name := range []string{launch.MetricsObject, sweep.ResultFile} {
		if err := bucket.GetFile(ctx, store, name, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
