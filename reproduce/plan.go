package reproduce

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
)

// Request says what to reproduce, and with what.
type Request struct {
	Experiments []*Experiment
	Scale       *Scale
	Sources     *Sources
	Data        *Data
	Weights     map[string]string // weights of published models, by name: as checkpoints.OpenModel takes them
	Seeds       int               // replaces the scale's number of seeds; 0: the scale's
	Ungiven     bool              // forecast runs of published models even if their weights are not given
	Starts      string            // the directory to which Start.Write writes
	// Resolve returns the settings of a run of a task ("pretraining", "relation", "probe") by its config, TOML with
	// placeholders.
	Resolve func(task, config string) (Settings, error)
	// Forecast returns the hours that a run takes and what they cost, 0 if that is not known. It is called if the scale
	// has no measured speed; it may be nil.
	Forecast func(work Work) (hours, cost float64, err error)
}

// Settings are the values of a config that this package uses.
type Settings struct {
	Batch, Sequence, Predictions int
	Steps                        int
	Epochs                       float64
	Seeds, Folds, Fold           int
	TrainExamples                int
}

// Cell is a cell of an experiment and the runs it is read from: one for each value, or one run with several values.
type Cell struct {
	Experiment  string
	Row, Column int
	Runs        []string
	Reason      string // why it is not run; it has no runs then
}

// Plan is a graph and the cells that are read from it.
type Plan struct {
	Graph  sweep.Graph
	Cells  []Cell
	Starts []Start  // to write before the runs
	Used   []string // what was used of the data directory and of published models, for the reader

	StandIns map[string]string // what is trained in place of published models, by the models' labels

	Positions float64 // trained on in all runs, padding included
}

// NewPlan expands the experiments of r. A cell that cannot be run has a reason; an error is a fault of the files.
func NewPlan(ctx context.Context, r Request) (*Plan, error) {
	b := &builder{Request: r, plan: &Plan{StandIns: map[string]string{}}, positions: map[string]float64{}, architectures: map[string]map[string]any{}}
	if err := b.readWeights(ctx); err != nil {
		return nil, err
	}
	if b.Seeds == 0 {
		b.Seeds = r.Scale.Seeds
	}
	if err := b.headlines(); err != nil {
		return nil, err
	}
	for _, e := range r.Experiments {
		for i, row := range e.Rows {
			for j, column := range e.Columns {
				runs, err := b.cell(e, row, column)
				if f, wrong := errors.AsType[*faultError](err); wrong {
					return nil, fmt.Errorf("%s, row %q: %w", e.ID, row.Label, f)
				}
				c := Cell{Experiment: e.ID, Row: i, Column: j, Runs: runs}
				if err != nil {
					c.Runs, c.Reason = nil, err.Error()
				}
				b.plan.Cells = append(b.plan.Cells, c)
			}
		}
	}
	if err := b.plan.prune(); err != nil {
		return nil, err
	}
	for _, r := range b.plan.Graph.Runs {
		b.plan.Positions += b.positions[r.Name]
	}
	return b.plan, nil
}

// headlines adds the runs of the cells that the scale wants first. If one cannot be run, its cell gives the reason.
func (b *builder) headlines() error {
	for _, h := range b.Scale.First {
		found := false
		for _, e := range b.Experiments {
			for _, row := range e.Rows {
				for _, column := range e.Columns {
					if !h.holds(e, row, column) {
						continue
					}
					found = true
					if _, err := b.cell(e, row, column); err != nil && !errors.As(err, new(*absentError)) {
						return fmt.Errorf("%s, row %q: %w", e.ID, row.Label, err)
					}
				}
			}
			found = found || h.Experiment != e.ID
		}
		if !found {
			return fmt.Errorf("scale %s: first: experiment %s has no rows %q with columns %q", b.Scale.Name, h.Experiment, h.Rows, h.Columns)
		}
	}
	return nil
}

// prune removes runs that no cell is read from: those added for a cell that then turned out to be impossible.
func (p *Plan) prune() error {
	if len(p.Graph.Runs) == 0 {
		return nil
	}
	if err := p.Graph.Check(); err != nil {
		return err
	}
	byName := map[string]sweep.Run{}
	for _, r := range p.Graph.Runs {
		byName[r.Name] = r
	}
	wanted := map[string]bool{}
	var want func(name string)
	want = func(name string) {
		if wanted[name] {
			return
		}
		wanted[name] = true
		for _, n := range p.Graph.NeedsOf(byName[name]) {
			want(n)
		}
	}
	for _, c := range p.Cells {
		for _, name := range c.Runs {
			want(name)
		}
	}
	p.Graph.Runs = slices.DeleteFunc(p.Graph.Runs, func(r sweep.Run) bool { return !wanted[r.Name] })
	return nil
}

// faultError is a fault of the experiment, the scale or the sources, as opposed to something that was not given.
type faultError struct{ error }

func (e *faultError) Unwrap() error { return e.error }

func faultf(format string, args ...any) error { return &faultError{fmt.Errorf(format, args...)} }

// builder collects runs, one for each name.
type builder struct {
	Request
	plan      *Plan
	positions map[string]float64 // that each run trains on

	architectures map[string]map[string]any // of the models whose weights are given
}

// add adds a run unless there is one of its name, and returns the name.
func (b *builder) add(r sweep.Run) string {
	if !b.has(r.Name) {
		b.plan.Graph.Runs = append(b.plan.Graph.Runs, r)
	}
	return r.Name
}

// has reports whether there is a run of that name.
func (b *builder) has(name string) bool {
	return slices.ContainsFunc(b.plan.Graph.Runs, func(r sweep.Run) bool { return r.Name == name })
}

// addTraining adds a run that trains, with its forecast.
func (b *builder) addTraining(r sweep.Run, m source, set Settings, c Corpus) error {
	if b.has(r.Name) {
		return nil
	}
	if err := b.forecast(&r, m, set, c); err != nil {
		return err
	}
	b.add(r)
	return nil
}

// use records that something was taken from outside.
func (b *builder) use(format string, args ...any) {
	if line := fmt.Sprintf(format, args...); !slices.Contains(b.plan.Used, line) {
		b.plan.Used = append(b.plan.Used, line)
	}
}

// cell returns the runs that a cell is read from.
func (b *builder) cell(e *Experiment, r Row, c Column) ([]string, error) {
	if r.NotRun != "" {
		return nil, errors.New(r.NotRun)
	}
	if len(e.Scales) > 0 && !slices.Contains(e.Scales, b.Scale.Name) {
		return nil, &absentError{"only at the scale " + strings.Join(e.Scales, " or ")}
	}
	switch e.Kind {
	case Counts:
		return one(b.relations(r.Corpus))
	case Scores:
		f, err := b.finetune(r, c.Corpus)
		return one(f.name, err)
	case Losses:
		return b.losses(r, c)
	case Probes:
		return one(b.probe(r, c.Corpus))
	case Stems, Sentences:
		return one(b.attention(r, c.Corpus))
	}
	return nil, faultf("cells of the kind %s have no run", e.Kind)
}

func one(name string, err error) ([]string, error) { return []string{name}, err }

// corpus finds a corpus in the data directory.
func (b *builder) corpus(name string) (Corpus, Form, error) {
	c, ok := b.Sources.corpus(name)
	if !ok {
		return c, Form{}, faultf("no source file has the corpus %q", name)
	}
	f, err := b.Data.find(c)
	if err == nil {
		b.use("%s: %s (%s)", c.Label, f.Name, f.Licence)
		if f.Remark != "" {
			b.use("%s: %s", c.Label, f.Remark)
		}
	}
	return c, f, err
}

// file returns a placeholder for a file under the data directory.
func (b *builder) file(name string) string { return sweep.FilePlaceholder(b.Data.path(name)) }

// relations returns the run that counts the pairs of a corpus and marks them.
func (b *builder) relations(corpus string) (string, error) {
	_, f, err := b.corpus(corpus)
	if err != nil {
		return "", err
	}
	args := []string{b.file(f.Path), "--from", f.Format, "--out", "{out}/pairs/", "--result", "{out}/" + result.File}
	return b.add(sweep.Run{Name: "relations/" + corpus, Verb: "data relations", Args: append(args, f.Relations...)}), nil
}

// finetuned is a run of fine-tuning, and the directory of its first run within it.
type finetuned struct {
	name, first string
	Settings
}

// finetune returns the run that fine-tunes the row's model on a corpus.
func (b *builder) finetune(r Row, corpus string) (finetuned, error) {
	c, f, err := b.corpus(corpus)
	if err != nil {
		return finetuned{}, err
	}
	m, err := b.model(r.Model)
	if err != nil {
		return finetuned{}, err
	}
	init, err := b.encoder(m, r, 1)
	if err != nil {
		return finetuned{}, err
	}
	of, by := b.Scale.Models[r.Model], b.Scale.Corpora[corpus]
	table := merged(m.preset(b.Scale), b.Scale.Finetuning, of.Finetuning, f.Finetuning, by.Finetuning, r.Finetuning, b.reads(f),
		nested("model.init", init), nested("task.name", "relation"), nested("task.seeds", b.Seeds), nested("run.dir", "{out}"))
	name := "finetune/" + r.Model + "/" + start(r) + "/" + corpus + variant(r.Finetuning)
	if r.AllLayers {
		layers, err := m.allLayers()
		if err != nil {
			return finetuned{}, err
		}
		table, name = merged(table, nested("task.layers", layers)), name+"+layers-all"
	}
	if r.Short {
		table, name = merged(table, nested("task.sequence", b.Scale.Short)), name+"+short"
	}
	config, set, err := b.resolve("relation", table)
	if err != nil {
		return finetuned{}, fmt.Errorf("%s: %w", name, err)
	}
	run := sweep.Run{Name: name, Verb: "finetune", Config: config, Group: "finetune-" + corpus}
	return finetuned{name, firstOf(set), set}, b.addTraining(run, m, set, c)
}

// reads returns the part of a config that says where the examples are.
func (b *builder) reads(f Form) map[string]any {
	if !f.Splits {
		return merged(nested("data.corpus", b.file(f.Path)), nested("task.corpus", f.Format))
	}
	// The last epoch is scored: nothing is chosen on dev, so dev is not measured, which saves time.
	return merged(nested("data.train", b.file(f.Path+"/train.tsv")), nested("data.test", b.file(f.Path+"/test.tsv")))
}

// resolve encodes a config and resolves its settings.
func (b *builder) resolve(task string, table map[string]any) (string, Settings, error) {
	config, err := encoded(table)
	if err != nil {
		return "", Settings{}, &faultError{err}
	}
	set, err := b.Resolve(task, config)
	if err != nil {
		return "", set, &faultError{err}
	}
	return config, set, nil
}

// firstOf returns the directory of the first run of folds and seeds, relative to the run's, as subbert finetune names
// it.
func firstOf(s Settings) string {
	name := ""
	if s.Folds > 0 {
		name = fmt.Sprintf("fold-%d", max(0, s.Fold))
	}
	if s.Seeds > 1 {
		if name != "" {
			name += "-"
		}
		name += "seed-1"
	}
	if s.Seeds == 1 && s.Fold >= 0 {
		return "" // a single run
	}
	return name
}

// start returns the name of the model that fine-tuning of a row starts from.
func start(r Row) string {
	if r.Domain == "" {
		return "base"
	}
	return r.Domain + variant(r.Adaptation)
}

// losses returns the runs that measure the row's model on a text, one for each seed of its adaptation.
func (b *builder) losses(r Row, c Column) ([]string, error) {
	m, err := b.model(r.Model)
	if err != nil {
		return nil, err
	}
	seeds := b.Seeds
	if r.Domain == "" {
		seeds = 1
	}
	var names []string
	for seed := 1; seed <= seeds; seed++ {
		of, err := b.encoder(m, r, seed)
		if err != nil {
			return nil, err
		}
		on, err := b.shards(m, c.Domain)
		if err != nil {
			return nil, err
		}
		args := append([]string{"--model", of, "--shards", on, "--result", "{out}/" + result.File}, b.Scale.Evaluation.Arguments...)
		names = append(names, b.add(sweep.Run{Name: fmt.Sprintf("eval/%s/%s/%d/on-%s", r.Model, start(r), seed, c.Domain), Verb: "eval", Args: args}))
	}
	return names, nil
}

// probe returns the run that probes the row's fine-tuned model.
func (b *builder) probe(r Row, corpus string) (string, error) {
	tuned, err := b.finetune(r, corpus)
	if err != nil {
		return "", err
	}
	_, f, err := b.corpus(corpus)
	if err != nil {
		return "", err
	}
	table := merged(b.Scale.Probing, b.Scale.Models[r.Model].Probing, probeFolds(f), b.Scale.Corpora[corpus].Probing, b.reads(f),
		nested("model.init", "{in:"+path.Join(tuned.name, tuned.first, "model")+"}"), nested("task.name", "probe"),
		nested("task.seeds", b.Seeds), nested("run.dir", "{out}"))
	config, _, err := b.resolve("probe", table)
	if err != nil {
		return "", err
	}
	run := sweep.Run{Name: "probe/" + r.Model + "/" + start(r) + "/" + corpus + variant(r.Finetuning), Verb: "probe", Config: config}
	return b.add(run), nil
}

// probeFolds returns the part of a config for the folds of a form, as in fine-tuning.
func probeFolds(f Form) map[string]any {
	task, ok := f.Finetuning["task"].(map[string]any)
	if !ok || task["folds"] == nil {
		return nil
	}
	return nested("task.folds", task["folds"])
}

// attention returns the run that shows the weights of the row's model, with the [CLS] baseline beside it.
func (b *builder) attention(r Row, corpus string) (string, error) {
	tuned, err := b.finetune(r, corpus)
	if err != nil {
		return "", err
	}
	plain := r
	plain.Finetuning = nil
	baseline, err := b.finetune(plain, corpus)
	if err != nil {
		return "", err
	}
	_, f, err := b.corpus(corpus)
	if err != nil {
		return "", err
	}
	pairs, err := b.relations(corpus)
	if err != nil {
		return "", err
	}
	test := "{in:" + pairs + "/pairs/" + f.test() + "}"
	if f.Splits {
		test = b.file(f.Path + "/test.tsv") // predictions.tsv counts the rows of this file
	}
	args := []string{"{in:" + path.Join(tuned.name, tuned.first, "model") + "}", "--corpus", test,
		"--baseline", "{in:" + path.Join(baseline.name, baseline.first, result.PredictionsFile) + "}", "--out", "{out}"}
	run := sweep.Run{Name: "attention/" + r.Model + "/" + start(r) + "/" + corpus, Verb: "attention", Args: append(args, b.Scale.Attention.Arguments...)}
	return b.add(run), nil
}

// Missing lists what r needs and does not have: the reasons of its cells if weights and data are not taken for granted.
// A cell names only the first thing that it lacks, so Missing looks for weights and for data separately.
func Missing(ctx context.Context, r Request) ([]string, error) {
	r.Forecast = nil
	var reasons []string
	for _, data := range []bool{false, true} {
		given := *r.Data
		given.Assumed = !data
		r.Data, r.Ungiven = &given, data
		plan, err := NewPlan(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, cell := range plan.Cells {
			if cell.Reason != "" && !slices.Contains(reasons, cell.Reason) {
				reasons = append(reasons, cell.Reason)
			}
		}
	}
	return reasons, nil
}
