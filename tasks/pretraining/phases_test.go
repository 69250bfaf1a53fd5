package pretraining

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

func TestStretches(t *testing.T) {
	base := Default()
	base.Batch, base.MicroBatch = 256, 64
	for _, test := range []struct {
		name   string
		phases []Phase
		want   string // from: rows/micro x sequence, predictions
		fault  string
	}{
		{name: "none", want: "0: 256/64 x 128, 20"},
		{name: "Devlin et al.", phases: []Phase{{FromFraction: 0.9, Sequence: 512, MaxPredictions: 80, Batch: 64}}, want: "0: 256/64 x 128, 20; 900: 64/64 x 512, 80"},
		{name: "what is not named stays", phases: []Phase{{FromStep: 10, MicroBatch: 32}, {FromStep: 20, Sequence: 256}}, want: "0: 256/64 x 128, 20; 10: 256/32 x 128, 20; 20: 256/32 x 256, 20"},
		{name: "backwards", phases: []Phase{{FromStep: 20}, {FromFraction: 0.01}}, fault: "phase 2 begins at step 10, want a step after 20"},
		{name: "behind the end", phases: []Phase{{FromStep: 1000}}, fault: "before the last step, 1000"},
		{name: "not a multiple", phases: []Phase{{FromStep: 5, MicroBatch: 60}}, fault: "phase 1: task.batch = 256 is not a multiple of micro_batch = 60"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := base
			c.Phases = test.phases
			all, err := c.Stretches(1000)
			if test.fault != "" {
				if err == nil || !strings.Contains(err.Error(), test.fault) {
					t.Errorf("error %v, want one with %q", err, test.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range all {
				got = append(got, fmt.Sprintf("%d: %d/%d x %d, %d", s.From, s.Task.Batch, s.Task.Rows(), s.Task.Sequence, s.Task.MaxPredictions))
			}
			if diff := cmp.Diff(test.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	c := base
	c.Phases = []Phase{{}, {FromStep: 3, FromFraction: 0.5}, {FromStep: 4, Sequence: -1}}
	if err := c.Validate(); err == nil || strings.Count(err.Error(), "phases: phase") != 3 {
		t.Errorf("faults: %v, want one for each of three phases", err)
	}
}

// counted yields batches that name their source.
type counted string

func (c counted) From(_ context.Context, step int) iter.Seq2[trainer.Batch, error] {
	return func(yield func(trainer.Batch, error) bool) {
		for ; yield(trainer.Batch{Records: []string{fmt.Sprint(string(c), step)}}, nil); step++ {
		}
	}
}

func TestPhasedAddressesByStep(t *testing.T) {
	p := Phased{{0, counted("a")}, {3, counted("b")}, {5, counted("c")}}
	want := []string{"a0", "a1", "a2", "b0", "b1", "c0", "c1", "c2"}
	for from := range want {
		var got []string
		for batch := range p.From(t.Context(), from) {
			if got = append(got, batch.Records[0]); len(got) == len(want)-from {
				break
			}
		}
		if diff := cmp.Diff(want[from:], got); diff != "" {
			t.Errorf("from step %d: -want +got\n%s", from, diff)
		}
	}
}

// phased returns a run of ten steps with its batches. The last four steps have longer rows and accumulate.
func phased(t *testing.T, workers int) (*trainer.Trainer, trainer.Batches) {
	t.Helper()
	c := Default()
	c.Batch, c.Sequence, c.MaxPredictions = 4, 16, 3
	c.Phases = []Phase{{FromStep: 6, Sequence: 32, MaxPredictions: 5, Batch: 4, MicroBatch: 2}}
	s, err := schedule.New(schedule.Config{Kind: schedule.Linear, Steps: 10, WarmupSteps: 2}, 0)
	if err != nil {
		t.Fatal(err)
	}
	stretches, err := c.Stretches(10)
	if err != nil {
		t.Fatal(err)
	}
	o := optim.Default()
	o.LearningRate = 1e-3
	plan := trainer.Plan{Schedule: s, Optimizer: o, Batch: 4, MicroBatch: 4, Sequence: 16, Devices: 1, Recording: trainer.Recording{EverySteps: 1}, Run: trainer.DefaultRun()}
	var batches Phased
	for i, s := range stretches {
		part := New(small(), bert.Options{}, s.Task, s.Task.Rows())
		batches = append(batches, PhaseBatches{s.From, part.Batches(newDrawer(t, 20, s.Task.Instances(uint64(i))), s.Task.Batch, workers)})
		if i > 0 {
			plan.Later = append(plan.Later, trainer.Stage{From: s.From, Batch: s.Task.Batch, MicroBatch: s.Task.Rows(), Sequence: s.Task.Sequence})
		}
	}
	task := New(small(), bert.Options{}, c, 4)
	store, err := tasks.Create(task.Parameters(), 1)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := gobackend.New("parallelism=-1")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := trainer.New(backend, store, task, plan)
	if err != nil {
		t.Fatal(err)
	}
	tr.Recorder = metrics.Tee{}
	return tr, batches
}

// TestPhasesResume checks that a run of two phases that stops in either phase and resumes equals an uninterrupted run, bit
// for bit, with any number of workers.
func TestPhasesResume(t *testing.T) {
	tr, batches := phased(t, 1)
	if err := tr.Train(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
	want, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	if want.Tokens != 6*4*16+4*4*32 {
		t.Errorf("%d tokens, want %d", want.Tokens, 6*4*16+4*4*32)
	}
	for _, at := range []int{3, 6, 8} {
		first, batches := phased(t, 2)
		ctx, stop := context.WithCancel(t.Context())
		first.Recorder = stopper{at, stop}
		if err := first.Train(ctx, batches); !errors.Is(err, trainer.ErrInterrupted) {
			t.Fatalf("got %v, want ErrInterrupted", err)
		}
		saved, err := first.State()
		if err != nil || saved.Step != at {
			t.Fatalf("stopped at %d (%v), want %d", saved.Step, err, at)
		}
		second, batches := phased(t, 3)
		if err := second.Restore(saved); err != nil {
			t.Fatal(err)
		}
		if err := second.Train(t.Context(), batches); err != nil {
			t.Fatal(err)
		}
		got, err := second.State()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(trainer.Progress{}, "Seconds")); diff != "" {
			t.Errorf("stopped at %d: not bit for bit", at)
		}
	}
}

// stopper ends a run when the previous step is recorded.
type stopper struct {
	step int
	stop context.CancelFunc
}

func (s stopper) Record(step int, _ ...metrics.Value) error {
	if step == s.step-1 {
		s.stop()
	}
	return nil
}

func (s stopper) Close() error { return nil }

// TestWorkersDrawTheSameBatches compares whole batches, tensor by tensor.
func TestWorkersDrawTheSameBatches(t *testing.T) {
	c := Default()
	c.Batch, c.Sequence, c.MaxPredictions = 6, 32, 5
	draw := func(workers, micro, from int) [][]int32 {
		p := New(small(), bert.Options{}, c, micro)
		var flat [][]int32
		for batch, err := range p.Batches(newDrawer(t, 20, c.Instances(9)), c.Batch, workers).From(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			var ids []int32
			for _, in := range batch.Micro {
				part, err := tensors.CopyFlatData[int32](in[0])
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, part...)
			}
			if flat = append(flat, ids); len(flat) == 30-from {
				return flat
			}
		}
		return nil
	}
	want := draw(1, 6, 0)
	for _, workers := range []int{2, 7} {
		for _, micro := range []int{6, 2} {
			if !slices.EqualFunc(want, draw(workers, micro, 0), slices.Equal) {
				t.Errorf("%d workers, microbatches of %d: other batches", workers, micro)
			}
		}
	}
	if !slices.EqualFunc(want[17:], draw(2, 3, 17), slices.Equal) {
		t.Error("from step 17: other batches than when coming from step 0")
	}
}

// BenchmarkBatches measures only the input: drawing, masking and making tensors, on one worker, at the paper's sizes,
// from documents as long as abstracts: eleven sentences of 35 pieces.
func BenchmarkBatches(b *testing.B) {
	documents := make([][][]int32, 20000)
	for d := range documents {
		for s := range 11 {
			sentence := make([]int32, 35)
			for i := range sentence {
				sentence[i] = int32(5 + (d*7+s*3+i*i)%(int(plainSize)-5))
			}
			documents[d] = append(documents[d], sentence)
		}
	}
	memory, err := instances.NewMemory(documents)
	if err != nil {
		b.Fatal(err)
	}
	c := Default()
	drawer, err := instances.New(memory, plainSize, c.Instances(1))
	if err != nil {
		b.Fatal(err)
	}
	next, stop := iter.Pull2(New(small(), bert.Options{}, c, c.Batch).Batches(drawer, c.Batch, 1).From(b.Context(), 0))
	defer stop()
	for b.Loop() {
		batch, err, _ := next()
		if err != nil {
			b.Fatal(err)
		}
		for _, in := range batch.Micro {
			for _, t := range in {
				if err := t.FinalizeAll(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.ReportMetric(float64(b.N*c.Batch*c.Sequence)/b.Elapsed().Seconds(), "tokens/s")
}
