package trainer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/subbert/subbert/trainer/metrics"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

// line is a linear regression whose rows carry weights that add up to one over a batch, as the trainer asks of a task.
// It adds the moment to the loss, so that a test sees when the wrong one is fed.
type line struct{ micro, features int }

func (l line) Inputs() []shapes.Shape {
	return []shapes.Shape{shapes.Make(dtypes.Float32, l.micro, l.features), shapes.Make(dtypes.Float32, l.micro), shapes.Make(dtypes.Float32, l.micro)}
}

func (l line) Loss(s *model.Scope, at *Moment, in []*graph.Node) (*graph.Node, []Observed) {
	x, y, weight := in[0], in[1], in[2]
	w := s.Store().GetVariable("/line/weight").NodeValue(x)
	if at != nil { // "dropout": a feature is hidden, another one at each step and row
		rows := graph.Add(graph.Iota(x.Graph(), shapes.Make(dtypes.Uint32, x.Shape().Dimensions...), 0), at.Row)
		columns := graph.Iota(x.Graph(), shapes.Make(dtypes.Uint32, x.Shape().Dimensions...), 1)
		hidden := graph.Equal(graph.Mod(graph.Add(graph.Add(rows, at.Step), at.Seed), graph.Const(x.Graph(), uint32(l.features))), columns)
		x = graph.Where(hidden, graph.ZerosLike(x), x)
	}
	off := graph.Sub(graph.Einsum("bf,f->b", x, w), y)
	sum := graph.ReduceAllSum(graph.Mul(weight, graph.Square(off)))
	return sum, []Observed{{Name: "square", Sum: sum, Weight: graph.ReduceAllSum(weight)}}
}

// points are made from the step alone.
type points struct {
	plan     Plan
	features int
	poison   int // the step whose batch has a NaN; -1: none
}

func (p points) From(ctx context.Context, step int) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for ; ; step++ {
			if !yield(p.batch(step), nil) {
				return
			}
		}
	}
}

func (p points) batch(step int) Batch {
	rng := rand.New(rand.NewPCG(7, uint64(step)))
	var b Batch
	for range p.plan.Micros() {
		n := p.plan.MicroBatch
		x, y, w := make([]float32, n*p.features), make([]float32, n), make([]float32, n)
		for i := range n {
			for f := range p.features {
				x[i*p.features+f] = float32(rng.NormFloat64())
				y[i] += x[i*p.features+f] * float32(f)
			}
			w[i] = 1 / float32(p.plan.Batch)
		}
		if step == p.poison {
			y[0] = float32(math.NaN())
		}
		b.Micro = append(b.Micro, []*tensors.Tensor{
			tensors.FromFlatDataAndDimensions(x, n, p.features),
			tensors.FromFlatDataAndDimensions(y, n), tensors.FromFlatDataAndDimensions(w, n)})
	}
	b.Records = []string{fmt.Sprintf("step %d", step)}
	return b
}

// overflowing has, at one step, a row whose loss is too large for float32 and whose gradient is zero.
type overflowing struct {
	points
	at int
}

func (o overflowing) From(ctx context.Context, step int) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for b, err := range o.points.From(ctx, step) {
			if step == o.at {
				n := o.plan.MicroBatch
				x, y := tensors.MustCopyFlatData[float32](b.Micro[0][0]), tensors.MustCopyFlatData[float32](b.Micro[0][1])
				clear(x[:o.features])
				y[0] = 1e30
				b.Micro[0][0], b.Micro[0][1] = tensors.FromFlatDataAndDimensions(x, n, o.features), tensors.FromFlatDataAndDimensions(y, n)
			}
			if step++; !yield(b, err) {
				return
			}
		}
	}
}

// TestNonFiniteLoss: gradients that are finite do not excuse a loss that is not.
func TestNonFiniteLoss(t *testing.T) {
	for _, micro := range []int{8, 4} {
		p := plan(t, 20, 8, micro)
		tr, _ := newTrainer(t, p)
		var bad *NonFiniteError
		if err := tr.Train(t.Context(), overflowing{points{p, features, -1}, 5}); !errors.As(err, &bad) || bad.Step != 5 {
			t.Errorf("microbatches of %d: got %v, want a NonFiniteError of step 5", micro, err)
		}
	}
}

// memory is a Recorder that keeps its reports.
type memory []map[string]float64

func (m *memory) Record(step int, values ...metrics.Value) error {
	report := map[string]float64{"step": float64(step)}
	for _, v := range values {
		report[v.Name] = v.Value
	}
	*m = append(*m, report)
	return nil
}

func (m *memory) Close() error { return nil }

func goBackend(t *testing.T) compute.Backend {
	t.Helper()
	b, err := gobackend.New("parallelism=-1")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const features = 5

func plan(t *testing.T, steps, batch, micro int) Plan {
	t.Helper()
	s, err := schedule.New(schedule.Config{Kind: schedule.Linear, Steps: steps, WarmupSteps: 2}, 0)
	if err != nil {
		t.Fatal(err)
	}
	o := optim.Default()
	o.LearningRate = 0.1
	return Plan{Schedule: s, Optimizer: o, Batch: batch, MicroBatch: micro, Sequence: 1, Devices: 1,
		Recording: Recording{EverySteps: 1}, Run: DefaultRun()}
}

// addParameter puts a parameter into store, under the path that is a's name with slashes for dots.
func addParameter(store *model.Store, a Array) error {
	scope, name := model.SplitPath(parameterPath(a.Name))
	_, err := store.Scope(scope).CreateVariable(name, tensors.FromFlatDataAndDimensions(a.Data, a.Shape...))
	if err != nil {
		return fmt.Errorf("parameter %s: %w", a.Name, err)
	}
	return nil
}

func newTrainer(t *testing.T, p Plan) (*Trainer, *memory) {
	t.Helper()
	store := model.NewStore()
	if err := addParameter(store, Array{Name: "line.weight", Shape: []int{features}, Data: make([]float32, features)}); err != nil {
		t.Fatal(err)
	}
	if err := addParameter(store, Array{Name: "line.unused", Shape: []int{1}, Data: []float32{3}}); err != nil {
		t.Fatal(err)
	}
	tr, err := New(goBackend(t), store, line{p.MicroBatch, features}, p)
	if err != nil {
		t.Fatal(err)
	}
	seen := &memory{}
	tr.Recorder = seen
	return tr, seen
}

func train(t *testing.T, tr *Trainer, b Batches) *State {
	t.Helper()
	if err := tr.Train(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	state, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestTrainLearns(t *testing.T) {
	p := plan(t, 300, 16, 16)
	tr, seen := newTrainer(t, p)
	state := train(t, tr, points{p, features, -1})
	first, last := (*seen)[0]["square"], (*seen)[len(*seen)-1]["square"]
	if last > first/10 {
		t.Errorf("mean square went from %g to %g, want a tenth", first, last)
	}
	if diff := cmp.Diff([]string{"line.unused"}, tr.Unused()); diff != "" {
		t.Errorf("unused: -want +got\n%s", diff)
	}
	if state.Parameters[0].Data[0] != 3 {
		t.Errorf("the unused parameter became %v, want 3 untouched", state.Parameters[0].Data)
	}
}

// TestAccumulation: four microbatches of 8 are one batch of 32, dropout included. The sums run in another order, so
// gradients differ by a few units in the last place; Adam's division turns those into relative ones of about 1e-5.
func TestAccumulation(t *testing.T) {
	whole, parts := plan(t, 20, 32, 32), plan(t, 20, 32, 8)
	a, seenA := newTrainer(t, whole)
	b, seenB := newTrainer(t, parts)
	stateA, stateB := train(t, a, points{whole, features, -1}), train(t, b, points{parts, features, -1})
	for i, want := range stateA.Parameters[1].Data {
		if got := stateB.Parameters[1].Data[i]; math.Abs(float64(got-want)) > 1e-5 {
			t.Errorf("weight %d: %v accumulated, %v at once", i, got, want)
		}
	}
	for i := range *seenA {
		for _, name := range []string{"loss", "square", "grad_norm"} {
			if got, want := (*seenB)[i][name], (*seenA)[i][name]; math.Abs(got-want) > 1e-4*math.Abs(want) {
				t.Errorf("step %d: %s %v accumulated, %v at once", i+1, name, got, want)
			}
		}
	}
}

// twoShapes are the shapes of line's inputs at rows rows, and others that no batch has.
func twoShapes(rows int) [][]shapes.Shape {
	return [][]shapes.Shape{line{rows, features}.Inputs(), line{2 * rows, features}.Inputs()}
}

// TestApart: gradients in one graph and their update in another are what one graph does, to a few units in the last place.
func TestApart(t *testing.T) {
	whole := plan(t, 20, 32, 32)
	apart := whole
	apart.Shapes = twoShapes(32)
	a, seenA := newTrainer(t, whole)
	b, seenB := newTrainer(t, apart)
	if a.step.fused == nil || b.step.fused != nil {
		t.Fatal("one shape is to have one graph, and two are to have an update of their own")
	}
	stateA, stateB := train(t, a, points{whole, features, -1}), train(t, b, points{apart, features, -1})
	if diff := cmp.Diff(stateA.Parameters, stateB.Parameters, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
		t.Errorf("parameters: -one graph +two\n%s", diff)
	}
	for i := range *seenA {
		for _, name := range []string{"loss", "square", "grad_norm"} {
			if got, want := (*seenB)[i][name], (*seenA)[i][name]; math.Abs(got-want) > 1e-6*math.Abs(want) {
				t.Errorf("step %d: %s %v apart, %v in one graph", i+1, name, got, want)
			}
		}
	}
}

func TestContinuingIsNeverHavingStopped(t *testing.T) {
	for _, first := range []string{optim.Float32, optim.BFloat16} {
		t.Run(first, func(t *testing.T) {
			p := plan(t, 20, 8, 4)
			p.Optimizer.FirstMoment = first
			continuing(t, p)
		})
	}
	t.Run("apart", func(t *testing.T) {
		p := plan(t, 20, 8, 8)
		p.Shapes = twoShapes(8)
		continuing(t, p)
	})
}

// TestFirstMoment: in bfloat16 it is what bfloat16 can hold, and little changes.
func TestFirstMoment(t *testing.T) {
	run := func(first string) *State {
		p := plan(t, 20, 8, 4)
		p.Optimizer.FirstMoment = first
		tr, _ := newTrainer(t, p)
		return train(t, tr, points{p, features, -1})
	}
	want, got := run(optim.Float32), run(optim.BFloat16)
	for _, m := range got.M {
		for _, x := range m.Data {
			if bfloat16.FromFloat32(x).Float32() != x {
				t.Fatalf("%s: %g is no bfloat16", m.Name, x)
			}
		}
	}
	if cmp.Equal(want.Parameters, got.Parameters) {
		t.Error("nothing changed: the option has no effect")
	}
	for i, p := range got.Parameters {
		for j, x := range p.Data {
			if y := want.Parameters[i].Data[j]; math.Abs(float64(x-y)) > 5e-3 { // of weights from 0 to features-1; a moment is rounded by 2e-3
				t.Errorf("%s: %g, %g in float32", p.Name, x, y)
			}
		}
	}
}

// continuing stops a run in the middle and wants what it would have come to.
func continuing(t *testing.T, p Plan) {
	t.Helper()
	straight, _ := newTrainer(t, p)
	want := train(t, straight, points{p, features, -1})

	first, _ := newTrainer(t, p)
	ctx, stop := context.WithCancel(t.Context())
	var saved *State
	first.Save = func(step int) (err error) { saved, err = first.State(); return err }
	first.Recorder = stopAt{10, stop}
	if err := first.Train(ctx, points{p, features, -1}); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("got %v, want ErrInterrupted", err)
	}
	if saved == nil || saved.Step != 10 {
		t.Fatalf("saved %+v, want the state at step 10", saved)
	}
	second, _ := newTrainer(t, p)
	if err := second.Restore(saved); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, train(t, second, points{p, features, -1}), cmpopts.IgnoreFields(Progress{}, "Seconds")); diff != "" {
		t.Errorf("not bit for bit: -straight +continued\n%s", diff)
	}
}

// TestStopWhileMeasuring: whoever stops a run during an evaluation, even the last, keeps the state.
func TestStopWhileMeasuring(t *testing.T) {
	for _, at := range []int{5, 20} {
		p := plan(t, 20, 8, 8)
		p.Recording.EvaluateEvery = 5
		tr, _ := newTrainer(t, p)
		ctx, stop := context.WithCancel(t.Context())
		tr.Evaluate = func(ctx context.Context, step int) ([]metrics.Value, error) {
			if step == at {
				stop()
			}
			return []metrics.Value{{Name: "heldout_loss", Value: 1}}, ctx.Err()
		}
		saved := 0
		tr.Save = func(step int) error { saved = step; return nil }
		if err := tr.Train(ctx, points{p, features, -1}); !errors.Is(err, ErrInterrupted) || saved != at {
			t.Errorf("stopped at step %d: %v, saved step %d", at, err, saved)
		}
	}
}

// stopAt cancels a run when a step is recorded; the trainer sees it at the end of that step's successor.
type stopAt struct {
	step int
	stop context.CancelFunc
}

func (s stopAt) Record(step int, _ ...metrics.Value) error {
	if step == s.step-1 {
		s.stop()
	}
	return nil
}

func (s stopAt) Close() error { return nil }

func TestNonFinite(t *testing.T) {
	for _, micro := range []int{8, 4} {
		t.Run(fmt.Sprintf("stop/micro %d", micro), func(t *testing.T) {
			p := plan(t, 20, 8, micro)
			p.Recording.EverySteps = 10 // noticed late, stopped in time
			clean := p
			clean.Schedule = plan(t, 20, 8, micro).Schedule
			before, _ := newTrainer(t, clean)
			var want *State
			before.Save = func(step int) (err error) {
				if step == 5 {
					want, err = before.State()
				}
				return err
			}
			before.plan.Checkpointing.EverySteps = 5
			train(t, before, points{clean, features, -1})

			tr, _ := newTrainer(t, p)
			err := tr.Train(t.Context(), points{p, features, 5})
			var bad *NonFiniteError
			if !errors.As(err, &bad) || bad.Step != 5 || !slices.Equal(bad.Records, []string{"step 5"}) {
				t.Fatalf("got %#v, want a NonFiniteError of step 5", err)
			}
			got, err := tr.State()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Parameters, got.Parameters); diff != "" {
				t.Errorf("the state moved: -before +after\n%s", diff)
			}
		})
		t.Run(fmt.Sprintf("skip/micro %d", micro), func(t *testing.T) {
			p := plan(t, 20, 8, micro)
			p.Run.OnNonFinite = OnNonFiniteSkip
			tr, seen := newTrainer(t, p)
			state := train(t, tr, points{p, features, 5})
			if (*seen)[5]["skipped_updates"] != 1 || (*seen)[6]["skipped_updates"] != 0 {
				t.Errorf("reports %v and %v, want one skipped update at step 5", (*seen)[5], (*seen)[6])
			}
			for _, w := range state.Parameters[1].Data {
				if math.IsNaN(float64(w)) {
					t.Fatalf("weights became %v", state.Parameters[1].Data)
				}
			}
		})
	}
}

func TestPlanNamesEveryFault(t *testing.T) {
	p := plan(t, 10, 10, 4)
	p.Devices = 8
	err := p.Validate()
	for _, want := range []string{"task.batch = 10 is not a multiple of task.micro_batch = 4", "task.micro_batch = 4 is not a multiple of the 8 devices"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %q", err, want)
		}
	}
}
