package relation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

// Downstream is the [downstream] table of a pre-training run. It measures, during the run, the value of the encoder for a
// relation task.
type Downstream struct {
	EverySteps    int    `toml:"every_steps"` // 0: only at the end
	Train         string `toml:"train,omitempty"`
	Test          string `toml:"test,omitempty"`
	TrainExamples int    `toml:"train_examples"` // size of a fixed sample; 0: all
	TestExamples  int    `toml:"test_examples"`
}

// DefaultDownstream returns a table without files, which measures nothing, and with sample sizes that take seconds.
func DefaultDownstream() Downstream { return Downstream{TrainExamples: 2000, TestExamples: 1000} }

// Validate returns every fault of d at once.
func (d Downstream) Validate() error {
	var faults []error
	if (d.Train == "") != (d.Test == "") {
		faults = append(faults, fmt.Errorf("downstream.train = %q, downstream.test = %q: want both or neither", d.Train, d.Test))
	}
	if d.EverySteps < 0 || d.TrainExamples < 0 || d.TestExamples < 0 {
		faults = append(faults, fmt.Errorf("downstream.every_steps = %d, train_examples = %d, test_examples = %d: want no negative number", d.EverySteps, d.TrainExamples, d.TestExamples))
	}
	return errors.Join(faults...)
}

// Linear fits a softmax regression on features of a frozen encoder: the last layer at [CLS], concatenated with its mean
// over the sentence. Its score shows how well a relation task can be solved without changing the encoder. The
// score is lower than that of fine-tuning; computing it takes seconds.
type Linear struct {
	relation    *Task
	forward     *trainer.Forward
	train, test []marked.Row
	labels      []string
	negative    string
}

// NewLinear prepares to measure on examples that fit into the rows of r; open is Trainer.Forward.
func NewLinear(r *Task, open func(name string, inputs int, build trainer.Build) (*trainer.Forward, error), train, test []marked.Row, labels []string, negative string) (*Linear, error) {
	forward, err := open("features", 2, func(s *model.Scope, in []*graph.Node) []*graph.Node {
		input := bert.Input{InputIDs: in[0], Lengths: in[1]}
		last := graph.ConvertDType(bert.Encode(s, r.bert, input, r.options).Last(), dtypes.Float32) // [B,S,H]
		weights := graph.ConvertDType(input.Mask(), dtypes.Float32)
		weights = graph.Div(weights, graph.ReduceAndKeep(weights, graph.ReduceSum, -1))
		return []*graph.Node{graph.Concatenate([]*graph.Node{bert.First(last), graph.Einsum("bs,bsh->bh", weights, last)}, -1)}
	})
	return &Linear{relation: r, forward: forward, train: train, test: test, labels: labels, negative: negative}, err
}

// Measure fits on the training examples and scores the test examples. It returns probe_f1, the micro F1 over all labels
// except the negative one, in percent.
func (l *Linear) Measure(ctx context.Context, _ int) ([]metrics.Value, error) {
	x, err := l.features(ctx, l.train)
	if err != nil {
		return nil, err
	}
	scale := standardize(x)
	y := make([]int, len(l.train))
	for i, e := range l.train {
		y[i] = int(e.Label)
	}
	w, err := fitSoftmax(x, y, len(l.labels))
	if err != nil {
		return nil, err
	}
	tests, err := l.features(ctx, l.test)
	if err != nil {
		return nil, err
	}
	scale(tests)
	gold, predicted := make([]string, len(l.test)), make([]string, len(l.test))
	for i, class := range classes(tests, w) {
		gold[i], predicted[i] = l.labels[l.test[i].Label], l.labels[class]
	}
	confusion, err := evaluate.Confuse(gold, predicted, l.labels)
	if err != nil {
		return nil, err
	}
	report, err := confusion.Report(l.negative)
	return []metrics.Value{{Name: "probe_f1", Value: report.Micro.F1}}, err
}

// features returns one row of features per example, with a constant 1 as the last column.
func (l *Linear) features(ctx context.Context, examples []marked.Row) (*mat.Dense, error) {
	width := 2*l.relation.bert.HiddenSize + 1
	x := mat.NewDense(len(examples), width, nil)
	at := 0
	for part := range slices.Chunk(examples, l.relation.rows) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out, err := l.forward.Call(l.relation.tensors(part, 1)[:2])
		if err != nil {
			return nil, err
		}
		flat, err := tensors.CopyFlatData[float32](out[0])
		if err != nil {
			return nil, err
		}
		for i := range part {
			row := x.RawRowView(at)
			for j := range width - 1 {
				row[j] = float64(flat[i*(width-1)+j])
			}
			row[width-1] = 1
			at++
		}
	}
	return x, nil
}

// standardize scales every column of x except the constant one to mean 0 and standard deviation 1. It returns a function
// that applies the same scaling to other rows.
func standardize(x *mat.Dense) func(*mat.Dense) {
	rows, columns := x.Dims()
	mean, inverse := make([]float64, columns), make([]float64, columns)
	for j := range columns - 1 {
		column := mat.Col(nil, j, x)
		mean[j] = floats.Sum(column) / float64(rows)
		floats.AddConst(-mean[j], column)
		inverse[j] = 1 / max(floats.Norm(column, 2)/math.Sqrt(float64(rows)), 1e-6)
	}
	inverse[columns-1] = 1
	apply := func(x *mat.Dense) {
		for i := range x.RawMatrix().Rows {
			row := x.RawRowView(i)
			floats.Sub(row, mean)
			floats.Mul(row, inverse)
		}
	}
	apply(x)
	return apply
}

// ridge is the coefficient of the L2 penalty on weights of standardised features, relative to the mean loss of an example.
const ridge = 1e-3

// fitSoftmax finds the weights [D,C] that minimize the mean cross entropy of rows x [N,D] with classes y, plus the L2
// penalty. It is deterministic: it starts at zero and stops after at most 100 iterations; more would change little.
func fitSoftmax(x *mat.Dense, y []int, numClasses int) (*mat.Dense, error) {
	n, d := x.Dims()
	at := func(w []float64) (loss float64, gradient *mat.Dense) {
		weights := mat.NewDense(d, numClasses, w)
		var p mat.Dense
		p.Mul(x, weights)
		for i := range n {
			row := p.RawRowView(i)
			total := floats.LogSumExp(row)
			loss += (total - row[y[i]]) / float64(n)
			for c := range row {
				row[c] = math.Exp(row[c]-total) / float64(n)
			}
			row[y[i]] -= 1 / float64(n)
		}
		gradient = new(mat.Dense)
		gradient.Mul(x.T(), &p)
		var decay mat.Dense
		decay.Scale(ridge, weights)
		gradient.Add(gradient, &decay)
		return loss + ridge/2*floats.Dot(w, w), gradient
	}
	problem := optimize.Problem{
		Func: func(w []float64) float64 { loss, _ := at(w); return loss },
		Grad: func(to, w []float64) {
			_, gradient := at(w)
			copy(to, gradient.RawMatrix().Data)
		},
	}
	settings := &optimize.Settings{MajorIterations: 100, GradientThreshold: 1e-4}
	result, err := optimize.Minimize(problem, make([]float64, d*numClasses), settings, &optimize.LBFGS{})
	if err != nil && (result == nil || math.IsNaN(result.F)) {
		return nil, fmt.Errorf("fitting on the encoder's features: %w", err)
	}
	return mat.NewDense(d, numClasses, result.X), nil
}

// classes returns the most probable class of each row of x under weights w.
func classes(x, w *mat.Dense) []int {
	var scores mat.Dense
	scores.Mul(x, w)
	out := make([]int, scores.RawMatrix().Rows)
	for i := range out {
		out[i] = floats.MaxIdx(scores.RawRowView(i))
	}
	return out
}
