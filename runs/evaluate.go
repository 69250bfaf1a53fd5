package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/pretraining"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

// Evaluation says which model is measured on which shards, and how. A zero field takes its value from the run of the
// model, if there is one, and otherwise from the defaults of pre-training.
type Evaluation struct {
	Model    string   // a model directory, or a pre-training run: its newest valid checkpoint
	Shards   string   // directory made by subbert data shard
	Splits   []string // shards.HeldOut, shards.Train
	Seed     *uint32  // of masks and pairs
	Sequence int      // positions of a row
	Masking  string   // instances.Subword or instances.WholeWord
	Rows     int      // of one forward pass; they do not change the result
	Limit    int      // instances of each split; 0: all
	Device   configs.Device
}

// Evaluated is what Evaluate measured.
type Evaluated struct {
	Instances int
	Seed      uint32
	Masking   string
	Sequence  int
	Step      int // of the run's checkpoint; 0 for a model directory
	Values    []metrics.Value
}

// JSON returns e as the result that subbert eval writes.
func (e *Evaluated) JSON(of Evaluation, split string) result.Evaluation {
	out := result.Evaluation{
		"instances": e.Instances, "split": split, "seed": e.Seed, "masking": e.Masking, "sequence": e.Sequence, "model": of.Model, "shards": of.Shards,
	}
	if e.Step > 0 {
		out["step"] = e.Step
	}
	for _, v := range e.Values {
		if !math.IsNaN(v.Value) && !math.IsInf(v.Value, 0) { // JSON has no NaN and no infinity
			out[v.Name] = v.Value
		}
	}
	return out
}

// Evaluate masks the documents of the splits and pairs their segments as pre-training does, once, and measures how well
// the model restores the masked words. The same model, shards and seed give the same values.
func Evaluate(ctx context.Context, of Evaluation, env Env) (_ *Evaluated, err error) {
	env = env.complete()
	m := &measured{env: env, of: of}
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.model.Close()) }()
	set, err := shards.Open(of.Shards)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	if err := checkShards(env, set, m.model); err != nil {
		return nil, err
	}
	return m.measure(ctx, set)
}

// measured is a model on disk and the settings it is measured with.
type measured struct {
	env   Env
	of    Evaluation
	model *checkpoints.Model
	bert  bert.Config
	task  pretraining.Config
	seed  uint32
	step  int
}

// open finds the model and resolves the settings it is measured with.
func (m *measured) open(ctx context.Context) error {
	m.task, m.seed = pretraining.Default(), trainer.DefaultRun().Seed
	dir, err := m.env.Model(ctx, m.of.Model)
	if err != nil {
		return err
	}
	if result.IsRun(dir) {
		config, err := configs.SavedPretraining(ctx, filepath.Join(dir, result.ConfigFile))
		if err != nil {
			return err
		}
		newest, passed, err := checkpoints.Latest(filepath.Join(dir, result.CheckpointsDir))
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		for _, p := range passed {
			m.env.Log.Warn("checkpoint skipped", "step", p.Step, "why", p.Err)
		}
		m.task, m.seed, m.step, dir = config.Task, config.Run.Seed, newest.Step, newest.Dir
		m.of.Device.Precision = cmp.Or(m.of.Device.Precision, config.Device.Precision)
	}
	if m.model, err = checkpoints.OpenModel(ctx, dir); err != nil {
		return err
	}
	if m.bert, err = bert.ReadConfig(m.model.Files.Config); err == nil {
		err = m.resolve()
	}
	if err != nil {
		return errors.Join(err, m.model.Close())
	}
	return nil
}

// resolve replaces the run's settings by those asked for.
func (m *measured) resolve() error {
	if m.step == 0 {
		m.task.Sequence = min(m.task.Sequence, m.bert.MaxPositionEmbeddings)
	}
	m.task.Phases, m.task.Batch, m.task.MicroBatch = nil, max(1, m.of.Rows), 0
	if m.of.Seed != nil {
		m.seed = *m.of.Seed
	}
	if m.of.Masking != "" {
		m.task.Masking = m.of.Masking
	}
	if m.of.Sequence != 0 {
		m.task.Sequence = m.of.Sequence
	}
	if m.task.Sequence > m.bert.MaxPositionEmbeddings {
		return configs.Errorf("--sequence %d, but the model has %d positions (max_position_embeddings)", m.task.Sequence, m.bert.MaxPositionEmbeddings)
	}
	return configs.Wrap(m.task.Validate())
}

// measure evaluates the model over the splits asked for.
func (m *measured) measure(ctx context.Context, set *shards.Set) (_ *Evaluated, err error) {
	handle, err := m.env.Backend(ctx, m.of.Device)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, handle.Close()) }()
	store, err := m.load()
	if err != nil {
		return nil, err
	}
	rows := (m.task.Batch + handle.Devices - 1) / handle.Devices * handle.Devices
	task := pretraining.Measure{Task: pretraining.New(m.bert, m.of.Device.ModelOptions(), m.task, rows)}
	evaluation, err := trainer.NewEvaluation(handle.Backend, store, task, handle.Devices)
	if err != nil {
		return nil, err
	}
	out := &Evaluated{Seed: m.seed, Masking: m.task.Masking, Sequence: m.task.Sequence, Step: m.step}
	var epochs []*instances.Epoch
	for _, split := range m.of.Splits {
		epoch, err := firstEpoch(ctx, set, split, m.model.Vocabulary, m.task, m.seed)
		if err != nil {
			return nil, err
		}
		epochs = append(epochs, epoch)
		n := epoch.Len()
		if m.of.Limit > 0 {
			n = min(n, m.of.Limit)
		}
		out.Instances += n
	}
	if out.Values, err = evaluation.Run(ctx, m.inTurn(task, epochs, out.Instances)); err != nil {
		return nil, err
	}
	text, err := pretraining.ReadText(ctx, set, m.of.Splits...)
	out.Values = text.Complete(out.Values)
	return out, err
}

// firstEpoch returns the instances of epoch 0 of a split, which are always the same.
func firstEpoch(ctx context.Context, set *shards.Set, split string, v *wordpiece.Vocabulary, task pretraining.Config, seed uint32) (*instances.Epoch, error) {
	documents, err := set.Split(split)
	if err != nil {
		return nil, err
	}
	if documents.NumDocuments() == 0 {
		return nil, configs.Errorf("the shards have no %s documents; set their number with subbert data shard --held-out", split)
	}
	drawer, err := instances.New(documents, v, task.Instances(uint64(seed)))
	if err != nil {
		return nil, err
	}
	return drawer.Epoch(ctx, 0)
}

// inTurn yields the batches of the epochs, one epoch after the other, and reports its progress.
func (m *measured) inTurn(task pretraining.Measure, epochs []*instances.Epoch, total int) iter.Seq2[trainer.Batch, error] {
	return m.env.measuring(m.task.Batch, total, func(yield func(trainer.Batch, error) bool) {
		for _, e := range epochs {
			for batch, err := range task.Evaluate(e, m.of.Limit, 2) {
				if !yield(batch, err) || err != nil {
					return
				}
			}
		}
	})
}

// measuring yields batches, of rows rows each, and reports how many of total rows are measured.
func (e Env) measuring(rows, total int, batches iter.Seq2[trainer.Batch, error]) iter.Seq2[trainer.Batch, error] {
	return func(yield func(trainer.Batch, error) bool) {
		done := 0
		for batch, err := range batches {
			if !yield(batch, err) || err != nil {
				return
			}
			done += rows
			e.Counting("measuring", min(done, total), total)
		}
	}
}

// load loads the parameters from the model. A model without the next sentence head is measured without it.
func (m *measured) load() (*model.Store, error) {
	load := func() (*model.Store, *checkpoints.Report, error) {
		return tasks.Load(m.model, pretraining.New(m.bert, bert.Options{}, m.task, 1).Parameters(), nil, 0)
	}
	store, report, err := load()
	var mismatch *checkpoints.MismatchError
	if errors.As(err, &mismatch) && m.task.NSP && lacksPairsOnly(mismatch) {
		m.env.Log.Warn("the model has no next sentence head: nsp_loss and nsp_accuracy are not measured", "why", err)
		m.task.NSP = false
		store, report, err = load()
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprint(m.env.Notes, report)
	return store, nil
}

// lacksPairsOnly reports whether the next sentence head is the only part that a model lacks.
func lacksPairsOnly(e *checkpoints.MismatchError) bool {
	for _, p := range e.Missing {
		if p.Part != checkpoints.NSP && p.Part != checkpoints.Pooler {
			return false
		}
	}
	return len(e.Differs) == 0
}
