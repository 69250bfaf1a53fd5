package extract

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs/result"
)

// Show says which sentences and stems an attention page shows.
type Show struct {
	Sentences int               // at most this many, unless Index names them; of different words, and of each gold label in turn
	Index     []string          // these examples, by their ID
	Baseline  map[string]string // labels predicted by another model, by the ID of the example: show those that it gets wrong and this model right
	Near      int               // stems count words at most this far from a mention; 0: the whole sentence
	Least     int               // a stem counts if it occurs this often
	Top       int               // number of stems
}

// Weights collects the attention of every example and chooses what s asks for, after Fig. 2 and Table 8 of Su &
// Vijay-Shanker 2022. It is an error if an example that s names is not among them.
func (m *Model) Weights(ctx context.Context, l Look, s Show, examples iter.Seq2[relations.Example, error]) (*result.Weights, error) {
	attended, err := m.Attend(ctx, l, examples)
	if err != nil {
		return nil, err
	}
	out := &result.Weights{Of: l.String(m.settings.Pooling), Sentences: []result.Sentence{}, Near: s.Near, Least: s.Least, NoStops: true}
	splitter, err := corpus.NewSplitter()
	if err != nil {
		return nil, err
	}
	chosen := choice{most: s.Sentences, all: len(s.Index) > 0, seen: map[string]bool{}, byLabel: map[string][]candidate{}}
	var stems evaluate.StemWeights
	known := 0
	for a, err := range attended {
		if err != nil {
			return nil, err
		}
		out.Examples++
		said, inBaseline := s.Baseline[a.Example.ID]
		if inBaseline {
			known++
		}
		if s.wants(a, said, inBaseline) && chosen.wants(a) {
			chosen.add(out.Examples, sentenceOf(a, said, splitter))
		}
		for _, w := range a.Words {
			if w.Letters && !w.Mention && (s.Near == 0 || 0 <= w.Apart && w.Apart <= s.Near) {
				shown := result.Word{Weight: w.Weight, Pieces: w.Pieces}
				stems.Add(a.Example.Text[w.Span.Start:w.Span.End], w.Weight, shown.Times(a.Positions))
			}
		}
	}
	if out.Examples == 0 {
		return nil, &RequestError{errors.New("no pairs of mentions")}
	}
	out.Stems = stems.Top(s.Top, s.Least)
	out.Sentences = append(out.Sentences, chosen.sentences(m.settings.Negative)...)
	if len(out.Sentences) < len(s.Index) {
		return nil, &RequestError{fmt.Errorf("the data have %d of the %d requested sentences", len(out.Sentences), len(s.Index))}
	}
	if s.Baseline != nil && known == 0 {
		return nil, &RequestError{errors.New("the baseline has no prediction for any of the sentences")}
	}
	return out, nil
}

// wants reports whether a sentence may be shown; said is the baseline's label.
func (s Show) wants(a Attended, said string, inBaseline bool) bool {
	if len(s.Index) > 0 {
		return slices.Contains(s.Index, a.Example.ID)
	}
	better := inBaseline && said != a.Example.Label && a.Label == a.Example.Label
	return s.Baseline == nil || better
}

// sentenceOf returns a sentence for the page. A mention has the name that its mark stands for.
func sentenceOf(a Attended, baseline string, splitter *corpus.Splitter) result.Sentence {
	e := a.Example
	out := result.Sentence{Index: e.ID, Gold: e.Label, Predicted: a.Label, Baseline: baseline, Positions: a.Positions}
	if len(a.Probabilities) > 0 {
		out.Probability = float64(slices.Max(a.Probabilities))
	}
	sentences := splitter.Split(e.Text)
	at, last := 0, 0
	for i, w := range a.Words {
		for at+1 < len(sentences) && w.Span.Start >= sentences[at+1].Start {
			at++
		}
		between := e.Text[last:max(last, w.Span.Start)]
		out.Words = append(out.Words, result.Word{
			Text: e.Text[w.Span.Start:w.Span.End], Weight: w.Weight, Pieces: w.Pieces, Mention: w.Mention, Sentence: at,
			Glued: i > 0 && between == "", Cut: strings.TrimSpace(between) != "",
		})
		if w.Mention {
			out.Words[i].Name = nameAt(e, w.Span.Start, w.Span.End)
		}
		last = w.Span.End
	}
	return out
}

// nameAt returns the name of the mention whose text reaches from start to end; empty if the name is the text itself.
func nameAt(e relations.Example, start, end int) string {
	var names []string
	for _, m := range []relations.Mention{e.A, e.B} {
		h := m.Hull()
		if m.Found() && h.Start < end && start < h.End && m.Surface != "" && !strings.Contains(e.Text[start:end], m.Surface) {
			names = append(names, m.Surface)
		}
	}
	return strings.Join(slices.Compact(names), " / ")
}

// WriteAttention writes the directory of an attention run: config.toml, result.json, stems.csv, sentences/ as SVG, and
// the page index.html. If ctx ends it writes no result.json.
func WriteAttention(ctx context.Context, dir string, r *result.Attention) error {
	config := map[string]any{
		"model": map[string]any{"init": r.Model}, "data": map[string]any{"test": r.Attention.Data},
		"task": map[string]any{"name": r.Task, "weights": r.Attention.Of},
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := atomicfile.Write(file(result.ConfigFile), func(w io.Writer) error { return toml.NewEncoder(w).Encode(config) }); err != nil {
		return err
	}
	if err := atomicfile.Write(file(result.StemsFile), func(w io.Writer) error { return writeStems(w, r.Attention.Stems) }); err != nil {
		return err
	}
	names := fileNames(r.Attention.Sentences)
	for i, s := range r.Attention.Sentences {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := report.ExportSentence(filepath.Join(dir, result.SentencesDir, names[i]+".svg"), s); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteJSON(file(result.File), r); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // a directory that has a result has its page, too
	run, err := report.ReadRun(ctx, dir, nil)
	if err != nil {
		return err
	}
	page := file(result.PageFile)
	composed, err := report.Compose(ctx, []*report.Run{run}, report.Options{Path: page, Made: time.Now()})
	if err != nil {
		return err
	}
	return report.Write(ctx, page, composed)
}

func writeStems(to io.Writer, stems []evaluate.StemWeight) error {
	rows := [][]string{{"stem", "word", "mean_weight", "times_equal_share", "count"}}
	for _, s := range stems {
		rows = append(rows, []string{s.Stem, s.Word, fmt.Sprintf("%.6g", s.Mean), fmt.Sprintf("%.6g", s.Times), fmt.Sprint(s.Count)})
	}
	return csv.NewWriter(to).WriteAll(rows)
}

var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// longestName is the longest name of a file, in bytes: file systems allow 255, and tools that copy the directory add to
// it.
const longestName = 100

// fileNames returns the indexes of sentences as names of files. No two are the same, even if upper and lower case are.
func fileNames(sentences []result.Sentence) []string {
	taken := map[string]bool{}
	out := make([]string, len(sentences))
	for i, s := range sentences {
		base := strings.TrimLeft(unsafeInName.ReplaceAllString(s.Index, "_"), ".")
		base = cmp.Or(base[:min(len(base), longestName)], "sentence")
		out[i] = base
		for n := 2; taken[strings.ToLower(out[i])]; n++ {
			out[i] = fmt.Sprintf("%s-%d", base, n)
		}
		taken[strings.ToLower(out[i])] = true
	}
	return out
}
