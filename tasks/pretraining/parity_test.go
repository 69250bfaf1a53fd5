package pretraining

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

// fixtureBatches yields the two batches of the fixture in turn, with weights that sum to one.
type fixtureBatches struct {
	task  *Task
	parts [2]golden.Tensors
}

func (b fixtureBatches) From(_ context.Context, step int) iter.Seq2[trainer.Batch, error] {
	return func(yield func(trainer.Batch, error) bool) {
		for ; ; step++ {
			if !yield(b.batch(b.parts[step%2]), nil) {
				return
			}
		}
	}
}

func (b fixtureBatches) batch(in golden.Tensors) trainer.Batch {
	rows, predictions := in["lengths"].Shape[0], float32(0)
	for _, w := range in["masked_lm_weights"].Floats {
		predictions += w
	}
	share := make([]float32, 0)
	for _, w := range in["masked_lm_weights"].Floats {
		share = append(share, w/predictions)
	}
	var batch trainer.Batch
	for first := 0; first < rows; first += b.task.rows {
		part := func(name string) *tensors.Tensor {
			t := in[name]
			shape := slices.Clone(t.Shape)
			shape[0] = b.task.rows
			each := len(t.Ints) / rows
			return tensors.FromFlatDataAndDimensions(slices.Clone(t.Ints[first*each:(first+b.task.rows)*each]), shape...)
		}
		each := len(share) / rows
		batch.Micro = append(batch.Micro, []*tensors.Tensor{
			part("input_ids"), part("token_type_ids"), part("lengths"), part("masked_lm_positions"), part("masked_lm_ids"),
			tensors.FromFlatDataAndDimensions(slices.Clone(share[first*each:(first+b.task.rows)*each]), b.task.rows, each),
			part("next_sentence_label"), tensors.FromFlatDataAndDimensions(slices.Repeat([]float32{1 / float32(rows)}, b.task.rows), b.task.rows),
		})
	}
	return batch
}

// seen keeps each report of a run.
type seen map[string][]float32

func (s seen) Record(_ int, values ...metrics.Value) error {
	for _, v := range values {
		s[v.Name] = append(s[v.Name], float32(v.Value))
	}
	return nil
}

func (s seen) Close() error { return nil }

// TestTenSteps trains the nano model for ten steps and compares losses, gradient norms and rates of every step, and every
// final parameter with Google's optimizer, torch's AdamW and LAMB, with and without accumulation over three microbatches.
//
// The tolerance allows for ten float32 updates at a rate of 1e-2: Adam divides by the root of the second moment, so a
// relative error of 1e-6 in a small gradient moves a parameter by 1e-6 of the rate each step, and the loss depends on all
// of them. attention.self.key.bias has a true gradient of zero (a constant does not change a softmax), which Adam turns
// into noise of the size of the rate; the test skips it.
func TestTenSteps(t *testing.T) {
	params := parity.Open(t, "../..", "pretraining_gelu")
	file := parity.Open(t, "../..", "adamw")
	var c bert.Config
	if err := json.Unmarshal([]byte(params.Metadata["config"]), &c); err != nil {
		t.Fatal(err)
	}
	var settings struct {
		Steps        int     `json:"steps"`
		WarmupSteps  int     `json:"warmup_steps"`
		LearningRate float64 `json:"learning_rate"`
		WeightDecay  float64 `json:"weight_decay"`
		ClipNorm     float64 `json:"clip_norm"`
	}
	if err := json.Unmarshal([]byte(file.Metadata["settings"]), &settings); err != nil {
		t.Fatal(err)
	}
	steps, err := schedule.New(schedule.Config{Kind: schedule.Linear, Steps: settings.Steps, WarmupSteps: settings.WarmupSteps}, 0)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	for variant, name := range map[string]string{"google": optim.BERTAdamW, "torch": optim.AdamW, "lamb": optim.LAMB} {
		for _, rows := range []int{3, 1} {
			t.Run(fmt.Sprintf("%s/microbatch %d", variant, rows), func(t *testing.T) {
				o := optim.Config{Name: name, LearningRate: settings.LearningRate, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-6,
					WeightDecay: settings.WeightDecay, ClipNorm: settings.ClipNorm}
				plan := trainer.Plan{Schedule: steps, Optimizer: o, Batch: 3, MicroBatch: rows, Sequence: 12, Devices: 1,
					Recording: trainer.Recording{EverySteps: 1}, Run: trainer.DefaultRun()}
				task := New(c, bert.Options{}, Config{Config: instances.Config{Sequence: 12, MaxPredictions: 4, NSP: true}}, rows)
				tr, err := trainer.New(backend, parity.Store(t, params.Under("param.")), task, plan)
				if err != nil {
					t.Fatal(err)
				}
				reports := seen{}
				tr.Recorder = reports
				if err := tr.Train(t.Context(), fixtureBatches{task, [2]golden.Tensors{file.Under("batch.0."), file.Under("batch.1.")}}); err != nil {
					t.Fatal(err)
				}
				state, err := tr.State()
				if err != nil {
					t.Fatal(err)
				}
				got := golden.Tensors{}
				for _, name := range []string{"loss", "grad_norm", "learning_rate"} {
					got[name] = golden.Floats(reports[name], settings.Steps)
				}
				for _, p := range state.Parameters {
					got["param."+p.Name] = golden.Floats(p.Data, p.Shape...)
				}
				want := file.Under(variant + "/")
				for name := range want {
					if strings.HasSuffix(name, "attention.self.key.bias") {
						delete(want, name)
						delete(got, name)
					}
				}
				for _, fault := range golden.Diff(want, got, golden.Tolerance{Relative: 2e-5, Absolute: 1e-6}) {
					t.Error(fault)
				}
				worst, by := golden.Worst(want, got, 1e-4)
				t.Logf("worst %s: %.2g of its largest", worst, by)
			})
		}
	}
}
