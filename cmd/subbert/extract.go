package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/extract/bulk"
)

// extractCmd holds extract itself and the verbs on its rows.
type extractCmd struct {
	Rows      extractRowsCmd      `cmd:"" name:"rows" default:"withargs" help:"Write a row for each pair of mentions. The word rows may be left out."`
	Summarize extractSummarizeCmd `cmd:"" help:"Group the rows by identifiers: a table, or a page."`
}

type extractRowsCmd struct {
	Model          string   `arg:"" help:"A fine-tuned model: the model directory of a run."`
	Files          []string `arg:"" name:"file" help:"Texts with mentions: BioC XML, also as members of .tar archives, BioC JSON, PubTator's text, JSON lines; also .gz, .xz, .zst."`
	Out            string   `required:"" placeholder:"FILE" help:"File to write: .parquet, .tsv or .jsonl, the last two also .gz and .zst."`
	Types          []string `placeholder:"A,B" help:"The types of a pair's two mentions, such as Chemical,Disease. Without it, every two mentions make a pair."`
	As             []string `placeholder:"A,B" help:"Names of these types in the sentences that the model was trained on, such as DRUG,DRUG for --types Chemical,Chemical."`
	Within         int      `placeholder:"N" help:"Also pair mentions up to N sentences apart; 0: only mentions in one sentence." range:"0..1000"`
	IDs            string   `name:"ids" placeholder:"FILE" help:"Keep only pairs with at least one of the identifiers in FILE, one a line."`
	Species        []string `placeholder:"ID,..." help:"Keep only texts that mention one of these species, such as 9606."`
	Sections       []string `placeholder:"NAME,..." help:"Keep only pairs in these sections, such as title,abstract."`
	MinProbability float64  `placeholder:"P" help:"Leave out rows with a lower probability." range:"0..1"`
	Negatives      bool     `help:"Keep rows whose label means no relation."`
	Resume         bool     `help:"Continue an earlier attempt. If FILE already exists, do nothing."`
	Strict         bool     `help:"End at the first broken text, mention or file instead of skipping it."`
	Chunk          int      `default:"4096" help:"Pairs that are finished and kept together; a stop loses at most so many." range:"1..1e6"`
	Workers        int      `placeholder:"N" help:"Number of texts to read at a time; by default one per core. The rows do not depend on it." range:"0..1024"`
	JSON           bool     `name:"json" help:"Print the summary as JSON."`
	applyFlags
	outputFlag
}

func (*extractRowsCmd) Help() string {
	return `Applies a fine-tuned model to every pair of mentions of archives of texts and writes a row a pair: pmid, section, sentence, sentence_start, a, a_id,
a_type, a_start, a_end, b, b_id, b_type, b_start, b_end, label, probability. Positions count characters of the document as its source counts them. subbert extract summarize groups the rows.

Files are read one text at a time; memory does not grow with them. Broken texts are reported, counted and skipped. Finished work is kept
in FILE.work until FILE is complete: after a stop or a kill, the same command with --resume continues it and writes the same bytes.`
}

// garbageBytes is how much garbage comes together between two collections while texts are read. At the usual setting, as much
// as is live, two cores read only 1.6 times as fast as one, since a small model leaves little live.
const garbageBytes = 96 << 20

// collectAfter sets the garbage collector to run after garbageBytes more than the last collection left live. It is called
// again when what is live may have changed. percent is the setting before, and the result the new one.
func collectAfter(percent int) int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	live := m.NextGC * 100 / uint64(100+percent)
	percent = int(max(10, min(800, 100*garbageBytes/max(1, live))))
	debug.SetGCPercent(percent)
	return percent
}

func (v *extractRowsCmd) Run(c *console) (err error) {
	if _, err := extracted.FormOf(v.Out); err != nil {
		return misused(err)
	}
	asked := bulk.Request{
		Types: v.Types, As: v.As, Within: v.Within, IDs: v.IDs, Species: v.Species, Sections: v.Sections,
		MinProbability: v.MinProbability, Negatives: v.Negatives, Strict: v.Strict, Batch: v.Batch, Chunk: v.Chunk,
	}
	plan, err := asked.Plan(c.ctx)
	if err != nil {
		return err
	}
	notes, broken := firsts{log: c.log}, firsts{log: c.log}
	plan.Files, plan.Out, plan.Resume, plan.Replace = v.Files, v.Out, v.Resume, v.Force || c.again
	plan.Workers, plan.Precision, plan.Note, plan.Broken = workers(v.Workers), v.Precision, notes.warn, broken.skipped
	if !v.Resume {
		if _, err := v.output(c, v.Out, ""); err != nil {
			return err
		}
	}
	options, err := v.options(c)
	if err != nil {
		return err
	}
	if plan.Model, err = c.modelPath(c.ctx, v.Model); err != nil {
		return err
	}
	m, err := extract.Open(c.ctx, plan.Model, asked.Options(options))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if f, err := plan.Forecast(c.ctx, m); err == nil && f.Duration > 0 && !c.quiet { // the run reports faults again
		c.log.Info("forecast, going by the largest file", "files", f.Files, "in_mb", tenths(megabytes(f.Bytes)), "pairs", f.Pairs,
			"pairs_per_second", fmt.Sprintf("%.0f", f.PerSecond), "takes", f.Duration.Round(time.Second))
	}
	meter := newBurstMeter(c)
	percent, adjusted := 0, time.Time{}
	plan.Progress = func(p bulk.Progress) {
		if time.Since(adjusted) > time.Second {
			percent, adjusted = collectAfter(percent), time.Now()
		}
		meter.show(float64(p.Read), float64(p.Size), func(float64) string {
			rate := float64(p.Pairs-p.Earlier) / time.Since(meter.stage.began).Seconds()
			return fmt.Sprintf("%d pairs, %d rows, %.1f of %.1f MB, %.0f pairs/s", p.Pairs, p.Rows, megabytes(p.Read), megabytes(p.Size), rate)
		})
	}
	percent = 100
	defer debug.SetGCPercent(debug.SetGCPercent(percent))
	debug.FreeOSMemory() // what loading the model left over
	s, err := bulk.Run(c.ctx, plan, m)
	meter.end()
	broken.end()
	notes.end()
	if err != nil {
		return err
	}
	return c.show(v.JSON, s, func(w io.Writer) error { return printExtracted(w, s) })
}

// printExtracted prints the outcome of the extraction.
func printExtracted(w io.Writer, s *bulk.Summary) error {
	if s.There {
		_, err := fmt.Fprintf(w, "%s already exists; nothing to do\n", s.Out)
		return err
	}
	printCounts(w, s.Labels)
	fmt.Fprintf(w, "%d documents of %d files, %d pairs (%d by earlier attempts); %v\n", s.Documents, s.Files, s.Pairs, s.Earlier, s.Cut)
	if s.BrokenFiles+s.Broken+s.LeftOut > 0 {
		fmt.Fprintf(w, "skipped: %d broken files or members, %d documents, %d annotations\n", s.BrokenFiles, s.Broken, s.LeftOut)
	}
	if s.Bounded > 0 {
		fmt.Fprintf(w, "bounded: %d sentences have more pairs than are taken; the others are left out\n", s.Bounded)
	}
	_, err := fmt.Fprintf(w, "%d rows in %.1f s, %.0f pairs/s; wrote %s\n", s.Rows, s.Seconds, s.PerSecond, s.Out)
	return err
}
