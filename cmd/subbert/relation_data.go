package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/tasks"
)

// foldSeed is what the folds and dev sets that are dealt out follow from: the same for every seed of a run, so that
// runs are comparable.
const foldSeed = 1

// relationSets are the marked sentences of a fine-tuning run. Scored are those of the result: test, or dev without it.
type relationSets struct {
	train, dev, test []relations.Example
	folds            int
	labels           []string // in the classifier's order
	negative         string
	marks            []string // that stand in the training sentences
	marking          relations.Marking
}

// scored are the examples that the result is of, and what to call them.
func (s *relationSets) scored() ([]relations.Example, string) {
	if len(s.test) > 0 {
		return s.test, "test"
	}
	return s.dev, "dev"
}

// readSets reads what config names, marks it and splits it. With folds and task.fold = -1 nothing is split yet: all
// examples are train.
func readSets(c *console, config configs.Config) (*relationSets, error) {
	read, err := readExamples(c, config)
	if err != nil {
		return nil, err
	}
	return read.settle(config)
}

// readExamples reads what config names, as it comes: the same for every fold and seed.
func readExamples(c *console, config configs.Config) (*relationSets, error) {
	if config.Data.Corpus != "" {
		return readCorpus(c, config)
	}
	return readFiles(config.Data)
}

// settle is what config makes of examples as they were read, which stay as they are.
func (s *relationSets) settle(config configs.Config) (*relationSets, error) {
	s = &relationSets{train: slices.Clip(s.train), dev: slices.Clip(s.dev), test: slices.Clip(s.test)}
	var err error
	from := cmp.Or(config.Data.Corpus, config.Data.Train)
	if s.labels, s.negative, err = labelsOf(s.train, config.Task); err != nil {
		return nil, misused(fmt.Errorf("%s: %w", from, err))
	}
	if err := s.split(config); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	s.train, s.test = relations.Sample(s.train, config.Data.TrainExamples), relations.Sample(s.test, config.Data.TestExamples)
	s.marks = relations.Marks(s.train)
	if s.marking = relations.Marking(config.Task.Marking); config.Data.Corpus == "" {
		s.marking = relations.MarkingOf(s.marks)
	}
	return s, nil
}

// readFiles reads files of marked sentences.
func readFiles(d configs.Data) (*relationSets, error) {
	s := &relationSets{}
	for _, part := range []struct {
		file string
		to   *[]relations.Example
	}{{d.Train, &s.train}, {d.Dev, &s.dev}, {d.Test, &s.test}} {
		if part.file == "" {
			continue
		}
		var err error
		if *part.to, err = readRelations(part.file); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func readRelations(file string) ([]relations.Example, error) {
	return relations.Collect(relations.Read("tsv", file, relations.Options{}))
}

// readCorpus reads a corpus in its own form and marks it. With folds all of it is train.
func readCorpus(c *console, config configs.Config) (*relationSets, error) {
	format, name := config.Task.Corpus, config.Data.Corpus
	examples, err := readFormat(c, format, name, [2]string{})
	if err != nil {
		return nil, err
	}
	for _, line := range relations.Differences(format, examples) {
		c.log.Warn(line)
	}
	s := &relationSets{}
	for _, e := range examples {
		e = relations.Marking(config.Task.Marking).Shown(e)
		switch {
		case config.Task.Folds > 0 || e.Split == "train" || e.Split == "":
			s.train = append(s.train, e)
		case e.Split == "dev":
			s.dev = append(s.dev, e)
		default:
			s.test = append(s.test, e)
		}
	}
	if len(s.train) == 0 {
		return nil, fmt.Errorf("%s: no training pair in it", name)
	}
	return s, nil
}

// readFormat reads a corpus; types are those of a pair's mentions, for the formats that leave it open.
func readFormat(c *console, format, name string, types [2]string) ([]relations.Example, error) {
	o := relations.Options{Types: types, Warn: func(line string) { c.log.Warn(line) }}
	if relations.NeedsSentences(format) {
		splitter, err := corpus.NewSplitter()
		if err != nil {
			return nil, err
		}
		o.Sentences = splitter.Split
	}
	examples, err := relations.Collect(relations.Read(format, name, o))
	if err == nil && len(examples) == 0 {
		err = fmt.Errorf("%s: no pair of mentions in it", name)
	}
	return examples, err
}

// split makes the folds and the dev set that config asks for.
func (s *relationSets) split(config configs.Config) error {
	if s.folds = config.Task.Folds; s.folds > 0 {
		if !givenFolds(s.train, s.folds) {
			dealt, err := relations.AssignFolds(s.train, relations.ByDocument, s.folds, foldSeed)
			if err != nil {
				return misused(err)
			}
			s.train = dealt
		}
		if err := relations.CheckFolds(s.train, s.negative); err != nil {
			return err
		}
		if config.Task.Fold < 0 {
			return nil
		}
		inFold := func(e relations.Example) bool { return e.Fold == config.Task.Fold }
		for _, e := range s.train {
			if inFold(e) {
				s.test = append(s.test, e)
			}
		}
		s.train = slices.DeleteFunc(slices.Clone(s.train), inFold)
	}
	if config.Data.DevFraction == 0 {
		return nil
	}
	if len(s.dev) > 0 {
		return misusef("data.dev_fraction = %g, but the corpus has a dev split of its own", config.Data.DevFraction)
	}
	unit := relations.Unit(cmp.Or(config.Data.DevBy, string(relations.ByPair)))
	var err error
	if s.train, s.dev, err = relations.Hold(s.train, unit, config.Data.DevFraction, foldSeed); err != nil {
		return misused(err)
	}
	return nil
}

// givenFolds says whether examples come in k folds already.
func givenFolds(examples []relations.Example, k int) bool {
	last := -1
	for _, e := range examples {
		if e.Fold == relations.NoFold {
			return false
		}
		last = max(last, e.Fold)
	}
	return last+1 == k
}

// labelsOf settles the labels, in the classifier's order, and which of them is negative.
func labelsOf(train []relations.Example, task tasks.Config) (labels []string, negative string, err error) {
	labels = slices.Clone(task.Labels)
	if len(labels) == 0 {
		for _, x := range train {
			if !slices.Contains(labels, x.Label) {
				labels = append(labels, x.Label)
			}
		}
		slices.Sort(labels)
	}
	if slices.Contains(labels, "") {
		return nil, "", errors.New("an example has no label")
	}
	if len(labels) < 2 {
		return nil, "", fmt.Errorf("the only label is %q, want at least two", labels)
	}
	if task.Negative != "" {
		if !slices.Contains(labels, task.Negative) {
			return nil, "", fmt.Errorf("task.negative = %q is none of the labels %q", task.Negative, labels)
		}
		return labels, task.Negative, nil
	}
	for _, l := range labels {
		if strings.EqualFold(l, "false") || l == "0" {
			return labels, l, nil
		}
	}
	return nil, "", fmt.Errorf(`none of the labels %q is "false" or "0"; name the one that means no relation: task.negative`, labels)
}

// relationData is what a fine-tuning run learns from and is scored on, encoded.
type relationData struct {
	*relationSets
	rows, devRows, testRows []tasks.Example
	cut                     tasks.Cut // of the training sentences
}

// encode turns the sentences of s into rows and tells what does not fit.
func (r *session) encode(s *relationSets) (*relationData, error) {
	tokenizer, err := wordpiece.New(r.model.Vocabulary, tokenizerConfig(r.model))
	if err != nil {
		return nil, misused(err)
	}
	d := &relationData{relationSets: s}
	task := r.config.Task
	e := &tasks.Encoder{Tokenizer: tokenizer, Special: r.model.Vocabulary.Special(), Length: task.Sequence, Truncate: task.Truncate, Labels: s.labels}
	for _, part := range []struct {
		name string
		from []relations.Example
		to   *[]tasks.Example
	}{{"train", s.train, &d.rows}, {"dev", s.dev, &d.devRows}, {"test", s.test, &d.testRows}} {
		var cut tasks.Cut
		if *part.to, cut, err = e.Encode(part.from); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		if part.name == "train" {
			d.cut = cut
		}
		if len(part.from) > 0 {
			fmt.Fprintf(r.c.err, "%s: %v\n", part.name, cut)
		}
	}
	for _, m := range s.marks {
		fmt.Fprintf(r.c.err, "mark %s: %s\n", m, pieces(r.model.Vocabulary, tokenizer.Append(nil, m)))
	}
	return d, nil
}

// pieces are the tokens of ids with a space between.
func pieces(v *wordpiece.Vocabulary, ids []int32) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = v.Token(id)
	}
	return strings.Join(words, " ")
}

// tokenizerConfig is how the model's text is taken apart.
func tokenizerConfig(m *checkpoints.Model) wordpiece.Config {
	c := wordpiece.Default()
	c.Lower = m.Lower
	return c
}
