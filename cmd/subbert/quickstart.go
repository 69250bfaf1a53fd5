package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/renameio/v2"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/madeup"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/vocabulary"
	"github.com/subbert/subbert/models/bert"
)

type quickstartCmd struct {
	Dir       string   `default:"quickstart" help:"Directory to make." placeholder:"DIR"`
	Text      []string `help:"Your own texts instead of the made-up ones (JSON lines or plain text)." placeholder:"FILE"`
	Relations string   `help:"Your own marked sentences instead of the made-up ones (index, sentence, label)." placeholder:"FILE"`
	Query     string   `help:"What to select; the default goes with the made-up sample, and your own texts are all taken." placeholder:"QUERY"`
	Vocab     string   `help:"Vocabulary for your own texts; without it one is learned from them." placeholder:"FILE" type:"existingfile"`
	JSON      bool     `name:"json" help:"Print the scores as JSON."`
}

func (v *quickstartCmd) Help() string {
	return `Runs the whole line and shows each command before it runs it: select texts, shard them, pre-train a small BERT, fine-tune the [CLS] baseline and the attention head from it and from a random start, score, and write a page with curves and tables. The files of the runs stay, to change and to run again.`
}

// quickstart is the line under way.
type quickstart struct {
	c     *console
	dir   string
	texts []string // what to select from
	query string
	train string // marked sentences
	test  string
	vocab string
	sizes quickSizes
}

// quickSizes are what makes the line a matter of minutes on two cores.
type quickSizes struct {
	bert           bert.Config
	sequence       int // of pre-training
	pretrainSteps  int
	sentence       int // positions, fine-tuning
	finetuneEpochs int
	examples       int // to fine-tune on
}

// small is a BERT of two layers. Its initializer range is 1/sqrt(H), not BERT-base's 0.02: from random values a narrow
// model with small weights takes thousands of steps to attend to anything.
func small(vocabulary int) quickSizes {
	c := bert.Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize = vocabulary, 128, 2, 2, 512
	c.MaxPositionEmbeddings, c.InitializerRange = 128, 0.08
	return quickSizes{bert: c, sequence: 64, pretrainSteps: 1000, sentence: 48, finetuneEpochs: 4, examples: 1500}
}

func (v *quickstartCmd) Run(c *console) error {
	started := time.Now()
	if entries, err := os.ReadDir(v.Dir); err == nil && len(entries) > 0 {
		return misusef("%s is there already; remove it, or choose another --dir", v.Dir)
	}
	q := &quickstart{c: c, dir: v.Dir, texts: v.Text, query: v.Query, train: v.Relations, vocab: v.Vocab}
	steps := []func() error{q.sample, q.start, q.prepare, q.pretrain, q.finetune}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	page := q.path("report.html")
	if err := q.call(append([]string{"report", "--title", "Quickstart", "--out", page}, q.runs()...)...); err != nil {
		return err
	}
	return q.summary(v.JSON, page, time.Since(started))
}

func (q *quickstart) path(elements ...string) string {
	return filepath.Join(append([]string{q.dir}, elements...)...)
}

// say announces a part of the line.
func (q *quickstart) say(format string, args ...any) {
	fmt.Fprintf(q.c.err, "\n== "+format+"\n", args...)
}

// call shows a command of this program and runs it, in this process. What it prints as its result goes to the log.
func (q *quickstart) call(args ...string) error {
	shown := make([]string, len(args))
	for i, a := range args {
		if shown[i] = a; strings.ContainsAny(a, " *") {
			shown[i] = "'" + a + "'"
		}
	}
	fmt.Fprintf(q.c.err, "$ subbert %s\n", strings.Join(shown, " "))
	err := invoke(q.c.ctx, q.c.withFlags(args), q.c.in, q.c.err, q.c.err)
	if err != nil {
		return fmt.Errorf("subbert %s: %w", args[0], err)
	}
	return nil
}

// sample makes what is not given: texts and marked sentences.
func (q *quickstart) sample() error {
	if len(q.texts) == 0 || q.train == "" {
		q.say("a sample, %s", madeup.Notice)
		files, err := madeup.Write(q.path("sample"), madeup.Default())
		if err != nil {
			return err
		}
		fmt.Fprintf(q.c.err, "%s, %s, %s\n", files.Documents, files.Train, files.Test)
		if len(q.texts) == 0 {
			q.texts = []string{files.Documents}
			if q.query == "" {
				q.query = "drug*"
			}
			if q.vocab == "" {
				q.vocab = files.Vocabulary
			}
		}
		if q.train == "" {
			q.train, q.test = files.Train, files.Test
		}
	}
	if q.test == "" {
		return q.split()
	}
	return nil
}

// split keeps a fifth of the given marked sentences for scoring, by document.
func (q *quickstart) split() error {
	examples, err := readRelations(q.train)
	if err != nil {
		return err
	}
	train, test, err := relations.Hold(examples, relations.ByDocument, 0.2, 1)
	if err != nil {
		return err
	}
	q.train, q.test = q.path("relations", "train.tsv"), q.path("relations", "test.tsv")
	return errors.Join(writeRelations(q.train, train), writeRelations(q.test, test))
}

// writeRelations writes marked sentences as they are.
func writeRelations(path string, examples []relations.Example) error {
	rows := func(yield func(relations.Row) bool) {
		for _, e := range examples {
			if !yield(relations.RowOf(e, relations.Unmarked)) {
				return
			}
		}
	}
	return writeWhole(path, func(w io.Writer) error { return relations.WriteTSV(w, rows) })
}

// writeWhole writes a file that is there completely or not at all, and the directories above it.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	return f.CloseAtomicallyReplace()
}

// start makes the directory that pre-training starts from: an architecture and a vocabulary, no weights.
func (q *quickstart) start() error {
	q.say("a small BERT, from random values")
	var tokens []string
	if q.vocab != "" {
		text, err := os.ReadFile(q.vocab)
		if err != nil {
			return err
		}
		tokens = strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	} else {
		learned, err := q.learnVocabulary(8000)
		if err != nil {
			return err
		}
		tokens = learned
	}
	q.sizes = small(len(tokens))
	config, err := json.MarshalIndent(q.sizes.bert, "", "  ")
	if err != nil {
		return err
	}
	q.vocab = q.path("start", "vocab.txt")
	fmt.Fprintf(q.c.err, "%s: %d layers, hidden size %d, %d pieces\n", q.path("start"), q.sizes.bert.NumHiddenLayers, q.sizes.bert.HiddenSize, len(tokens))
	return errors.Join(
		writeWhole(q.vocab, func(w io.Writer) error { return vocabulary.Write(w, tokens) }),
		writeWhole(q.path("start", "config.json"), func(w io.Writer) error { _, err := w.Write(config); return err }))
}

// learnVocabulary learns one from the texts and the marked sentences.
func (q *quickstart) learnVocabulary(size int) ([]string, error) {
	var failed error
	texts := iter.Seq[string](func(yield func(string) bool) {
		for _, file := range q.texts {
			for d, err := range corpus.Open(file) {
				if err != nil {
					failed = err
					return
				}
				for _, s := range d.Sections {
					if !yield(s.Text) {
						return
					}
				}
			}
		}
		examples, err := readRelations(q.train)
		if err != nil {
			failed = err
			return
		}
		for _, e := range examples {
			if !yield(e.Text) {
				return
			}
		}
	})
	tokens, err := vocabulary.Learn(texts, size)
	return tokens, errors.Join(failed, err)
}

// prepare selects and shards.
func (q *quickstart) prepare() error {
	files := q.texts
	if q.query != "" {
		q.say("texts of the sub-domain")
		if err := q.call(append([]string{"data", "select", "--from", "jsonl", "--query", q.query, "--out", q.path("selected")}, q.texts...)...); err != nil {
			return err
		}
		files = []string{q.path("selected")}
	}
	q.say("shards of them")
	return q.call(append([]string{"data", "shard", "--vocab", q.vocab, "--held-out", "0.05", "--out", q.path("shards")}, files...)...)
}

// config writes the file of a run and returns its path.
func (q *quickstart) config(name, text string) (string, error) {
	path := q.path(name + ".toml")
	return path, writeWhole(path, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
}

func (q *quickstart) pretrain() error {
	q.say("pre-training")
	path, err := q.config("pretrain", fmt.Sprintf(`# Pre-training of a small BERT; the paper's settings are in the preset "biobert".
[model]
init = %q
fresh = "all"
[data]
shards = %q
[task]
name = "pretraining"
batch = 8
sequence = %d
max_predictions = 10
[optimizer]
learning_rate = 5e-4
[schedule]
steps = %d
warmup_steps = 100
[checkpoint]
every_steps = 500
[record]
every_steps = 20
evaluate_every = 500
[run]
dir = %q
`, q.path("start"), q.path("shards"), q.sizes.sequence, q.sizes.pretrainSteps, q.path("runs", "pretrained")))
	if err != nil {
		return err
	}
	return q.call("pretrain", path)
}

// quickRun is one fine-tuning of the quickstart.
type quickRun struct{ name, pooling, init, fresh string }

func (q *quickstart) finetunings() []quickRun {
	pretrained := q.path("runs", "pretrained", "model")
	return []quickRun{
		{"cls-random", "cls", q.path("start"), `"all"`},
		{"attention-random", "attention", q.path("start"), `"all"`},
		{"cls-pretrained", "cls", pretrained, `["classifier"]`},
		{"attention-pretrained", "attention", pretrained, `["classifier", "sll"]`},
	}
}

func (q *quickstart) finetune() error {
	for _, r := range q.finetunings() {
		q.say("fine-tuning %s", r.name)
		path, err := q.config(r.name, fmt.Sprintf(`# Relation extraction; the paper's settings are in the preset "biobert".
[model]
init = %q
fresh = %s
[data]
train = %q
test = %q
train_examples = %d
[task]
name = "relation"
batch = 16
sequence = %d
truncate = "around_mentions"
pooling = %q
[optimizer]
learning_rate = 5e-4
[schedule]
epochs = %d
warmup_fraction = 0.1
[record]
every_steps = 20
[run]
dir = %q
`, r.init, r.fresh, q.train, q.test, q.sizes.examples, q.sizes.sentence, r.pooling, q.sizes.finetuneEpochs, q.path("runs", r.name)))
		if err != nil {
			return err
		}
		if err := q.call("finetune", path); err != nil {
			return err
		}
	}
	return nil
}

// runs are the run directories, in the order of the page.
func (q *quickstart) runs() []string {
	dirs := []string{q.path("runs", "pretrained")}
	for _, r := range q.finetunings() {
		dirs = append(dirs, q.path("runs", r.name))
	}
	return dirs
}

// summary prints the scores beside each other and what to open.
func (q *quickstart) summary(asJSON bool, page string, took time.Duration) error {
	results := map[string]relationResult{}
	for _, r := range q.finetunings() {
		text, err := os.ReadFile(q.path("runs", r.name, "result.json"))
		if err != nil {
			return err
		}
		var result relationResult
		if err := json.Unmarshal(text, &result); err != nil {
			return err
		}
		results[r.name] = result
	}
	if asJSON {
		return q.c.printJSON(map[string]any{"report": page, "seconds": took.Seconds(), "results": results})
	}
	w := tabwriter.NewWriter(q.c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n\tP\tR\tF1\n")
	for _, r := range q.finetunings() {
		micro := results[r.name].Micro
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\n", r.name, micro.P, micro.R, micro.F1)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	majority := results[q.finetunings()[0].name].Majority
	_, err := fmt.Fprintf(q.c.out, "Micro-averaged over the labels that are a relation; always answering the most frequent of them scores %.1f.\nOne seed each: differences of a few points mean nothing.\nTook %s. Open %s\n", majority.F1, span(took), page)
	return err
}
