package tasks

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

var product = regexp.MustCompile(`(?s)"stablehlo\.dot_general"\(.*?lhs_contracting_dimensions = \[([0-9, ]*)\].*?\} : \(tensor<([0-9x]+)x\w+>, .*?\) -> tensor<([0-9x]+)x\w+>`)

// productFLOPs adds up what the products in a program's text cost.
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

// TestFLOPs holds the formulas against the products in the graph of the very step, and those that pick and sum up by zeros
// and ones.
func TestFLOPs(t *testing.T) {
	if !pjrt.Linked {
		t.Skip("built without cgo: there is no client without devices")
	}
	const rows = 4
	pretraining := func(nsp bool) *Pretraining {
		p := nanoTask(rows)
		p.nsp = nsp
		return p
	}
	relation := func(pooling string) *Relation {
		return relationOf(t, func(c *Config) { c.Pooling, c.Padding = pooling, PaddingFull }, rows)
	}
	// A product with one-hot vectors costs these sums of products a row: types [S,T]x[T,H], written out with both gradients;
	// picking the gradient of [P,S]x[S,H]; a weighted sum of positions all of [1,S]x[S,H].
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
		"pretraining":        {pretraining(true), types(nanoTask(rows).bert, nanoLength) + pick(nanoTask(rows).bert, nanoMasked+1, nanoLength)},
		"words alone":        {pretraining(false), types(nanoTask(rows).bert, nanoLength) + pick(nanoTask(rows).bert, nanoMasked, nanoLength)},
		"relation cls":       {relation("cls"), types(nano(), 64) + pick(nano(), 1, 64)},
		"relation attention": {relation("attention"), types(nano(), 64) + 3*pick(nano(), 1, 64)},
	} {
		t.Run(name, func(t *testing.T) {
			client := closed(t)(pjrt.Deviceless("tpu", 1, pjrt.Options{}))
			s, err := schedule.New(schedule.Config{Kind: schedule.Linear, Steps: 2}, 0)
			if err != nil {
				t.Fatal(err)
			}
			store, err := Create(test.task.Parameters(), 5)
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
