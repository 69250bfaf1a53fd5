package main

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
	"github.com/subbert/subbert/trainer/rundir"
)

type evalCmd struct {
	Model    string  `required:"" help:"Model directory, or directory of a pre-training run: its newest valid checkpoint." placeholder:"DIR" type:"path"`
	Shards   string  `required:"" help:"Directory made by subbert data shard." placeholder:"DIR" type:"path"`
	Split    string  `help:"What to measure on: heldout, train or all (default heldout)." enum:"heldout,train,all" default:"heldout"`
	Seed     *uint32 `help:"Of masks and pairs; by default the run's, or 1."`
	Sequence int     `help:"Positions of a row; by default the run's, or 128 where the model has as many." placeholder:"N"`
	Masking  string  `help:"subword or whole_word; by default the run's, or subword." placeholder:"KIND"`
	Rows     int     `help:"Rows of one forward pass (default 16); the result does not depend on it." default:"16" placeholder:"N"`
	Limit    int     `help:"Measure on so many instances of each split only." placeholder:"N"`
	Result   string  `help:"Write the values as JSON to this file, too." placeholder:"FILE" type:"path"`
	JSON     bool    `name:"json" help:"Print the values as JSON."`
}

func (v *evalCmd) Help() string {
	return `Masks the documents of a split and pairs their segments as pre-training does, once, and measures how well the model restores them. The same model, shards and seed give the same values.

mlm_loss is in nats per masked piece; below unigram_entropy, the model knows more than how frequent each piece is. perplexity_per_word spreads the loss over words between white space and can be compared across vocabularies; docs/numerics.md says how. mlm_mask_*, mlm_random_* and mlm_kept_* are the parts of mlm_* where [MASK], a random piece and the piece itself stand.`
}

// evaluated is a model on disk, and how it is to be measured.
type evaluated struct {
	model *checkpoints.Model
	bert  bert.Config
	task  tasks.Config
	seed  uint32
	step  int // of a run's checkpoint; 0 for a model directory
}

func (v *evalCmd) Run(c *console) (err error) {
	e, err := v.open(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.model.Close()) }()
	set, err := shards.Open(v.Shards)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	if err := checkShards(c, set, e.model); err != nil {
		return err
	}
	values, drawn, err := v.measure(c, e, set)
	if err != nil {
		return err
	}
	return v.print(c, e, values, drawn)
}

// open finds the model and settles how to measure it: as its run did, where it has one, unless flags say otherwise.
func (v *evalCmd) open(c *console) (*evaluated, error) {
	e := &evaluated{task: tasks.Default(tasks.NamePretraining), seed: trainer.DefaultRun().Seed}
	dir := v.Model
	if isRun(dir) {
		config, err := configs.Read(filepath.Join(dir, rundir.ConfigFile), tasks.NamePretraining, nil)
		if err != nil {
			return nil, err
		}
		newest, passed, err := checkpoints.Latest(filepath.Join(dir, rundir.CheckpointsDir))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		warnPassed(c, passed)
		e.task, e.seed, e.step, dir = config.Task, config.Run.Seed, newest.Step, newest.Dir
	}
	var err error
	if e.model, err = checkpoints.OpenModel(dir); err != nil {
		return nil, err
	}
	if e.bert, err = bert.ReadConfig(e.model.Files.Config); err != nil {
		return nil, errors.Join(err, e.model.Close())
	}
	if e.step == 0 {
		e.task.Sequence = min(e.task.Sequence, e.bert.MaxPositionEmbeddings)
	}
	if err = v.settle(e); err != nil {
		return nil, errors.Join(misused(err), e.model.Close())
	}
	return e, nil
}

// isRun says whether dir is the directory of a run.
func isRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, rundir.CheckpointsDir))
	return err == nil
}

// warnPassed mentions checkpoints that could not be used.
func warnPassed(c *console, passed []checkpoints.Passed) {
	for _, p := range passed {
		c.log.Warn("checkpoint passed over", "step", p.Step, "why", p.Err)
	}
}

// settle lets the flags have their say.
func (v *evalCmd) settle(e *evaluated) error {
	e.task.Phases, e.task.Batch, e.task.MicroBatch = nil, max(1, v.Rows), 0
	if v.Seed != nil {
		e.seed = *v.Seed
	}
	if v.Masking != "" {
		e.task.Masking = v.Masking
	}
	if v.Sequence != 0 {
		e.task.Sequence = v.Sequence
	}
	if e.task.Sequence > e.bert.MaxPositionEmbeddings {
		return fmt.Errorf("--sequence %d, but the model has %d positions (max_position_embeddings)", e.task.Sequence, e.bert.MaxPositionEmbeddings)
	}
	return e.task.Validate()
}

// splits are the ones asked for.
func (v *evalCmd) splits() []string {
	if v.Split == "all" {
		return []string{shards.Train, shards.HeldOut}
	}
	return []string{v.Split}
}

// measure evaluates the model over the splits asked for; drawn is the number of instances.
func (v *evalCmd) measure(c *console, e *evaluated, set *shards.Set) (values []metrics.Value, drawn int, err error) {
	handle, err := openBackend(c, configs.Device{})
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, handle.Close()) }()
	store, err := e.load(c)
	if err != nil {
		return nil, 0, err
	}
	rows := (e.task.Batch + handle.Devices - 1) / handle.Devices * handle.Devices
	task := tasks.Measure{Pretraining: tasks.NewPretraining(e.bert, bert.Options{}, e.task, rows)}
	evaluation, err := trainer.NewEvaluation(handle.Backend, store, task, handle.Devices)
	if err != nil {
		return nil, 0, err
	}
	var epochs []*instances.Epoch
	for _, name := range v.splits() {
		epoch, err := evaluationEpoch(set, name, e)
		if err != nil {
			return nil, 0, err
		}
		epochs = append(epochs, epoch)
		drawn += limited(epoch.Len(), v.Limit)
	}
	if values, err = evaluation.Run(c.ctx, inTurn(task, epochs, v.Limit)); err != nil {
		return nil, 0, err
	}
	text, err := tasks.ReadText(set, v.splits()...)
	return text.Complete(values), drawn, err
}

// evaluationEpoch is what of a split is evaluated: always the same instances, those of epoch 0.
func evaluationEpoch(set *shards.Set, split string, e *evaluated) (*instances.Epoch, error) {
	documents, err := set.Split(split)
	if err != nil {
		return nil, err
	}
	if documents.NumDocuments() == 0 {
		return nil, misusef("the shards have no %s documents; subbert data shard --held-out says how many", split)
	}
	drawer, err := instances.New(documents, e.model.Vocabulary, e.task.Instances(uint64(e.seed)))
	if err != nil {
		return nil, err
	}
	return drawer.Epoch(0)
}

func limited(n, limit int) int {
	if limit > 0 {
		return min(n, limit)
	}
	return n
}

// inTurn yields the batches of every epoch, one after the other.
func inTurn(task tasks.Measure, epochs []*instances.Epoch, limit int) iter.Seq2[trainer.Batch, error] {
	return func(yield func(trainer.Batch, error) bool) {
		for _, e := range epochs {
			for batch, err := range task.Evaluate(e, limit, 2) {
				if !yield(batch, err) || err != nil {
					return
				}
			}
		}
	}
}

// load fills the parameters from the model. A model without the next sentence head is measured without it.
func (e *evaluated) load(c *console) (*model.Store, error) {
	parameters := func() (*model.Store, *checkpoints.Report, error) {
		return tasks.Load(e.model, tasks.NewPretraining(e.bert, bert.Options{}, e.task, 1).Parameters(), nil, 0)
	}
	store, report, err := parameters()
	var mismatch *checkpoints.MismatchError
	if errors.As(err, &mismatch) && e.task.NSP && lacksPairsOnly(mismatch) {
		c.log.Warn("the model cannot tell next sentences: nsp_loss and nsp_accuracy are left out", "why", err)
		e.task.NSP = false
		store, report, err = parameters()
	}
	if err != nil {
		return nil, err
	}
	if !c.quiet {
		fmt.Fprint(c.err, report)
	}
	return store, nil
}

// lacksPairsOnly says whether next sentence prediction is all that a model lacks.
func lacksPairsOnly(e *checkpoints.MismatchError) bool {
	for _, p := range e.Missing {
		if p.Part != checkpoints.NSP && p.Part != checkpoints.Pooler {
			return false
		}
	}
	return len(e.Differs) == 0
}

// print prints the values, for a program or for a person.
func (v *evalCmd) print(c *console, e *evaluated, values []metrics.Value, drawn int) error {
	out := map[string]any{"instances": drawn, "split": v.Split, "seed": e.seed, "masking": e.task.Masking, "sequence": e.task.Sequence, "model": v.Model, "shards": v.Shards}
	if e.step > 0 {
		out["step"] = e.step
	}
	for _, value := range values {
		out[value.Name] = value.Value
	}
	if err := writeResult(v.Result, out); err != nil {
		return err
	}
	if v.JSON {
		return c.printJSON(out)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "instances\t%d of split %s, %s masking, length %d, seed %d\n", drawn, v.Split, e.task.Masking, e.task.Sequence, e.seed)
	for _, value := range values {
		if strings.HasSuffix(value.Name, "accuracy") {
			fmt.Fprintf(w, "%s\t%.2f %%\n", value.Name, 100*value.Value)
		} else {
			fmt.Fprintf(w, "%s\t%.4f\n", value.Name, value.Value)
		}
	}
	return w.Flush()
}
