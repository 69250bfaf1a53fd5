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

// Source says which examples to apply a model to.
type Source struct {
	Format string // one of relations.Formats
	Name   string // file or corpus

	// Types are the types of a pair's two mentions, for formats that leave them open. If it is empty, the types are
	// those of the pairs that the model was trained on, or any types if the model does not say.
	Types    [2]string
	AllPairs bool // pair every two mentions, whatever their types

	Read func(done, size int64) // receives the progress of reading, as relations.Options.Read does; may be nil
}

// PairTypes sets the types of a pair's mentions: two names, all for every two mentions, or none.
func (s *Source) PairTypes(names ...string) (err error) {
	if s.AllPairs = slices.Equal(names, []string{"all"}); !s.AllPairs {
		s.Types, err = request.PairTypes(names)
	}
	return err
}

// TypesError says that no pair of a source has the types of the model's training pairs.
type TypesError struct {
	Name  string
	Model [][2]string
	Found [][2]string
}

func (e *TypesError) Error() string {
	return fmt.Sprintf("%s: no pairs of %s, which the model was trained on; the file has pairs of %s", e.Name, words(e.Model), words(e.Found))
}

// Hint returns what the user can do.
func (e *TypesError) Hint() string {
	return "select pairs by their types with --types A,B, or all pairs with --types all"
}

// words returns pairs of types in words.
func words(types [][2]string) string {
	var out []string
	for _, t := range types {
		out = append(out, t[0]+" and "+t[1])
	}
	return strings.Join(out, ", of ")
}

// statesMentions reports whether a format lists mentions, and relations only if they are known.
func (s Source) statesMentions() bool {
	return slices.Contains([]string{"pubtator", "bioc", "jsonl"}, s.Format)
}

// Examples yields the pairs of s, marked as in the model's training. The label that means no relation is the model's.
// Pairs of a source that states no relation have no label, because nothing says that they are unrelated.
func (m *Model) Examples(ctx context.Context, s Source) (iter.Seq2[relations.Example, error], error) {
	options := relations.Options{Types: s.Types, Read: s.Read, Warn: func(line string) { m.options.Log.Warn(line) }}
	known := m.typesOf(s)
	if len(known) == 1 {
		options.Types = known[0]
	}
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
		var others [][2]string
		for e, err := range stream {
			if err == nil && len(known) > 1 {
				var fits bool
				if e, fits = ofTypes(e, known); !fits {
					others = addTypes(others, e)
					continue
				}
			}
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
			err = m.noPair(ctx, s, known, others)
		}
		if err != nil {
			yield(relations.Example{}, err)
		}
	}, nil
}

// typesOf returns the types of the pairs to make from a source; none means every pair.
func (m *Model) typesOf(s Source) [][2]string {
	if !s.statesMentions() || s.AllPairs || s.Types != [2]string{} {
		return nil
	}
	return m.settings.Types
}

// ofTypes returns e with its mentions in the order of the pair of types that it fits; false if it fits none.
func ofTypes(e relations.Example, types [][2]string) (relations.Example, bool) {
	if slices.Contains(types, [2]string{e.A.Type, e.B.Type}) {
		return e, true
	}
	fits := slices.Contains(types, [2]string{e.B.Type, e.A.Type})
	if fits {
		e.A, e.B = e.B, e.A
	}
	return e, fits
}

// addTypes adds the types of e's mentions to others.
func addTypes(others [][2]string, e relations.Example) [][2]string {
	if pair := [2]string{e.A.Type, e.B.Type}; !slices.Contains(others, pair) {
		return append(others, pair)
	}
	return others
}

// noPair returns the error for a source without a pair. If only one pair of types was read, it looks for others.
func (m *Model) noPair(ctx context.Context, s Source, known, others [][2]string) error {
	if len(known) == 1 {
		stream, err := request.Stream(ctx, s.Format, s.Name, relations.Options{})
		if err != nil {
			return err
		}
		for e, err := range stream {
			if err != nil {
				return err
			}
			others = addTypes(others, e)
		}
	}
	if len(others) > 0 {
		return &TypesError{s.Name, known, others}
	}
	return fmt.Errorf("%s: no pairs of mentions", s.Name)
}

// enoughToTell is the number of examples without a mark after which a source is taken to be unmarked.
const enoughToTell = 1000

// states reports whether s states a relation.
func states(ctx context.Context, s Source, o relations.Options) (bool, error) {
	o.Warn = nil // the reading that counts gives the warnings
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

// show returns e as the model saw examples in training, with the label as the model spells it. Sentences of a TSV are
// marked already.
func (m *Model) show(e relations.Example, s Source, labelled bool) relations.Example {
	if s.Format != "tsv" {
		e = relations.Marking(m.settings.Marking).Shown(e)
	}
	switch {
	case !labelled:
		e.Label = ""
	case !m.tuned || e.Label == "":
	case s.Format != "tsv" && e.Label == relations.Negative(s.Format):
		e.Label = m.settings.Negative
	default:
		e.Label, _ = m.labels.Canonical(e.Label)
	}
	return e
}

// marks are the marks that occur in the sentences of a source.
type marks struct {
	model *Model
	told  map[string]bool // reported: no training sentence had them
	any   bool
}

// note warns once of each mark that no training sentence had.
func (s *marks) note(e relations.Example) {
	for _, mark := range relations.Marks([]relations.Example{e}) {
		s.any = true
		if s.model.tuned && !s.told[mark] && !slices.Contains(s.model.settings.Marks, mark) {
			s.told[mark] = true
			s.model.options.Log.Warn("the model was not trained on this mark", "mark", mark, "trained_on", strings.Join(s.model.settings.Marks, " "))
		}
	}
}

// check refuses a TSV in which no sentence is marked if the model expects marks.
func (s *marks) check(from Source) error {
	settings := s.model.settings
	if from.Format != "tsv" || s.any || !s.model.tuned || settings.Marking == string(relations.Unmarked) {
		return nil
	}
	return fmt.Errorf("%s: no marked mentions; the model needs sentences marked by %s, such as %s", from.Name, settings.Marking, strings.Join(settings.Marks, " "))
}
