package runs

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/survey"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks/relation"
)

// findings are what a run reports about itself: at once in the log, and in its result.
type findings struct {
	all  []result.Finding
	told *told // shared with the runs in parallel; nil: this is the only run
}

// told remembers the kinds of findings that one of several runs has logged, so that the others do not repeat them.
type told struct {
	lock  sync.Mutex
	kinds map[string]bool
}

// first reports whether kind has not been logged before, and records it.
func (t *told) first(kind string) bool {
	if t == nil {
		return true
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.kinds[kind] {
		return false
	}
	t.kinds[kind] = true
	return true
}

// find records a finding and logs it. Of several runs only the first one logs a kind.
func (s *session) find(kind, text string) {
	s.found.all = append(s.found.all, result.Finding{Kind: kind, Text: text})
	if s.found.told.first(kind) {
		s.env.Log.Warn(text)
	}
}

// foresee finds properties of the rows that make training or scoring on them useless.
func (s *session) foresee(r *rowSets, e relation.Examples, encoder *marked.Encoder, cuts map[string]marked.Cut) {
	sets := []survey.Set{{Name: "train", Examples: r.Train}}
	parts := map[string][]marked.Row{"train": r.train, "dev": r.dev, "test": r.test}
	if len(r.Dev) > 0 {
		sets = append(sets, survey.Set{Name: "dev", Examples: r.Dev})
	}
	if len(r.Test) > 0 {
		sets = append(sets, survey.Set{Name: "test", Examples: r.Test})
	}
	for _, text := range r.Folded {
		s.find(result.LabelsFolded, text)
	}
	warnings := survey.Of(sets...).Warnings(r.Negative)
	for _, set := range sets {
		warnings = append(warnings, survey.CutRows(set.Name, cuts[set.Name], e.Sequence, e.Truncate)...)
		pieces, unknown := countUnknown(parts[set.Name], encoder.Special.Unk)
		warnings = append(warnings, survey.UnknownPieces(set.Name, unknown, pieces)...)
	}
	for _, w := range warnings {
		s.find(w.Kind, w.Text)
	}
	for _, m := range r.Marks {
		if slices.Contains(encoder.Tokenizer.Append(nil, m), encoder.Special.Unk) {
			s.find(result.UnknownMarks, fmt.Sprintf("the vocabulary has no word pieces for the mark %s: part of it becomes [UNK]", m))
		}
	}
}

// countUnknown counts the word pieces of rows, and those that are [UNK].
func countUnknown(rows []marked.Row, unk int32) (pieces, unknown int) {
	for _, r := range rows {
		pieces += len(r.IDs) - 2
		for _, id := range r.IDs {
			if id == unk {
				unknown++
			}
		}
	}
	return pieces, unknown
}

// gather returns the findings of several runs: each kind once, with the number of other runs that have it.
func gather(all []part, results []*result.Relation) []result.Finding {
	var out []result.Finding
	others := map[string][]string{}
	for i, r := range results {
		seen := map[string]bool{}
		for _, f := range r.Findings {
			if seen[f.Kind] {
				continue
			}
			seen[f.Kind] = true
			if _, known := others[f.Kind]; known {
				others[f.Kind] = append(others[f.Kind], all[i].name)
				continue
			}
			others[f.Kind] = []string{}
			out = append(out, result.Finding{Kind: f.Kind, Text: all[i].name + ": " + f.Text})
		}
	}
	for i, f := range out {
		if names := others[f.Kind]; len(names) > 0 {
			out[i].Text += "; also in " + strings.Join(names, ", ")
		}
	}
	return out
}
