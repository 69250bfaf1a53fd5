// Package extract applies a fine-tuned relation model to sentences: it predicts the label of each pair of mentions with
// its probability, and shows which words the model weighs.
//
// It streams: it turns a window of examples at a time into rows, computes them sorted by length and yields them in the
// order of the input, so that memory does not grow with the input. Meanwhile it reads and tokenizes the next window.
package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/relation"
	"github.com/subbert/subbert/trainer"
)

// Options say how a model is applied. The zero value computes 32 rows at a time on the pure-Go backend, in float32.
type Options struct {
	Backend func(context.Context) (*backend.Handle, error) // opens the backend; nil: the pure-Go backend
	Model   bert.Options                                   // how the model computes
	Rows    int                                            // of one forward pass; 0: 32
	Window  int                                            // examples sorted by length together; a few windows are held at a time; 0: 64 forward passes

	// MinProbability is the least probability at which a relation is given: the most probable relation if it reaches
	// it, and no relation otherwise. 0 gives the most probable label, whether or not it is a relation.
	MinProbability float64

	// Truncate says how sentences that are too long are cut; empty: as in training.
	Truncate string

	// AnyEncoder also accepts a model that is not a relation model. It predicts nothing, and Attend shows its own
	// attention.
	AnyEncoder bool

	// Log receives what a person should know at once; nil: nothing is logged.
	Log *slog.Logger
}

// NotFineTunedError says that a model is not a relation model made by subbert finetune.
type NotFineTunedError struct{ Path string }

func (e *NotFineTunedError) Error() string {
	return fmt.Sprintf(`%s: not a relation model made by subbert finetune: its config.json has no key "subbert" with labels`, e.Path)
}

// LabelsError says that an example has a label that the model does not have.
type LabelsError struct{ Err error }

func (e *LabelsError) Error() string {
	return "the data have labels that the model does not have: " + e.Err.Error()
}

func (e *LabelsError) Unwrap() error { return e.Err }

// Model is an open relation model. It is not for concurrent use.
type Model struct {
	options   Options
	files     *checkpoints.Model
	bert      bert.Config
	settings  relation.Settings
	tuned     bool // false for an encoder without a classifier
	labels    relations.Task
	encoder   *marked.Encoder
	handle    *backend.Handle
	predictor *relation.Predictor
	cut       marked.Cut
}

// Open opens the relation model in the directory dir: a model directory, or the directory of a fine-tuning run. It
// fails with a *NotFineTunedError if the model is not a relation model.
func Open(ctx context.Context, dir string, o Options) (_ *Model, err error) {
	if !(o.MinProbability >= 0 && o.MinProbability <= 1) {
		return nil, &RequestError{fmt.Errorf("--min-probability %g, want 0 to 1", o.MinProbability)}
	}
	m := &Model{options: o.complete()}
	if m.files, err = checkpoints.OpenModel(ctx, result.ModelPath(dir)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
		}
	}()
	if m.bert, err = bert.ReadConfig(m.files.Files.Config); err != nil {
		return nil, err
	}
	settings, err := relation.ReadSettings(m.files.Config.Raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	switch {
	case settings != nil:
		m.settings, m.tuned = *settings, true
	case o.AnyEncoder:
		m.settings = relation.Settings{Sequence: min(128, m.bert.MaxPositionEmbeddings), Truncate: marked.TruncateTail, Marking: string(relations.Tag)}
	default:
		return nil, &NotFineTunedError{dir}
	}
	tokenizer, err := wordpiece.New(m.files.Vocabulary, m.files.Tokenizer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	m.encoder = &marked.Encoder{
		Tokenizer: tokenizer, Special: m.files.Vocabulary.Special(), Length: m.settings.Sequence, Truncate: cmp.Or(m.options.Truncate, m.settings.Truncate), Labels: m.settings.Labels, Spans: true,
	}
	if m.tuned {
		if m.labels, err = relations.TaskOf(m.settings.Labels, m.settings.Negative); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
	if m.handle, err = m.options.Backend(ctx); err != nil {
		return nil, err
	}
	return m, m.load()
}

// complete returns o with its zero fields replaced by defaults.
func (o Options) complete() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Backend == nil {
		o.Backend = func(ctx context.Context) (*backend.Handle, error) {
			return backend.Open(ctx, backend.Choice{Spec: backend.Spec{Name: backend.Go}}, backend.Options{Log: o.Log})
		}
	}
	if o.Rows == 0 {
		o.Rows = 32
	}
	if o.Window == 0 {
		o.Window = 64 * o.Rows
	}
	return o
}

// load reads the weights of the classifier and prepares to predict.
func (m *Model) load() error {
	if !m.tuned {
		return nil
	}
	task, err := relation.New(m.bert, m.options.Model, m.settings.Config(), len(m.settings.Labels), m.options.Rows)
	if err != nil {
		return err
	}
	store, _, err := tasks.Load(m.files, task.Parameters(), checkpoints.Fresh{}, 0)
	if err != nil {
		return err
	}
	parameters := 0
	for _, p := range task.Parameters() {
		parameters += p.Size()
	}
	m.options.Log.Info("model", "pooling", m.settings.Pooling, "labels", m.settings.Labels, "parameters", parameters)
	m.predictor, err = task.NewPredictor(m.opener(store), m.handle.ShapeCost())
	return err
}

// opener returns a function that compiles graphs over the parameters of store.
func (m *Model) opener(store *model.Store) func(name string, inputs int, build trainer.Build) (*trainer.Forward, error) {
	return func(name string, inputs int, build trainer.Build) (*trainer.Forward, error) {
		return trainer.NewForward(m.handle.Backend, store, 1, name, inputs, build)
	}
}

// Close releases the model and its backend.
func (m *Model) Close() error {
	var errs []error
	if m.handle != nil {
		errs = append(errs, m.handle.Close())
	}
	return errors.Join(append(errs, m.files.Close())...)
}

// Labels returns the labels that a prediction's probabilities belong to, in order.
func (m *Model) Labels() []string { return m.settings.Labels }

// Negative returns the label that means no relation.
func (m *Model) Negative() string { return m.settings.Negative }

// Settings returns the form in which the model saw sentences in training.
func (m *Model) Settings() relation.Settings { return m.settings }

// Cut counts the sentences predicted so far that were longer than a row, and the mentions they lost.
func (m *Model) Cut() marked.Cut { return m.cut }

// Prediction is the prediction of a model for an example.
type Prediction struct {
	Example       relations.Example
	Label         string    // the most probable one, the first if several are equal, unless Options.MinProbability says otherwise
	Probabilities []float32 // in the order of Model.Labels, scaled by the model's temperature
	Row           marked.Row
	Attention     []float32 // of the positions of Row; nil unless the pooling has weights
}

// Predict yields a prediction for each example, in order. It ends at the first error of examples, at a label that the
// model does not have, and when ctx ends. An example without a label is predicted, too.
//
// How long rows are depends on the examples, and so do the last digits of probabilities; other calls make no difference.
func (m *Model) Predict(ctx context.Context, examples iter.Seq2[relations.Example, error]) iter.Seq2[Prediction, error] {
	return m.PredictPart(ctx, 1, examples)
}

// PredictPart is Predict for one of parts calls that share what compiling costs.
func (m *Model) PredictPart(ctx context.Context, parts int, examples iter.Seq2[relations.Example, error]) iter.Seq2[Prediction, error] {
	return func(yield func(Prediction, error) bool) {
		if !m.tuned {
			yield(Prediction{}, &NotFineTunedError{m.files.Path})
			return
		}
		predictor := m.predictor.Begin(parts)
		for e, err := range tasks.Ahead(1, m.encode(examples)) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Prediction{}, err)
				return
			}
			if !m.predict(ctx, predictor, e, yield) {
				return
			}
		}
	}
}

// encoded is a window of examples as rows.
type encoded struct {
	examples []relations.Example
	rows     []marked.Row
	cut      marked.Cut
}

// encode turns windows of examples into rows, one window a job.
func (m *Model) encode(examples iter.Seq2[relations.Example, error]) iter.Seq[func() (encoded, error)] {
	return func(yield func(func() (encoded, error)) bool) {
		for window, err := range windows(examples, m.options.Rows, m.options.Window) {
			if !yield(func() (encoded, error) {
				if err != nil {
					return encoded{}, err
				}
				return m.encodeWindow(window)
			}) {
				return
			}
		}
	}
}

func (m *Model) encodeWindow(window []relations.Example) (encoded, error) {
	rows, cut, err := m.encoder.Encode(window)
	if err != nil {
		return encoded{}, &LabelsError{err}
	}
	return encoded{window, rows, cut}, nil
}

// predict predicts the examples of a window with predictor, and reports whether to continue.
func (m *Model) predict(ctx context.Context, predictor *relation.Predictor, e encoded, yield func(Prediction, error) bool) bool {
	m.cut = m.cut.Plus(e.cut)
	i := 0
	for p, err := range predictor.Predict(ctx, e.rows) {
		if err != nil {
			yield(Prediction{}, err)
			return false
		}
		made := Prediction{Example: e.examples[i], Label: m.settings.Labels[p.Label()], Probabilities: m.settings.Calibrated(p.Probabilities), Row: e.rows[i], Attention: p.Attention}
		if m.options.MinProbability > 0 {
			made.Label = m.atLeast(made.Probabilities)
		}
		if i++; !yield(made, nil) {
			return false
		}
	}
	return true
}

// atLeast returns the most probable relation if its probability is at least Options.MinProbability, and the negative
// label otherwise.
func (m *Model) atLeast(probabilities []float32) string {
	best, label := float32(-1), m.settings.Negative
	for i, l := range m.settings.Labels {
		if p := probabilities[i]; l != m.settings.Negative && p > best && float64(p) >= m.options.MinProbability {
			best, label = p, l
		}
	}
	return label
}

// windows yields first examples at a time, then more and more, up to most, so that the first predictions appear soon.
// The receiver owns the slice.
func windows(examples iter.Seq2[relations.Example, error], first, most int) iter.Seq2[[]relations.Example, error] {
	return func(yield func([]relations.Example, error) bool) {
		var window []relations.Example
		size := min(first, most)
		for e, err := range examples {
			if err != nil {
				if len(window) > 0 && !yield(window, nil) {
					return
				}
				yield(nil, err)
				return
			}
			if window = append(window, e); len(window) == size {
				if !yield(window, nil) {
					return
				}
				window, size = nil, min(2*size, most)
			}
		}
		if len(window) > 0 {
			yield(window, nil)
		}
	}
}
