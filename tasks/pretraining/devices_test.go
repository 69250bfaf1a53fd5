package pretraining

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/plugintest"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/plan/estimate"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const nanoLength, nanoMasked, nanoBatch = 16, 3, 16

// nanoTask returns pre-training with dropout of a model that compiles in seconds.
func nanoTask(micro int) *Task {
	c := bert.Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize = 150, 16, 2, 2, 24
	c.MaxPositionEmbeddings, c.HiddenDropout, c.AttentionDropout = nanoLength, 0.2, 0.2
	return New(c, bert.Options{}, Config{Config: instances.Config{Sequence: nanoLength, MaxPredictions: nanoMasked, NSP: true}}, micro)
}

// made yields batches that depend only on the step, with rows of several lengths.
type made struct{ task *Task }

func (m made) From(_ context.Context, step int) iter.Seq2[trainer.Batch, error] {
	return func(yield func(trainer.Batch, error) bool) {
		for ; yield(m.batch(step), nil); step++ {
		}
	}
}

func (m made) batch(step int) trainer.Batch {
	rng := rand.New(rand.NewPCG(3, uint64(step)))
	drawn := make([]instances.Instance, nanoBatch)
	predictions := 0
	for i := range drawn {
		d := instances.Instance{Length: 8 + rng.IntN(nanoLength-7), NextSentenceLabel: rng.Int32N(2), NumMasked: 1 + rng.IntN(nanoMasked)}
		for s := range d.Length {
			d.InputIDs = append(d.InputIDs, rng.Int32N(50))
			d.TokenTypeIDs = append(d.TokenTypeIDs, int32(s*2/d.Length))
		}
		for j := range d.NumMasked {
			d.MaskedPositions = append(d.MaskedPositions, int32(j*d.Length/nanoMasked))
			d.MaskedIDs = append(d.MaskedIDs, rng.Int32N(50))
		}
		predictions += d.NumMasked
		drawn[i] = d
	}
	var b trainer.Batch
	for part := range slices.Chunk(drawn, m.task.rows) {
		b.Micro = append(b.Micro, m.task.tensors(part, 1/float32(predictions), 1/float32(nanoBatch)))
	}
	return b
}

// nanoTrainer prepares the nano model's training over devices.
func nanoTrainer(t *testing.T, b compute.Backend, devices, micro, steps int, change ...func(*optim.Config)) (*trainer.Trainer, *Task) {
	t.Helper()
	task := nanoTask(micro)
	return trainerOf(t, b, task, devices, micro, steps, change...), task
}

// trainerOf prepares the training of a task over devices, with a report after every step.
func trainerOf(t *testing.T, b compute.Backend, task *Task, devices, micro, steps int, change ...func(*optim.Config)) *trainer.Trainer {
	t.Helper()
	s, err := schedule.New(schedule.Config{Kind: schedule.Linear, Steps: steps, WarmupSteps: 2}, 0)
	if err != nil {
		t.Fatal(err)
	}
	o := optim.Default()
	o.LearningRate = 1e-3
	for _, f := range change {
		f(&o)
	}
	plan := trainer.Plan{Schedule: s, Optimizer: o, Batch: nanoBatch, MicroBatch: micro, Sequence: nanoLength, Devices: devices,
		Recording: trainer.Recording{EverySteps: 1}, Run: trainer.DefaultRun()}
	store, err := tasks.Create(task.Parameters(), 5)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := trainer.New(b, store, task, plan)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// openDevices opens the CPU plugin with virtual devices, or skips the test.
func openDevices(t *testing.T, devices int) *pjrt.Client {
	t.Helper()
	path := installedPlugin(t, "cpu")
	return closed(t)(pjrt.Open("cpu", path, pjrt.Options{Devices: devices, Donate: true}))
}

// installedPlugin returns the newest installed plugin of a name, or skips the test.
func installedPlugin(t *testing.T, name string) string {
	t.Helper()
	if !pjrt.Linked {
		t.Skip("the test was built without cgo")
	}
	return plugintest.Need(t, name)
}

// closed closes the client at the end of the test.
func closed(t *testing.T) func(c *pjrt.Client, err error) *pjrt.Client {
	return func(c *pjrt.Client, err error) *pjrt.Client {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		return c
	}
}

// TestDevices trains the nano model with dropout for 20 steps: on one device without accumulation, and on eight virtual
// devices with and without accumulation over two microbatches. Losses, gradient norms and every parameter are the same.
//
// Sums over devices have another order, which changes the last bit or two of a float32: the tolerance is the effect of
// this on 20 updates. attention.self.key.bias has a true gradient of zero, so its value is only rounding.
func TestDevices(t *testing.T) {
	if testing.Short() {
		t.Skip("compiling for eight devices takes seconds")
	}
	const steps = 20
	train := func(devices, micro int) golden.Tensors {
		tr, task := nanoTrainer(t, openDevices(t, devices).Backend(), devices, micro, steps)
		reports := seen{}
		tr.Recorder = reports
		if err := tr.Train(t.Context(), made{task}); err != nil {
			t.Fatal(err)
		}
		state, err := tr.State()
		if err != nil {
			t.Fatal(err)
		}
		got := golden.Tensors{}
		for _, name := range []string{"loss", "mlm_loss", "nsp_loss", "mlm_accuracy", "grad_norm"} {
			got[name] = golden.Floats(reports[name], steps)
		}
		for _, p := range state.Parameters {
			if !strings.HasSuffix(p.Name, "attention.self.key.bias") {
				got["param."+p.Name] = golden.Floats(p.Data, p.Shape...)
			}
		}
		return got
	}
	want := train(1, nanoBatch)
	for _, micro := range []int{nanoBatch, nanoBatch / 2} {
		t.Run(fmt.Sprintf("microbatch %d", micro), func(t *testing.T) {
			got := train(8, micro)
			for _, fault := range golden.Diff(want, got, golden.Tolerance{Relative: 1e-6, Absolute: 1e-6}) {
				t.Error(fault)
			}
			worst, by := golden.Worst(want, got, 1e-4)
			t.Logf("worst %s: %.2g of its largest", worst, by)
		})
	}
}

var operation = regexp.MustCompile(`"stablehlo\.([a-z_]+)"\(`)

// TestProgram compares the step of eight devices with a golden file: the sharding of inputs and results, and the number
// of each operation. It needs no plugin.
func TestProgram(t *testing.T) {
	if !pjrt.Linked {
		t.Skip("built without cgo: there is no client without devices")
	}
	client := closed(t)(pjrt.Deviceless("tpu", 8, pjrt.Options{Donate: true}))
	tr, _ := nanoTrainer(t, client.Backend(), 8, nanoBatch, 2)
	if err := tr.Compile(); err != nil {
		t.Fatal(err)
	}
	programs := client.Programs()
	if len(programs) != 1 {
		t.Fatalf("%d graphs were compiled, want 1", len(programs))
	}
	count := map[string]int{}
	for _, m := range operation.FindAllStringSubmatch(programs[0].Text, -1) {
		count[m[1]]++
	}
	var lines []string
	for _, op := range slices.Sorted(maps.Keys(count)) {
		lines = append(lines, fmt.Sprintf("%s %d", op, count[op]))
	}
	lines = append(lines, fmt.Sprintf("donated %d", len(programs[0].Donated)))
	for i, input := range []string{"input_ids", "token_type_ids", "lengths", "masked_lm_positions", "masked_lm_ids", "masked_lm_weights",
		"next_sentence_label", "next_sentence_weights", "seed", "step", "row", "rate"} {
		at := regexp.MustCompile(fmt.Sprintf(`%%arg%d: ([^{]*)\{[^}]*sdy.sharding = #sdy.sharding(<@[^>]*>)`, i)).FindStringSubmatch(programs[0].Text)
		if at == nil {
			t.Fatalf("no sharding of input %d in %.500s", i, programs[0].Text)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", input, strings.TrimSpace(at[1]), at[2]))
	}
	compareGolden(t, "step-8.txt", lines)
}

// TestRoundedMomentDonated checks that a first moment in bfloat16 is updated in place, like the rest of the state.
func TestRoundedMomentDonated(t *testing.T) {
	if !pjrt.Linked {
		t.Skip("built without cgo: there is no client without devices")
	}
	donated := func(change ...func(*optim.Config)) []string {
		client := closed(t)(pjrt.Deviceless("tpu", 1, pjrt.Options{Donate: true}))
		tr, _ := nanoTrainer(t, client.Backend(), 1, nanoBatch, 2, change...)
		if err := tr.Compile(); err != nil {
			t.Fatal(err)
		}
		return client.Programs()[0].Donated
	}
	want, got := donated(), donated(func(c *optim.Config) { c.FirstMoment = optim.BFloat16 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("donated with a first moment in float32 and in bfloat16 (-, +):\n%s", diff)
	}
}

// TestExchanges compares the collectives of a step on eight devices, as XLA:CPU partitions it, with a golden file. Any
// collective other than the sums of the gradients is a mistake.
func TestExchanges(t *testing.T) {
	if testing.Short() {
		t.Skip("compiling for eight devices takes seconds")
	}
	client := openDevices(t, 8)
	tr, _ := nanoTrainer(t, client.Backend(), 8, nanoBatch, 2)
	if err := tr.Compile(); err != nil {
		t.Fatal(err)
	}
	code, format, err := client.Programs()[0].Optimized()
	if err != nil {
		t.Fatal(err)
	}
	e, err := estimate.Read(code)
	if err != nil {
		t.Fatalf("program as %s: %v", format, err)
	}
	var lines []string
	for _, x := range e.Collectives {
		lines = append(lines, fmt.Sprintf("%s %d bytes", x.Opcode, x.Bytes))
		if x.Opcode != "all-reduce" {
			t.Errorf("%s of %d bytes: want sums only", x.Opcode, x.Bytes)
		}
	}
	compareGolden(t, "exchanges-8.txt", lines)
}

func compareGolden(t *testing.T, name string, lines []string) {
	t.Helper()
	path, got := filepath.Join("testdata", name), strings.Join(lines, "\n")+"\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestCuDNN checks that a graph for one GPU uses cuDNN's attention, forward and backward, if it applies and the options
// request it.
func TestCuDNN(t *testing.T) {
	if !pjrt.Linked {
		t.Skip("built without cgo: there is no client without devices")
	}
	half := bert.Options{Precision: dtypes.BFloat16, CuDNN: true}
	for _, c := range []struct {
		name, kind string
		devices    int
		options    bert.Options
		change     func(*bert.Config)
		want       int // custom calls of a kind: only the first of two layers has them, since the last computes few queries
	}{
		{"asked for", "cuda", 1, half, nil, 1},
		{"not asked for", "cuda", 1, bert.Options{Precision: dtypes.BFloat16}, nil, 0},
		{"float32", "cuda", 1, bert.Options{CuDNN: true}, nil, 0},
		{"dropout", "cuda", 1, half, func(c *bert.Config) { c.AttentionDropout = 0.1 }, 0},
		{"heads of 4", "cuda", 1, half, func(c *bert.Config) { c.NumAttentionHeads = 4 }, 0},
		{"two GPUs", "cuda", 2, half, nil, 0},
		{"a TPU", "tpu", 1, half, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := nanoTask(nanoBatch)
			task.options, task.bert.AttentionDropout = c.options, 0
			if c.change != nil {
				c.change(&task.bert)
			}
			client := closed(t)(pjrt.Deviceless(c.kind, c.devices, pjrt.Options{}))
			if err := trainerOf(t, client.Backend(), task, c.devices, nanoBatch, 2).Compile(); err != nil {
				t.Fatal(err)
			}
			text := client.Programs()[0].Text
			forward, backward := strings.Count(text, `"__cudnn$fmhaSoftmax"`), strings.Count(text, `"__cudnn$fmhaSoftmaxBackward"`)
			if forward != c.want || backward != c.want {
				t.Errorf("%d forward and %d backward, want %d of each", forward, backward, c.want)
			}
		})
	}
}

// TestCuDNNOnGPU checks that an update with cuDNN's attention equals the decomposed one, up to bfloat16's rounding.
func TestCuDNNOnGPU(t *testing.T) {
	if _, err := os.Stat("/dev/nvidiactl"); err != nil {
		t.Skip("no NVIDIA GPU here")
	}
	path := installedPlugin(t, "cuda")
	train := func(fused bool) golden.Tensors {
		const steps = 3
		task := nanoTask(nanoBatch)
		task.options, task.bert.AttentionDropout = bert.Options{Precision: dtypes.BFloat16, CuDNN: fused}, 0
		client := closed(t)(pjrt.Open("cuda", path, pjrt.Options{Donate: true}))
		tr := trainerOf(t, client.Backend(), task, 1, nanoBatch, steps)
		reports := seen{}
		tr.Recorder = reports
		if err := tr.Train(t.Context(), made{task}); err != nil {
			t.Fatal(err)
		}
		return golden.Tensors{"loss": golden.Floats(reports["loss"], steps), "grad_norm": golden.Floats(reports["grad_norm"], steps)}
	}
	for _, fault := range golden.Diff(train(false), train(true), golden.Tolerance{Relative: 0.02}) {
		t.Error(fault)
	}
}
