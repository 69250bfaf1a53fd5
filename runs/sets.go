package runs

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks/relation"
)

// foldSeed is the seed with which documents are dealt out to folds and dev sets. It does not depend on the seed of a
// run, so that runs are comparable.
const foldSeed = 1

// Sets are the marked sentences of a fine-tuning or probing run.
type Sets struct {
	Train, Dev, Test []relations.Example
	Folds            int
	Labels           []string // in the classifier's order
	Negative         string   // the label that means no relation
	Marks            []string // that occur in the training sentences
	Marking          relations.Marking
	Types            [][2]string // of the two mentions of the training pairs
	Folded           []string    // labels that were read as others, in words
}

// Scored returns the examples that the result scores, those of test or, if there are none, dev, and the name of that
// set.
func (s *Sets) Scored() ([]relations.Example, string) {
	if len(s.Test) > 0 {
		return s.Test, "test"
	}
	return s.Dev, "dev"
}

// ReadSets reads the examples that d names, marks them and splits them. With folds and task.fold = -1 it does not
// split: all examples are training examples. Warnings go to env.Log.
func ReadSets(ctx context.Context, d relation.Data, e relation.Examples, env Env) (*Sets, error) {
	read, err := readExamples(ctx, d, e, env.complete())
	if err != nil {
		return nil, err
	}
	return read.arrange(d, e)
}

// readExamples reads the examples that d names, in the order of their files, which is the same for every fold and seed.
func readExamples(ctx context.Context, d relation.Data, e relation.Examples, env Env) (*Sets, error) {
	if d.Corpus != "" {
		return readCorpus(ctx, d.Corpus, e, env)
	}
	s := &Sets{}
	for _, part := range []struct {
		file string
		to   *[]relations.Example
	}{{d.Train, &s.Train}, {d.Dev, &s.Dev}, {d.Test, &s.Test}} {
		if part.file == "" {
			continue
		}
		var err error
		if *part.to, err = request.Examples(ctx, "tsv", part.file, env.options(part.file)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// options returns the options for reading the file or corpus called name. They log what is read differently from how it
// is written.
func (e Env) options(name string) relations.Options {
	return relations.Options{
		Warn: func(line string) { e.Log.Warn(line) },
		Read: func(done, size int64) { e.Reading(name, done, size) },
	}
}

// readCorpus reads a corpus in its own format and marks it. With folds all of it is train.
func readCorpus(ctx context.Context, name string, e relation.Examples, env Env) (*Sets, error) {
	options := env.options(name)
	options.Negative = e.Negative
	copy(options.Types[:], e.Types)
	examples, err := request.Examples(ctx, e.Corpus, name, options)
	if err != nil {
		return nil, err
	}
	for _, line := range relations.Differences(e.Corpus, examples) {
		env.Log.Warn(line)
	}
	s := &Sets{}
	for _, x := range examples {
		x = relations.Marking(e.Marking).Shown(x)
		switch {
		case e.Folds > 0 || x.Split == "train" || x.Split == "":
			s.Train = append(s.Train, x)
		case x.Split == "dev":
			s.Dev = append(s.Dev, x)
		default:
			s.Test = append(s.Test, x)
		}
	}
	if len(s.Train) == 0 {
		return nil, fmt.Errorf("%s: no training pairs", name)
	}
	return s, nil
}

// arrange makes labels, folds, dev set and samples from the examples in the order in which they were read. It does not
// change s.
func (s *Sets) arrange(d relation.Data, e relation.Examples) (*Sets, error) {
	s = &Sets{Train: slices.Clip(s.Train), Dev: slices.Clip(s.Dev), Test: slices.Clip(s.Test)}
	from := cmp.Or(d.Corpus, d.Train)
	if err := s.resolveLabels(d, e); err != nil {
		return nil, configs.Errorf("%s: %w", from, err)
	}
	if err := s.checkScored(d); err != nil {
		return nil, configs.Wrap(err)
	}
	if err := s.split(d, e); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	s.Train, s.Test = relations.Sample(s.Train, d.TrainExamples), relations.Sample(s.Test, d.TestExamples)
	s.Marks, s.Types = relations.Marks(s.Train), relations.PairTypes(s.Train)
	if s.Marking = relations.Marking(e.Marking); d.Corpus == "" {
		s.Marking = relations.MarkingOf(s.Marks)
	}
	return s, nil
}

// split makes the folds and the dev set that the config asks for.
func (s *Sets) split(d relation.Data, e relation.Examples) error {
	if s.Folds = e.Folds; s.Folds > 0 {
		if err := s.deal(); err != nil || e.Fold < 0 {
			return err
		}
		inFold := func(x relations.Example) bool { return x.Fold == e.Fold }
		for _, x := range s.Train {
			if inFold(x) {
				s.Test = append(s.Test, x)
			}
		}
		s.Train = slices.DeleteFunc(slices.Clone(s.Train), inFold)
	}
	if d.DevFraction == 0 {
		return nil
	}
	if len(s.Dev) > 0 {
		return configs.Errorf("data.dev_fraction = %g, but the corpus already has a dev split", d.DevFraction)
	}
	unit := relations.Unit(cmp.Or(d.DevBy, string(relations.ByPair)))
	var err error
	s.Train, s.Dev, err = relations.Hold(s.Train, unit, d.DevFraction, foldSeed)
	return configs.Wrap(err)
}

// deal distributes the documents over folds, unless the corpus already has that many.
func (s *Sets) deal() error {
	if !givenFolds(s.Train, s.Folds) {
		dealt, err := relations.AssignFolds(s.Train, relations.ByDocument, s.Folds, foldSeed)
		if err != nil {
			return configs.Wrap(err)
		}
		s.Train = dealt
	}
	return relations.CheckFolds(s.Train, s.Negative)
}

// givenFolds reports whether the examples already belong to k folds.
func givenFolds(examples []relations.Example, k int) bool {
	last := -1
	for _, x := range examples {
		if x.Fold == relations.NoFold {
			return false
		}
		last = max(last, x.Fold)
	}
	return last+1 == k
}

// rowSets are Sets encoded as rows.
type rowSets struct {
	*Sets
	train, dev, test []marked.Row
	cut              marked.Cut // of the training sentences
}

// scored returns the rows of the examples of Scored.
func (r *rowSets) scored() []marked.Row {
	if len(r.Test) > 0 {
		return r.test
	}
	return r.dev
}

// encode turns the sentences of sets into rows, notes what does not fit, and warns of what makes the rows useless.
func (s *session) encode(ctx context.Context, sets *Sets, e relation.Examples) (*rowSets, error) {
	encoder, err := encoderOf(s.init, e, sets.Labels)
	if err != nil {
		return nil, err
	}
	r := &rowSets{Sets: sets}
	cuts := map[string]marked.Cut{}
	for _, part := range []struct {
		name string
		from []relations.Example
		to   *[]marked.Row
	}{{"train", sets.Train, &r.train}, {"dev", sets.Dev, &r.dev}, {"test", sets.Test, &r.test}} {
		var cut marked.Cut
		if *part.to, cut, err = rowsOf(ctx, encoder, part.from); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		cuts[part.name] = cut
		if len(part.from) > 0 {
			s.env.note("%s: %v", part.name, cut)
		}
	}
	for _, m := range sets.Marks {
		s.env.note("mark %s: %s", m, tokens(s.init.Vocabulary, encoder.Tokenizer.Append(nil, m)))
	}
	r.cut = cuts["train"]
	s.foresee(r, e, encoder, cuts)
	return r, nil
}

// encodedAtOnce is the number of examples encoded between checks of the context.
const encodedAtOnce = 1000

// rowsOf encodes examples until ctx ends.
func rowsOf(ctx context.Context, e *marked.Encoder, examples []relations.Example) (rows []marked.Row, cut marked.Cut, err error) {
	for some := range slices.Chunk(examples, encodedAtOnce) {
		if err := ctx.Err(); err != nil {
			return nil, cut, err
		}
		more, c, err := e.Encode(some)
		if err != nil {
			return nil, cut, err
		}
		rows, cut = append(rows, more...), cut.Plus(c)
	}
	return rows, cut, nil
}

// encoderOf returns the encoder that turns sentences into rows for m.
func encoderOf(m *checkpoints.Model, e relation.Examples, labels []string) (*marked.Encoder, error) {
	tokenizer, err := wordpiece.New(m.Vocabulary, m.Tokenizer)
	if err != nil {
		return nil, configs.Wrap(err)
	}
	return &marked.Encoder{Tokenizer: tokenizer, Special: m.Vocabulary.Special(), Length: e.Sequence, Truncate: e.Truncate, Labels: labels}, nil
}

// tokens returns the tokens of ids, separated by spaces.
func tokens(v *wordpiece.Vocabulary, ids []int32) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = v.Token(id)
	}
	return strings.Join(words, " ")
}

// Sentences returns the marked sentences of the TSV file or, if file is empty, of the fine-tuning run in dir, by index.
// If two sets of the run have the same index, the scored pair wins over one of train.
func Sentences(ctx context.Context, file, dir string, env Env) (map[string]relations.Example, error) {
	var all []relations.Example
	var err error
	if file != "" {
		all, err = request.Examples(ctx, "tsv", file, relations.Options{})
	} else {
		config, failed := configs.SavedRelation(filepath.Join(dir, result.ConfigFile))
		if failed != nil {
			return nil, configs.Errorf("%w; --sentences names a file of marked sentences", failed)
		}
		var sets *Sets
		if sets, err = ReadSets(ctx, config.Data, config.Task.Examples, env); err == nil {
			all = slices.Concat(sets.Test, sets.Dev, sets.Train)
		}
	}
	if err != nil {
		return nil, err
	}
	byID := make(map[string]relations.Example, len(all))
	for _, e := range slices.Backward(all) {
		byID[e.ID] = e
	}
	return byID, nil
}
