package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/sweep/tpu"
)

// sweepStepCmd carries out one run of a sweep. The sweep starts it, and so do the jobs of a batch system.
type sweepStepCmd struct {
	Dir string   `arg:"" type:"existingdir" help:"Directory of the run."`
	TPU []string `name:"tpu" sep:"none" help:"Let subbert tpu run, with these flags, carry out a pre-training or fine-tuning." placeholder:"FLAG"`
}

func (v *sweepStepCmd) Run(c *console) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	task, err := sweep.ReadTask(v.Dir)
	if err != nil {
		return err
	}
	if err := os.Chdir(task.Work); err != nil {
		return err
	}
	step := sweep.Step{Host: host, Resumes: resumes, Code: func(err error) int { return complain(io.Discard, err) }, Do: func(ctx context.Context, args []string) error {
		c.log.Info("subbert " + strings.Join(args, " "))
		if len(v.TPU) > 0 {
			return tpu.Do(ctx, c.openStore, task.Dir, args, v.TPU, func(call []string) error {
				c.log.Info("subbert " + strings.Join(call, " "))
				return invoke(ctx, c.withFlags(call), c.in, c.out, c.err)
			})
		}
		return invoke(ctx, c.withFlags(append([]string{"--again"}, args...)), c.in, c.out, c.err)
	}}
	return step.Run(c.ctx, task.Dir)
}

// resumes reports whether the verb of args continues from a checkpoint with --resume.
func resumes(args []string) bool { return slices.Contains([]string{"pretrain", "finetune"}, args[0]) }
