package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/extract/bulk"
	"github.com/subbert/subbert/runs"
)

// extractCmd holds extract itself and the verbs on its rows.
type extractCmd struct {
	Rows      extractRowsCmd      `cmd:"" name:"rows" default:"withargs" help:"Write a row for each pair of mentions; extract alone means this."`
	Summarize extractSummarizeCmd `cmd:"" help:"Group the rows by identifiers: a table, or a page."`
}

type extractRowsCmd struct {
	Model          string   `arg:"" help:"A fine-tuned model: the model directory of a run."`
	Files          []string `arg:"" name:"file" help:"Texts with mentions: BioC XML, also as members of .tar archives, BioC JSON, PubTator's text, JSON lines; also .gz, .xz, .zst."`
	Out            string   `required:"" placeholder:"FILE" help:"Where to: .parquet, .tsv or .jsonl, the last two also .gz and .zst."`
	Types          []string `placeholder:"A,B" help:"The types of a pair's two mentions, such as Chemical,Disease. Without it every two mentions."`
	As             []string `placeholder:"A,B" help:"What these types are called in the sentences that the model was trained on, such as DRUG,DRUG for --types Chemical,Chemical."`
	Within         int      `placeholder:"N" help:"Take pairs of mentions up to N sentences apart; 0: in one sentence."`
	IDs            string   `name:"ids" placeholder:"FILE" help:"Take only pairs that name one of these identifiers at least, one a line."`
	Species        []string `placeholder:"ID,..." help:"Take only texts that name one of these species, such as 9606."`
	Sections       []string `placeholder:"NAME,..." help:"Take only pairs of these sections, such as title,abstract."`
	MinProbability float64  `placeholder:"P" help:"Leave out rows whose label is less probable."`
	Negatives      bool     `help:"Keep rows whose label means no relation."`
	Resume         bool     `help:"Go on with what an earlier attempt has finished. If FILE is there, do nothing."`
	Strict         bool     `help:"End at the first broken text, mention or file, rather than passing over it."`
	Batch          int      `default:"32" help:"Sentences at a time."`
	Chunk          int      `default:"4096" help:"Pairs that are finished, and kept, together: so many are lost at most by a stop."`
	Workers        int      `placeholder:"N" help:"Texts are read by so many at a time; by default one per core. The rows are the same for any number."`
	JSON           bool     `name:"json" help:"Print the summary as JSON."`
	precisionFlag
	outputFlag
}

func (*extractRowsCmd) Help() string {
	return `Applies a fine-tuned model to every pair of mentions of archives of texts and writes a row a pair: pmid, section, sentence, sentence_start, a, a_id,
a_type, a_start, a_end, b, b_id, b_type, b_start, b_end, label, probability. Positions count characters of the document as its source counts them.

Files are read one text at a time; memory does not grow with them. What is broken is told of, counted and passed over. Finished work is kept
in FILE.work until FILE is whole: whoever stops, or is killed, goes on with the same command and --resume, and gets the same bytes.`
}

func (v *extractRowsCmd) Run(c *console) (err error) {
	plan, err := v.plan(c)
	if err != nil {
		return err
	}
	options := v.extraction(c, v.Batch)
	if v.Within > 0 {
		options.Truncate = marked.TruncateAroundMentions
	}
	m, err := extract.Open(c.ctx, plan.Model, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if !c.quiet {
		v.forecast(c, plan, m)
	}
	broken := faults{log: c.log}
	plan.Broken = broken.tell
	meter := newMeter(c)
	plan.Progress = func(p bulk.Progress) {
		meter.show(float64(p.Read), float64(p.Size), func(float64) string {
			rate := float64(p.Pairs-p.Earlier) / time.Since(meter.began).Seconds()
			return fmt.Sprintf("%d pairs, %d rows, %.1f of %.1f MB, %.0f pairs/s", p.Pairs, p.Rows, megabytes(p.Read), megabytes(p.Size), rate)
		})
	}
	s, err := bulk.Run(c.ctx, plan, m)
	meter.end()
	broken.end()
	if err != nil {
		return extracting(err)
	}
	return c.show(v.JSON, s, func(w io.Writer) error { return printExtracted(w, s) })
}

func (v *extractRowsCmd) forecast(c *console, plan bulk.Plan, m *extract.Model) {
	f, err := plan.Forecast(c.ctx, m)
	if err != nil || f.Duration == 0 { // the run reports faults again
		return
	}
	c.log.Info("forecast, going by the largest file", "files", f.Files, "in_mb", tenths(megabytes(f.Bytes)), "pairs", f.Pairs,
		"pairs_per_second", fmt.Sprintf("%.0f", f.PerSecond), "takes", f.Duration.Round(time.Second))
}

// plan checks the flags and returns the plan.
func (v *extractRowsCmd) plan(c *console) (bulk.Plan, error) {
	plan := bulk.Plan{Files: v.Files, Out: v.Out, MinProbability: v.MinProbability, Negatives: v.Negatives, Strict: v.Strict, Resume: v.Resume, Replace: v.Force || c.again, Workers: workers(v.Workers), Chunk: v.Chunk, Precision: v.Precision}
	_, err := extracted.FormOf(v.Out)
	if err != nil {
		return plan, misused(err)
	}
	if !v.Resume { // which continues it
		if _, err := v.output(c, v.Out, ""); err != nil {
			return plan, err
		}
	}
	if plan.Model, err = c.modelPath(c.ctx, v.Model); err != nil {
		return plan, err
	}
	if plan.Filter.Types, err = request.PairTypes(v.Types); err != nil {
		return plan, err
	}
	switch {
	case len(v.As) != 0 && (len(v.As) != 2 || len(v.Types) != 2):
		return plan, misusef("--as names %d types, want two, beside two of --types", len(v.As))
	case v.Batch < 1:
		return plan, misusef("--batch %d, want at least 1", v.Batch)
	case v.Chunk < 1:
		return plan, misusef("--chunk %d, want at least 1", v.Chunk)
	case v.Within < 0:
		return plan, misusef("--within %d, want 0 or more sentences", v.Within)
	case v.MinProbability < 0 || v.MinProbability > 1:
		return plan, misusef("--min-probability %g, want 0 to 1", v.MinProbability)
	}
	copy(plan.As[:], v.As)
	f := &plan.Filter
	f.Within, f.Sections = v.Within, lowered(v.Sections)
	if len(v.Species) > 0 {
		f.Species = setOf(v.Species)
	}
	if v.IDs != "" {
		if f.IDs, err = readList(v.IDs); err != nil {
			return plan, err
		}
	}
	splitter, err := corpus.NewSplitter()
	if err != nil {
		return plan, err
	}
	plan.Sentences, plan.Note = splitter.Split, notes(c.log)
	return plan, nil
}

func lowered(names []string) (out []string) {
	for _, n := range names {
		out = append(out, strings.ToLower(strings.TrimSpace(n)))
	}
	return out
}

func setOf(names []string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		set[strings.TrimSpace(n)] = true
	}
	return set
}

// readList reads the lines of a file and trims spaces at their ends.
func readList(path string) (map[string]bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading only
	set := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if id := strings.TrimSpace(lines.Text()); id != "" {
			set[id] = true
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("%s: no identifier in it", path)
	}
	return set, nil
}

// notes returns a function that logs the first remarks about the files.
func notes(log *slog.Logger) func(string) {
	f := faults{}
	return func(line string) {
		if n := f.n.Add(1); n <= maxFaults {
			log.Warn(line)
		} else if n == maxFaults+1 {
			log.Warn("more remarks of this kind are not shown")
		}
	}
}

// extracting turns err into an error for the user, which says what is kept and how to continue.
func extracting(err error) error {
	kept, work := new(staging.KeptError), new(bulk.WorkError)
	switch {
	case errors.Is(err, staging.ErrExists), errors.As(err, &work):
		return misused(err)
	case errors.As(err, &kept):
		if err = kept.Err; errors.Is(err, context.Canceled) {
			err = runs.ErrInterrupted
		}
		return &hinted{err, "finished work is kept in " + kept.Dir + "; the same command with --resume goes on"}
	case errors.Is(err, context.Canceled):
		return interruptedf("nothing was written")
	}
	return err
}

// hinted is an error with its own hint.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }
func (h *hinted) Hint() string  { return h.hint }

// printExtracted prints the outcome of the extraction.
func printExtracted(w io.Writer, s *bulk.Summary) error {
	if s.There {
		_, err := fmt.Fprintf(w, "%s already exists; nothing to do\n", s.Out)
		return err
	}
	for _, l := range slices.Sorted(maps.Keys(s.Labels)) {
		fmt.Fprintf(w, "%s\t%d\n", l, s.Labels[l])
	}
	fmt.Fprintf(w, "%d documents of %d files, %d pairs (%d by earlier attempts); %v\n", s.Documents, s.Files, s.Pairs, s.Earlier, s.Cut)
	if s.BrokenFiles+s.Broken+s.LeftOut > 0 {
		fmt.Fprintf(w, "passed over: %d broken files or members, %d documents, %d annotations\n", s.BrokenFiles, s.Broken, s.LeftOut)
	}
	_, err := fmt.Fprintf(w, "%d rows in %.1f s, %.0f pairs/s; wrote %s\n", s.Rows, s.Seconds, s.PerSecond, s.Out)
	return err
}
