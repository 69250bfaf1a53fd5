// Package quickstart runs the whole pipeline at a size that takes minutes on a laptop: it selects texts, shards them
// and pre-trains on them, then fine-tunes relation classifiers from the result and from random weights, and scores
// them.
package quickstart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/madeup"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/vocabulary"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/models/bert"
)

// Line holds the inputs of the pipeline. Made-up data replace empty fields.
type Line struct {
	Dir       string   // directory to make; it must not exist
	Texts     []string // to select from
	Query     string   // query of the selection; empty: all texts, or, of the made-up texts, a sub-domain
	Relations string   // TSV of marked sentences
	Vocab     string   // for Texts; empty: learn one from them
	Brief     bool     // a few steps of everything, to see whether it works

	Notes io.Writer // receives what a person may read

	test  string
	sizes sizes
}

// Step is a step of the pipeline: first Make writes the files that the command needs, then the command of this program
// is run.
type Step struct {
	Name    string // for a list of steps
	Title   string
	Make    func(ctx context.Context) error
	Command func() []string // nil: none
}

// sizes are chosen so that the pipeline takes minutes on two cores.
type sizes struct {
	bert           bert.Config
	sequence       int // of pre-training
	pretrainSteps  int
	sentence       int // positions, fine-tuning
	finetuneEpochs int
	examples       int // to fine-tune on
}

// small returns the sizes of a BERT of two layers. Its initializer range is about 1/sqrt(H), not BERT-base's 0.02: from
// random values a narrow model with small weights takes thousands of steps to attend to anything.
func small(vocabulary int) sizes {
	c := bert.Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize = vocabulary, 64, 2, 2, 256
	c.MaxPositionEmbeddings, c.InitializerRange = 128, 0.12
	return sizes{bert: c, sequence: 32, pretrainSteps: 200, sentence: 48, finetuneEpochs: 8, examples: 1500}
}

// ExistsError says that the directory of the pipeline already exists.
type ExistsError struct{ Dir string }

func (e *ExistsError) Error() string {
	return e.Dir + " already exists; remove it, or set another --dir"
}

// Steps returns the steps of the pipeline in order. It fails with an *ExistsError if the directory is not empty.
func (l *Line) Steps() ([]Step, error) {
	if entries, err := os.ReadDir(l.Dir); err == nil && len(entries) > 0 {
		return nil, &ExistsError{l.Dir}
	}
	var steps []Step
	if len(l.Texts) == 0 || l.Relations == "" {
		steps = append(steps, Step{"sample", "a sample, " + madeup.Notice, l.sample, nil})
	}
	steps = append(steps, Step{"start", "a small BERT with random weights", l.start, nil})
	if l.Query != "" || len(l.Texts) == 0 {
		steps = append(steps, Step{"selection", "texts of the sub-domain", nil, l.selectCommand})
	}
	steps = append(steps, Step{"shards", "shards", nil, l.shardCommand}, Step{"pre-training", "pre-training", l.pretrainConfig, l.command("pretrain", "pretrain")})
	for _, t := range l.tunings() {
		steps = append(steps, Step{"fine-tuning " + t.name, "fine-tuning " + t.name, t.config, l.command("finetune", t.name)})
	}
	return append(steps, Step{"page", "the page", nil, l.reportCommand}), nil
}

func (l *Line) path(elements ...string) string {
	return filepath.Join(append([]string{l.Dir}, elements...)...)
}

// Page returns the path of the report page.
func (l *Line) Page() string { return l.path("report.html") }

func (l *Line) note(format string, args ...any) { fmt.Fprintf(l.Notes, format+"\n", args...) }

// sample makes up the texts and marked sentences that are not given.
func (l *Line) sample(context.Context) error {
	files, err := madeup.Write(l.path("sample"), madeup.Default())
	if err != nil {
		return err
	}
	l.note("%s, %s, %s", files.Documents, files.Train, files.Test)
	if len(l.Texts) == 0 {
		l.Texts = []string{files.Documents}
		if l.Query == "" {
			l.Query = "drug*"
		}
		if l.Vocab == "" {
			l.Vocab = files.Vocabulary
		}
	}
	if l.Relations == "" {
		l.Relations, l.test = files.Train, files.Test
	}
	return nil
}

// split keeps a fifth of the given marked sentences for scoring, by document.
func (l *Line) split(ctx context.Context) error {
	examples, err := request.Examples(ctx, "tsv", l.Relations, relations.Options{})
	if err != nil {
		return err
	}
	train, test, err := relations.Hold(examples, relations.ByDocument, 0.2, 1)
	if err != nil {
		return err
	}
	l.Relations, l.test = l.path("relations", "train.tsv"), l.path("relations", "test.tsv")
	return errors.Join(request.WriteMarked(ctx, l.Relations, train, relations.Unmarked), request.WriteMarked(ctx, l.test, test, relations.Unmarked))
}

// start writes the directory that pre-training starts from: an architecture and a vocabulary, no weights.
func (l *Line) start(ctx context.Context) error {
	if l.test == "" {
		if err := l.split(ctx); err != nil {
			return err
		}
	}
	tokens, err := l.tokens(ctx)
	if err != nil {
		return err
	}
	l.sizes = small(len(tokens))
	if l.Brief {
		l.sizes.pretrainSteps, l.sizes.examples, l.sizes.finetuneEpochs = 4, 64, 1
	}
	l.Vocab = l.path("start", "vocab.txt")
	l.note("%s: %d layers, hidden size %d, %d pieces", l.path("start"), l.sizes.bert.NumHiddenLayers, l.sizes.bert.HiddenSize, len(tokens))
	config, err := json.MarshalIndent(l.sizes.bert, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		atomicfile.Write(l.Vocab, func(w io.Writer) error { return vocabulary.Write(w, tokens) }),
		atomicfile.WriteBytes(l.path("start", "config.json"), config))
}

// tokens returns the tokens of the given vocabulary, or of one learned from the texts and the marked sentences.
func (l *Line) tokens(ctx context.Context) ([]string, error) {
	if l.Vocab == "" {
		return l.learnVocabulary(ctx, 8000)
	}
	text, err := os.ReadFile(l.Vocab)
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n"), err
}

func (l *Line) learnVocabulary(ctx context.Context, size int) ([]string, error) {
	var failed error
	tokens, err := vocabulary.Learn(func(yield func(string) bool) {
		for _, file := range l.Texts {
			for d, err := range corpus.Open(file) {
				if err = errors.Join(err, ctx.Err()); err != nil {
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
		for e, err := range relations.Read("tsv", l.Relations, relations.Options{}) {
			if err != nil {
				failed = err
				return
			}
			if !yield(e.Text) {
				return
			}
		}
	}, size)
	return tokens, errors.Join(failed, err)
}

func (l *Line) selectCommand() []string {
	return append([]string{"data", "select", "--from", "jsonl", "--query", l.Query, "--out", l.path("selected")}, l.Texts...)
}

func (l *Line) shardCommand() []string {
	files := l.Texts
	if l.Query != "" {
		files = []string{l.path("selected")}
	}
	return append([]string{"data", "shard", "--vocab", l.Vocab, "--held-out", "0.05", "--out", l.path("shards")}, files...)
}

// command returns the command that runs a verb with the config called name.
func (l *Line) command(verb, name string) func() []string {
	return func() []string { return []string{verb, l.path(name + ".toml")} }
}

func (l *Line) reportCommand() []string {
	runs := []string{l.path("runs", "pretrained")}
	for _, t := range l.tunings() {
		runs = append(runs, l.path("runs", t.name))
	}
	return append([]string{"report", "--title", "Quickstart", "--out", l.Page()}, runs...)
}
