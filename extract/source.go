package extract

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/request"
)

// Source says which examples a model is applied to.
type Source struct {
	Format string    // one of relations.Formats
	Name   string    // file or corpus
	Types  [2]string // of a pair's two mentions, for the formats that leave them open; empty: every pair

	Read func(done, size int64) // hears how far the reading is, as relations.Options has it; may be nil
}

// statesMentions reports whether a format gives mentions, and relations only where they are known.
func (s Source) statesMentions() bool {
	return slices.Contains([]string{"pubtator", "bioc", "jsonl"}, s.Format)
}

// Examples yields the pairs of s, marked as the model was trained to see them. A label that means no relation is the
// model's; pairs of a source that states no relation at all have no label, because nothing says that they are unrelated.
func (m *Model) Examples(ctx context.Context, s Source) (iter.Seq2[relations.Example, error], error) {
	options := relations.Options{Types: s.Types, Read: s.Read, Warn: func(line string) { m.options.Log.Warn(line) }}
	labelled := true
	if s.statesMentions() {
		var err error
		if labelled, err = states(ctx, s, options); err != nil {
			return nil, err
		}
	}
	stream, err := request.Stream(ctx, s.Format, s.Name, options)
	if err != nil {
		return nil, err
	}
	return func(yield func(relations.Example, error) bool) {
		seen := marks{model: m, told: map[string]bool{}}
		n := 0
		for e, err := range stream {
			if err == nil {
				n++
				e = m.show(e, s, labelled)
				seen.note(e)
			}
			if n == enoughToTell {
				err = errors.Join(err, seen.check(s))
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
		err := seen.check(s)
		if n == 0 {
			err = fmt.Errorf("%s: no pair of mentions in it", s.Name)
		}
		if err != nil {
			yield(relations.Example{}, err)
		}
	}, nil
}

// enoughToTell is the number of examples after which a source without a mark is taken to be unmarked.
const enoughToTell = 1000

// states reports whether s states a relation.
func states(ctx context.Context, s Source, o relations.Options) (bool, error) {
	o.Warn = nil // the reading that counts tells
	stream, err := request.Stream(ctx, s.Format, s.Name, o)
	if err != nil {
		return false, err
	}
	negative := relations.Negative(s.Format)
	for e, err := range stream {
		if err != nil || e.Label != negative && e.Label != "" {
			return err == nil, err
		}
	}
	return false, nil
}

// show is e as the model was trained to see it. Sentences of a TSV are marked.
func (m *Model) show(e relations.Example, s Source, labelled bool) relations.Example {
	if s.Format == "tsv" {
		return e
	}
	e = relations.Marking(m.settings.Marking).Shown(e)
	switch {
	case !labelled:
		e.Label = ""
	case e.Label == relations.Negative(s.Format) && m.tuned:
		e.Label = m.settings.Negative
	}
	return e
}

// marks are the marks that the sentences of a source have.
type marks struct {
	model *Model
	told  map[string]bool // that no training sentence had
	any   bool
}

// note warns of each mark that no training sentence had, once.
func (s *marks) note(e relations.Example) {
	for _, mark := range relations.Marks([]relations.Example{e}) {
		s.any = true
		if s.model.tuned && !s.told[mark] && !slices.Contains(s.model.settings.Marks, mark) {
			s.told[mark] = true
			s.model.options.Log.Warn("no training sentence of the model had this mark", "mark", mark, "had", strings.Join(s.model.settings.Marks, " "))
		}
	}
}

// check refuses a TSV in which no sentence is marked, for a model that wants marks.
func (s *marks) check(from Source) error {
	settings := s.model.settings
	if from.Format != "tsv" || s.any || !s.model.tuned || settings.Marking == string(relations.Unmarked) {
		return nil
	}
	return fmt.Errorf("%s: no marked mention in it; the model wants sentences marked by %s, such as %s", from.Name, settings.Marking, strings.Join(settings.Marks, " "))
}
