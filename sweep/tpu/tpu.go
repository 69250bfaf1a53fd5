// Package tpu executes the pre-training and fine-tuning runs of a sweep on Cloud TPUs: each as a separate `subbert tpu
// run`, under one budget. It downloads the results.
package tpu

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
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/tpu/launch"
)

// Opener opens the store at a gs:// address.
type Opener func(ctx context.Context, address string) (*gcs.Store, error)

// runsInCloud reports whether t runs on a machine in the cloud. All other commands run here.
func runsInCloud(t sweep.Task) bool {
	return slices.Contains([]string{"pretrain", "finetune"}, t.Args[0])
}

// Use makes pool, which executes runs here, run pre-training and fine-tuning on Cloud TPUs: their commands get a flag
// --tpu for each flag of subbert tpu run in o. All runs together may cost at most maxCost; 0 sets no bound. The costs
// of earlier, a report of the same sweep, count. A fault in o is a *sweep.OptionsError.
func Use(ctx context.Context, open Opener, pool *sweep.Pool, o sweep.Options, maxCost float64, earlier *sweep.Report) error {
	b := &budget{max: maxCost, caps: make(map[string]float64), spent: make(map[string]float64)}
	b.cost = func(key string) (float64, error) { return costOf(ctx, open, o, key) }
	if err := b.begin(earlier); err != nil {
		return err
	}
	for _, r := range earlier.Runs { // a mistake shows before the first machine is asked for
		if _, err := flagsOf(o, r.Key, r.Command[0]); err != nil {
			return &sweep.OptionsError{Err: err}
		}
	}
	local := pool.Command
	pool.Command = func(t sweep.Task, slot int) *exec.Cmd {
		cmd := local(t, slot)
		if !runsInCloud(t) {
			return cmd
		}
		args, err := flagsOf(o, t.Key, t.Group)
		if most := b.cap(t.Key); most > 0 {
			args = append(args, fmt.Sprintf("--max-cost=%.4f", most))
		}
		for _, a := range args {
			cmd.Args = append(cmd.Args, "--tpu="+a)
		}
		cmd.Err = errors.Join(cmd.Err, err)
		return cmd
	}
	pool.Refuse = b.refuse
	return nil
}

// flagsOf returns the flags of subbert tpu run for the run with a key: those of [on.tpu], and its own address in
// the store.
func flagsOf(o sweep.Options, key, group string) ([]string, error) {
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
			return nil, fmt.Errorf("on.tpu.%s: the sweep sets this itself; --max-cost is a flag of subbert sweep", k)
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

// costOf is the cost so far of the run with a key; 0 if it was never started.
func costOf(ctx context.Context, open Opener, o sweep.Options, key string) (cost float64, err error) {
	at, _ := o["store"].(string)
	store, err := open(ctx, strings.TrimSuffix(at, "/")+"/"+key)
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

// Do executes a step of a sweep in the cloud and downloads its results to dir. args are the step's arguments, command
// first; flags are the flags of subbert tpu run. call runs this program with arguments. A run that failed there before
// is retried from its newest checkpoint.
func Do(ctx context.Context, open Opener, dir string, args, flags []string, call func(args []string) error) (err error) {
	var at string
	for _, f := range flags {
		if s, ok := strings.CutPrefix(f, "--store="); ok {
			at = s
		}
	}
	store, err := open(ctx, at)
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
	if err := call(slices.Concat([]string{"tpu", "run"}, rest, []string{"--verb", args[0]}, flags)); err != nil {
		return err
	}
	return fetch(ctx, store, dir)
}

// fetch brings the model, the metrics and, last, the result of a run here.
func fetch(ctx context.Context, store bucket.Store, dir string) error {
	model := filepath.Join(dir, launch.ModelPrefix)
	if err := os.RemoveAll(model); err != nil {
		return err
	}
	if err := bucket.GetTree(ctx, store, launch.ModelPrefix, model); err != nil {
		return err
	}
	for _, name := range []string{launch.MetricsObject, result.File} {
		if err := bucket.GetFile(ctx, store, name, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
