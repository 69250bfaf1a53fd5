package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	reports "github.com/subbert/subbert/report"
	"github.com/subbert/subbert/tasks"
)

type attentionCmd struct {
	Model     string   `arg:"" help:"A model: the model directory of a run. With --layer any encoder will do."`
	Corpus    string   `required:"" placeholder:"FILE" help:"Marked sentences, as subbert data relations writes them; with --form a corpus in its own form, of which the test pairs are seen, or all if it has none apart."`
	Form      string   `default:"tsv" enum:"tsv,ddi2013,aimed,ppi-xml,chemprot,pubtator,bioc,jsonl" placeholder:"FORM" help:"Of the corpus: tsv, ddi2013, aimed, ppi-xml, chemprot, pubtator, bioc or jsonl."`
	Out       string   `default:"attention" placeholder:"DIR" help:"Directory to make."`
	Index     []string `placeholder:"ID" help:"Show these sentences, by the index column."`
	Baseline  string   `placeholder:"FILE.tsv" help:"predictions.tsv of another model: show sentences that it gets wrong and this one right."`
	Sentences int      `default:"10" help:"How many sentences to show."`
	Layer     int      `help:"Look at the encoder's own attention in this layer, from 1, in place of the pooling's." placeholder:"L"`
	Head      int      `help:"Its head, from 1; 0 is the mean of all." placeholder:"N"`
	From      string   `enum:"cls,mentions" default:"cls" placeholder:"WHERE" help:"Where its attention goes out from: cls or mentions."`
	Near      int      `default:"3" help:"Stems are counted of words this near a mention; 0 counts the whole sentence." placeholder:"WORDS"`
	Least     int      `default:"10" help:"A stem counts if it is met this often." placeholder:"TIMES"`
	Top       int      `default:"10" help:"How many stems to list."`
	Batch     int      `default:"32" help:"Sentences at a time."`
	JSON      bool     `name:"json" help:"Print the result as JSON."`
}

func (v *attentionCmd) Help() string {
	return `Shows which words a model with attention pooling weighs, after Fig. 2 and Table 8 of Su & Vijay-Shanker 2022: sentences with each word as dark as it is heavy, and the Porter stems of the greatest mean weight near the mentions.

The directory gets index.html, sentences/*.svg, stems.csv and result.json; subbert report shows it among other runs.`
}

// attentionResult is result.json of the verb.
type attentionResult struct {
	Task      string             `json:"task"`
	Model     string             `json:"model"`
	Labels    []string           `json:"labels,omitempty"`
	Attention *reports.Attention `json:"attention"`
	Seconds   float64            `json:"seconds"`
	dir       string
}

func (v *attentionCmd) Run(c *console) (err error) {
	if err := v.check(); err != nil {
		return err
	}
	m, err := checkpoints.OpenModel(v.Model)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	started := time.Now()
	seen, err := v.look(c, m)
	if err != nil {
		return err
	}
	shown, err := v.choose(seen)
	if err != nil {
		return err
	}
	result := &attentionResult{Task: "attention", Model: v.Model, Labels: seen.settings.Labels, dir: v.Out, Attention: &reports.Attention{
		Of: v.of(seen.settings), Data: v.Corpus, Baseline: v.Baseline, Sentences: shown, Stems: v.stems(seen), Examples: len(seen.examples), Near: v.Near, Least: v.Least,
	}}
	result.Seconds = time.Since(started).Seconds()
	if err := v.write(result); err != nil {
		return err
	}
	return c.show(v.JSON, result)
}

// check refuses flags that contradict each other, and a directory that has a result.
func (v *attentionCmd) check() error {
	if v.Layer == 0 && (v.Head != 0 || v.From != tasks.FromCLS) {
		return misusef("--head and --from are of the encoder's own attention: name its --layer")
	}
	if len(v.Index) > 0 && v.Baseline != "" {
		return misusef("--index and --baseline both choose sentences: give one")
	}
	if v.Sentences < 0 || v.Near < 0 || v.Least < 1 || v.Top < 1 || v.Batch < 1 {
		return misusef("--sentences %d, --near %d, --least %d, --top %d, --batch %d: want at least 0, 0, 1, 1 and 1", v.Sentences, v.Near, v.Least, v.Top, v.Batch)
	}
	_, err := os.Stat(filepath.Join(v.Out, "result.json"))
	if err == nil {
		return misusef("%s has a result.json; name another directory with --out", v.Out)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// of says whose weights these are.
func (v *attentionCmd) of(s *relationSettings) string {
	if v.Layer == 0 {
		return s.Pooling + " pooling of the last layer"
	}
	head := "mean of its heads"
	if v.Head > 0 {
		head = fmt.Sprintf("head %d", v.Head)
	}
	return fmt.Sprintf("encoder layer %d, %s, from %s", v.Layer, head, map[string]string{tasks.FromCLS: "[CLS]", tasks.FromMentions: "the mentions"}[v.From])
}

// seenWords are the sentences of the data with what the model says of them.
type seenWords struct {
	settings *relationSettings
	examples []relations.Example
	words    [][]tasks.Word
	labels   []string // predicted; empty for an encoder without a classifier
}

// stems is Table 8.
func (v *attentionCmd) stems(s *seenWords) []evaluate.StemWeight {
	var sums evaluate.StemWeights
	for i, e := range s.examples {
		for _, w := range s.words[i] {
			if w.Letters && !w.Mention && (v.Near == 0 || 0 <= w.Apart && w.Apart <= v.Near) {
				sums.Add(e.Text[w.Span.Start:w.Span.End], w.Weight)
			}
		}
	}
	return sums.Top(v.Top, v.Least)
}

// choose picks the sentences to show: those named, those that the baseline gets wrong and the model right, or the first.
func (v *attentionCmd) choose(s *seenWords) ([]reports.Sentence, error) {
	var baseline map[string]string
	if v.Baseline != "" {
		file, err := relations.OpenPredictions(v.Baseline)
		if err != nil {
			return nil, err
		}
		baseline = map[string]string{}
		for _, r := range file.Rows {
			baseline[r.Index] = r.Predicted
		}
	}
	var out []reports.Sentence
	known := 0
	for i, e := range s.examples {
		said, ok := baseline[e.ID]
		if ok {
			known++
		}
		wanted := len(v.Index) == 0 && len(out) < v.Sentences && (baseline == nil || ok && said != e.Label && s.labels[i] == e.Label)
		if wanted || slices.Contains(v.Index, e.ID) {
			out = append(out, s.sentence(i, said))
		}
	}
	if len(out) < len(v.Index) {
		return nil, misusef("%s has %d of the %d sentences that --index names", v.Corpus, len(out), len(v.Index))
	}
	if baseline != nil && known == 0 {
		return nil, misusef("%s predicts none of the sentences of %s", v.Baseline, v.Corpus)
	}
	return out, nil
}

// sentence is sentence i for the page.
func (s *seenWords) sentence(i int, baseline string) reports.Sentence {
	e := s.examples[i]
	out := reports.Sentence{Index: e.ID, Gold: e.Label, Baseline: baseline}
	if s.labels != nil {
		out.Predicted = s.labels[i]
	}
	last := -1
	for _, w := range s.words[i] {
		out.Words = append(out.Words, reports.Word{Text: e.Text[w.Span.Start:w.Span.End], Weight: w.Weight, Mention: w.Mention, Glued: w.Span.Start == last})
		last = w.Span.End
	}
	return out
}

// write writes the directory.
func (v *attentionCmd) write(r *attentionResult) error {
	config := map[string]any{
		"model": map[string]any{"init": v.Model}, "data": map[string]any{"test": v.Corpus},
		"task": map[string]any{"name": r.Task, "weights": r.Attention.Of},
	}
	if err := writeWhole(filepath.Join(v.Out, "config.toml"), func(w io.Writer) error { return toml.NewEncoder(w).Encode(config) }); err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(v.Out, "stems.csv"), r.writeStems); err != nil {
		return err
	}
	for _, s := range r.Attention.Sentences {
		path := filepath.Join(v.Out, "sentences", fileName(s.Index)+".svg")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := reports.ExportSentence(path, s); err != nil {
			return err
		}
	}
	err := writeWhole(filepath.Join(v.Out, "result.json"), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	})
	if err != nil {
		return err
	}
	run, err := reports.ReadRun(v.Out)
	if err != nil {
		return err
	}
	page := filepath.Join(v.Out, "index.html")
	composed, err := reports.Compose([]*reports.Run{run}, reports.Options{Path: page, Made: time.Now()})
	if err != nil {
		return err
	}
	return reports.Write(page, composed)
}

var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// fileName is an index as the name of a file.
func fileName(index string) string {
	return strings.TrimLeft(unsafeInName.ReplaceAllString(index, "_"), ".")
}

func (r *attentionResult) writeStems(to io.Writer) error {
	rows := [][]string{{"stem", "word", "mean_weight", "count"}}
	for _, s := range r.Attention.Stems {
		rows = append(rows, []string{s.Stem, s.Word, fmt.Sprintf("%.6g", s.Mean), fmt.Sprint(s.Count)})
	}
	return csv.NewWriter(to).WriteAll(rows)
}

// print prints the stems and where the page is.
func (r *attentionResult) print(c *console) error {
	fmt.Fprintf(c.out, "%-16s %-20s %11s %6s\n", "stem", "such as", "mean weight", "met")
	for _, s := range r.Attention.Stems {
		fmt.Fprintf(c.out, "%-16s %-20s %11.4f %6d\n", s.Stem, s.Word, s.Mean, s.Count)
	}
	_, err := fmt.Fprintf(c.out, "%s: %s\n", plural(len(r.Attention.Sentences), "sentence", "s"), filepath.Join(r.dir, "index.html"))
	return err
}
