package request

import (
	"context"
	"errors"
	"slices"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/survey"
)

// Survey is a request to survey relation files before training on them.
type Survey struct {
	Files    []string // the first is the training set; a single corpus is divided into its splits
	Format   string   // one of relations.Formats
	Marking  relations.Marking
	Types    []string
	Negative string // the label that means no relation; empty: find it among the labels
	Vocab    string // vocabulary, or a directory with one; empty: count no word pieces
	Uncased  bool
	Lengths  []int // row lengths to evaluate, in positions
}

// Surveyed is the result of a survey.
type Surveyed struct {
	survey.Survey
	Negative    string           `json:"negative,omitempty"`  // the label that means no relation; empty if unknown
	Differences []string         `json:"differences"`         // from the published counts
	Agreement   string           `json:"agreement,omitempty"` // confirms the published counts; empty if they differ or none are published
	Warnings    []survey.Warning `json:"warnings"`            // problems that make training or scoring useless
}

// Look surveys the files. It calls warn with each warning of a reader.
func (s Survey) Look(ctx context.Context, warn func(line string)) (*Surveyed, error) {
	out := &Surveyed{Differences: []string{}}
	sets, err := s.sets(ctx, out, warn)
	if err != nil {
		return nil, err
	}
	labels := map[string]bool{}
	for _, set := range sets {
		for _, e := range set.Examples {
			labels[e.Label] = true
		}
	}
	if err := s.negative(out, labels); err != nil {
		return nil, err
	}
	out.Survey = *survey.Of(sets...)
	if s.Vocab != "" {
		tokenizer, _, err := OpenTokenizer(s.Vocab, s.Uncased, 0)
		if err != nil {
			return nil, err
		}
		out.Measure(&marked.Encoder{Tokenizer: tokenizer, Special: tokenizer.Vocabulary().Special()}, s.Lengths, sets...)
	}
	out.Warnings = append([]survey.Warning{}, out.Survey.Warnings(out.Negative)...)
	return out, nil
}

// negative sets out.Negative to the label that means no relation, or leaves it empty if none is known.
func (s Survey) negative(out *Surveyed, labels map[string]bool) error {
	var all []string
	for l := range labels {
		if l != "" {
			all = append(all, l)
		}
	}
	slices.Sort(all)
	task, err := relations.TaskOf(all, s.Negative)
	if none := new(relations.NegativeError); errors.As(err, &none) && s.Negative == "" {
		return nil
	}
	out.Negative = task.Negative
	if err != nil {
		return &Misuse{err}
	}
	return nil
}

// sets reads each file as a set. A single file is divided into its splits.
func (s Survey) sets(ctx context.Context, out *Surveyed, warn func(line string)) ([]survey.Set, error) {
	o := relations.Options{Warn: warn, Negative: s.Negative}
	var err error
	if o.Types, err = PairTypes(s.Types); err != nil {
		return nil, err
	}
	var sets []survey.Set
	for _, name := range s.Files {
		examples, err := Examples(ctx, s.Format, name, o)
		if err != nil {
			return nil, err
		}
		if s.Format == "tsv" && !slices.ContainsFunc(examples, isRelation) {
			return nil, misusef("%s: no row has a label or a marked mention; want a directory made by data shard, or relation files (--from names their format)", name)
		}
		out.Differences = append(out.Differences, relations.Differences(s.Format, examples)...)
		out.Agreement = relations.Agreement(s.Format, examples)
		if s.Format != "tsv" {
			for i, e := range examples {
				examples[i] = s.Marking.Shown(e)
			}
		}
		sets = append(sets, survey.Set{Name: name, Examples: examples})
	}
	if len(sets) == 1 {
		return splits(sets[0]), nil
	}
	return sets, nil
}

// splits returns the splits of a set, train first, or the set itself if it has fewer than two.
func splits(set survey.Set) []survey.Set {
	by := map[string][]relations.Example{}
	for _, e := range set.Examples {
		by[e.Split] = append(by[e.Split], e)
	}
	if len(by) < 2 {
		return []survey.Set{set}
	}
	var out []survey.Set
	for _, name := range []string{"train", "dev", "test", ""} {
		if len(by[name]) > 0 {
			out = append(out, survey.Set{Name: name, Examples: by[name]})
		}
	}
	return out
}

// isRelation reports whether e has a label or a mention, and is not just a line of text.
func isRelation(e relations.Example) bool { return e.Label != "" || e.A.Found() }
