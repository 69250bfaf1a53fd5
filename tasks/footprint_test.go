package tasks_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/pretraining"
	"github.com/subbert/subbert/tasks/relation"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

var product = regexp.MustCompile(`(?s)"stablehlo\.dot_general"\(.*?lhs_contracting_dimensions = \[([0-9, ]*)\].*?\} : \(tensor<([0-9x]+)x\w+>, .*?\) -> tensor<([0-9x]+)x\w+>`)

// productFLOPs sums the cost of the products in a program's text.
func productFLOPs(t *testing.T, text string) float64 {
	t.Helper()
	numbers := func(list, sep string) (out []int) {
		for _, s := range strings.Split(list, sep) {
			n, err := strconv.Atoi(strings.TrimSpace(s))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, n)
		}
		return out
	}
	sum := 0.0
	for _, m := range product.FindAllStringSubmatch(text, -1) {
		cost, lhs := 2.0, numbers(m[2], "x")
		for _, axis := range numbers(m[1], ",") {
			cost *= float64(lhs[axis])
		}
		for _, dim := range numbers(m[3], "x") {
			cost *= float64(dim)
		}
		sum += cost
	}
	return sum
}

// TestFLOPs compares the formulas with the products in the graph of the step, including products with zeros and ones that
// gather and sum.
func TestFLOPs(t *testing.T) {
	if !pjrt.Linked {
		t.Skip("built without cgo: there is no client without devices")
	}
	const rows = 4
	const length, masked, sentence = 16, 3, 64
	nano := bert.Default()
	nano.VocabSize, nano.HiddenSize, nano.NumHiddenLayers, nano.NumAttentionHeads, nano.IntermediateSize = 150, 16, 2, 2, 24
	nano.MaxPositionEmbeddings, nano.HiddenDropout, nano.AttentionDropout = sentence, 0.2, 0.2
	words := func(nsp bool) *pretraining.Task {
		return pretraining.New(nano, bert.Options{}, pretraining.Config{Config: instances.Config{Sequence: length, MaxPredictions: masked, NSP: nsp}}, rows)
	}
	classifier := func(pooling string) *relation.Task {
		c := relation.Default()
		c.Sequence, c.Pooling, c.Padding = sentence, pooling, relation.PaddingFull
		task, err := relation.New(nano, bert.Options{}, c, 3, rows)
		if err != nil {
			t.Fatal(err)
		}
		return task
	}
	// Products with one-hot vectors cost these sums of products per row: types [S,T]x[T,H], explicit with both gradients;
	// gathering, the gradient of [P,S]x[S,H]; a weighted sum of positions, all of [1,S]x[S,H].
	types := func(c bert.Config, s int) int { return 3 * s * c.TypeVocabSize * c.HiddenSize }
	pick := func(c bert.Config, asked, s int) int { return asked * s * c.HiddenSize }
	for name, test := range map[string]struct {
		task interface {
			trainer.Task
			Parameters() []weights.Parameter
			FLOPs(rows int) float64
		}
		beside int
	}{
		"pretraining":        {words(true), types(nano, length) + pick(nano, masked+1, length)},
		"words alone":        {words(false), types(nano, length) + pick(nano, masked, length)},
		"relation cls":       {classifier("cls"), types(nano, sentence) + pick(nano, 1, sentence)},
		"relation attention": {classifier("attention"), types(nano, sentence) + 3*pick(nano, 1, sentence)},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := pjrt.Deviceless("tpu", 1, pjrt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := client.Close(); err != nil {
					t.Error(err)
				}
			})
			s, err := schedule.New(schedule.Config{Kind: schedule.Linear, Steps: 2}, 0)
			if err != nil {
				t.Fatal(err)
			}
			store, err := tasks.Create(test.task.Parameters(), 5)
			if err != nil {
				t.Fatal(err)
			}
			plan := trainer.Plan{Schedule: s, Optimizer: optim.Default(), Batch: rows, MicroBatch: rows, Devices: 1, Run: trainer.DefaultRun()}
			tr, err := trainer.New(client.Backend(), store, test.task, plan)
			if err != nil {
				t.Fatal(err)
			}
			if err := tr.Compile(); err != nil {
				t.Fatal(err)
			}
			want := test.task.FLOPs(rows) + float64(2*rows*test.beside)
			if got := productFLOPs(t, client.Programs()[0].Text); got != want {
				t.Errorf("%g in the graph, %g by formula", got, want)
			}
		})
	}
}
