package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/subbert/subbert/data/preparation"
	"github.com/subbert/subbert/data/request"
)

type dataShardCmd struct {
	Vocab        string   `required:"" type:"path" placeholder:"FILE" help:"Vocabulary, one token a line (vocab.txt of a BERT), tokenizer.json, or a model directory, which also has the settings."`
	Uncased      bool     `help:"Lower-case the text and strip accents, as uncased vocabularies need."`
	MaxWordChars int      `placeholder:"N" help:"Longer words become [UNK]: 200 in Google's code (the default for a vocabulary alone), 100 in Hugging Face's." range:"1..1e6"`
	HeldOut      float64  `default:"0.01" placeholder:"FRACTION" help:"Fraction of the documents to hold out from training for evaluation (default ${default})." range:"0..1"`
	Seed         uint64   `default:"1" placeholder:"N" help:"Seed of the order of the documents (default ${default})."`
	From         string   `default:"auto" enum:"auto,pubtator,bioc,jsonl,text" help:"Form of the documents: pubtator, bioc, jsonl, text, or auto, which goes by the content of each file."`
	Strict       bool     `help:"End at the first broken record instead of skipping it."`
	Out          string   `required:"" placeholder:"DIR" help:"Directory to create."`
	Workers      int      `placeholder:"N" help:"Number of goroutines that tokenize; by default one per core. The result does not depend on it." range:"0..1024"`
	JSON         bool     `help:"Print the manifest and figures as JSON."`
	Files        []string `arg:"" name:"file" help:"Documents: JSON lines, PubTator, BioC, or text with blank lines between documents; also .gz, .xz, .zst, and directories made by data select."`
	outputFlag
}

func (*dataShardCmd) Help() string {
	return `Splits documents into sentences, tokenizes them into word pieces of the vocabulary and writes them as shards,
from which pretrain draws its instances. docs/shards.md describes the format. Select from PubMed's XML with data select first. --seed chooses the order of the documents.
After a stop, the same command continues the work; finished work is kept in DIR.work, which takes as much space as the shards.`
}

// shardMemory is the size of the heap at which the garbage collector begins to work harder. The memory in use stays
// well below it, however large the files are; on a busy machine the collector would run late and let twice as much
// accumulate.
const shardMemory = 240 << 20

func (v *dataShardCmd) Run(c *console) error {
	return v.replacing(c, v.Out, "manifest.json", func() error { return v.run(c) })
}

func (v *dataShardCmd) run(c *console) error {
	files, err := request.Files(v.Files)
	if err != nil {
		return err
	}
	plan, err := request.Shards{Vocab: v.Vocab, Uncased: v.Uncased, MaxWordChars: v.MaxWordChars, HeldOut: v.HeldOut, Seed: v.Seed,
		From: v.From, Strict: v.Strict}.Plan(files)
	if err != nil {
		return err
	}
	plan.Out, plan.Workers = v.Out, workers(v.Workers)
	if f, err := plan.Forecast(c.ctx); err == nil && !c.quiet {
		c.log.Info("forecast, going by the largest file", "files", f.Files, "in_mb", tenths(megabytes(f.Bytes)),
			"out_mb", tenths(megabytes(f.Out)), "work_mb", tenths(megabytes(f.Work)), "takes", f.Duration.Round(time.Second))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(shardMemory)
	}
	meter, broken := newMeter(c), firsts{log: c.log}
	plan.Broken, plan.Warn = broken.skipped, func(line string) { c.log.Warn(line) }
	plan.Progress = func(p preparation.Progress) { meter.showFiles(p.Read, p.Size, p.Done.TextBytes) }
	r, err := preparation.Run(c.ctx, plan)
	meter.end()
	broken.end()
	if err != nil {
		return err
	}
	return c.show(v.JSON, r, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, r)
		return err
	})
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

func workers(n int) int {
	if n < 1 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// showFiles shows the progress of reading files: read of size bytes, which contain text bytes of text.
func (m *meter) showFiles(read, size, text int64) {
	m.show(float64(read), float64(size), func(rate float64) string {
		return fmt.Sprintf("%3d %%  %.1f MB of text, %.1f MB/s of files", 100*read/max(1, size), megabytes(text), rate/1e6)
	})
}
