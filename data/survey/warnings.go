package survey

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/marked"
)

// Warning is a problem that makes training or scoring useless or misleading.
type Warning struct {
	Kind string `json:"kind"` // words joined by _, the same in every version
	Text string `json:"text"` // a sentence without a full stop
}

// Fractions above which there is a warning.
const (
	mostShortened = 0.1  // rows that are cut
	mostLost      = 0.01 // rows that lose a mention
	mostUnknown   = 0.01 // pieces that are [UNK]
)

// Warnings returns the problems of training on the first set and scoring on the others. negative is the label that means
// no relation, or empty if unknown.
func (s *Survey) Warnings(negative string) []Warning {
	var out []Warning
	warn := func(kind, format string, args ...any) { out = append(out, Warning{kind, fmt.Sprintf(format, args...)}) }
	learned := s.Sets[0]
	if labels := slices.Sorted(maps.Keys(learned.Labels)); len(labels) == 1 && labels[0] != "" {
		warn("one_label", "%s: all %d rows have the label %q; want at least two labels", learned.Name, learned.Rows, labels[0])
	} else if len(labels) > 0 && negative != "" && learned.Labels[negative] == 0 {
		warn("no_negative", "%s: no row has the label %q, which means no relation: the model will predict a relation for every pair", learned.Name, negative)
	}
	for _, f := range s.Sets {
		if n := f.Labels[""]; n > 0 {
			warn("no_label", "%s: %d of %d rows have no label: the model can predict them, but not be scored on them", f.Name, n, f.Rows)
		}
		if f.Contradictory > 0 {
			warn("contradictory_rows", "%s: %d of %d rows repeat an earlier row with another label", f.Name, f.Contradictory, f.Rows)
		}
		if f.Unmarked > 0 && f.Unmarked < f.Rows {
			warn("unmarked_rows", "%s: %d of %d rows do not show both mentions", f.Name, f.Unmarked, f.Rows)
		}
		if l := f.Lengths; l != nil {
			out = append(out, UnknownPieces(f.Name, l.Unknown, l.Pieces)...)
		}
	}
	for _, f := range s.Sets[1:] {
		for _, l := range slices.Sorted(maps.Keys(f.Labels)) {
			if l != "" && learned.Labels[l] == 0 {
				warn("unlearned_label", "%s: %d of %d rows have the label %q, and no row of %s has it: the model cannot learn it", f.Name, f.Labels[l], f.Rows, l, learned.Name)
			}
		}
		if foreign := missing(f.Marks, learned.Marks); len(foreign) > 0 && len(learned.Marks) > 0 {
			warn("foreign_marks", "%s: no row of %s has the marks %s", f.Name, learned.Name, strings.Join(foreign, " "))
		}
	}
	for _, c := range s.Shared {
		rows := s.rows(c.B)
		if c.Rows > 0 {
			warn("shared_rows", "%s: %d of %d rows are also in %s, %d of them with another label; their score says nothing about new text", c.B, c.Rows, rows, c.A, c.OtherLabel)
		}
		if c.Alike > 0 {
			warn("shared_sentences", "%s: %d of %d rows differ from a row of %s only in names, as other pairs of one sentence do", c.B, c.Alike, rows, c.A)
		}
	}
	return out
}

func (s *Survey) rows(name string) int {
	return s.Sets[slices.IndexFunc(s.Sets, func(f Facts) bool { return f.Name == name })].Rows
}

// missing lists the keys of counts that known lacks, with their rows.
func missing(counts, known map[string]int) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if known[k] == 0 {
			out = append(out, fmt.Sprintf("%s (%d rows)", k, counts[k]))
		}
	}
	return out
}

// CutRows returns a warning if too many rows of a set do not fit into length positions. truncate is the way in which they
// are cut.
func CutRows(name string, cut marked.Cut, length int, truncate string) []Warning {
	share := func(n int) float64 { return float64(n) / float64(max(1, cut.Sentences)) }
	lost := cut.LostOne + cut.LostBoth
	if share(cut.Shortened) <= mostShortened && share(lost) <= mostLost {
		return nil
	}
	text := fmt.Sprintf("%s: %.1f %% of the rows are longer than task.sequence = %d positions and are truncated; %.1f %% lose a mention", name, 100*share(cut.Shortened), length, 100*share(lost))
	if truncate == marked.TruncateTail && lost > 0 {
		text += fmt.Sprintf("; task.truncate = %q keeps both mentions", marked.TruncateAroundMentions)
	}
	return []Warning{{"cut_rows", text}}
}

// UnknownPieces returns a warning if too many word pieces of a set are [UNK].
func UnknownPieces(name string, unknown, pieces int) []Warning {
	rate := float64(unknown) / float64(max(1, pieces))
	if rate <= mostUnknown {
		return nil
	}
	return []Warning{{"unknown_pieces", fmt.Sprintf("%s: %.1f %% of the word pieces are [UNK]: the vocabulary does not fit the text", name, 100*rate)}}
}
