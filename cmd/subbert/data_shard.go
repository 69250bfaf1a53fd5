package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/subbert/subbert/data/preparation"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/staging"
)

type dataShardCmd struct {
	Vocab        string   `required:"" type:"path" placeholder:"FILE" help:"Vocabulary, one token a line (vocab.txt of a BERT), tokenizer.json, or the model's directory, which has the settings, too."`
	Uncased      bool     `help:"Lower-case the text and strip accents, as uncased vocabularies want it."`
	MaxWordChars *int     `placeholder:"N" help:"Longer words become [UNK]: 200 in Google's code (the default for a vocabulary alone), 100 in Hugging Face's."`
	HeldOut      float64  `default:"0.01" placeholder:"FRACTION" help:"Part of the documents kept out of training, to measure on (default ${default})."`
	Seed         uint64   `default:"1" placeholder:"N" help:"Chooses the order of the documents (default ${default})."`
	From         string   `default:"auto" enum:"auto,pubtator,bioc,jsonl,text" help:"How documents are written: pubtator, bioc, jsonl, text, or auto: as the content of each file says."`
	Strict       bool     `help:"End at the first broken record, rather than passing over it."`
	Out          string   `required:"" placeholder:"DIR" help:"Directory to make."`
	Workers      int      `placeholder:"N" help:"Goroutines that tokenise; by default one per core. The result is the same for any number."`
	JSON         bool     `help:"Print the manifest and figures as JSON."`
	Files        []string `arg:"" name:"file" help:"Documents: JSON lines, PubTator, BioC, or text with blank lines between documents; also .gz, .xz, .zst, and directories made by data select."`
	outputFlag
}

func (*dataShardCmd) Help() string {
	return `Finds the sentences of documents, takes them apart into pieces of the vocabulary and writes them as shards,
which pretrain draws its instances from. docs/shards.md describes the format. PubMed's XML goes through data select first. The documents come in an order that --seed chooses.
Whoever stops the work can go on with the same command; what is done of it waits in DIR.work, which takes as much room as the shards.`
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
	chars, err := wordChars(v.MaxWordChars)
	if err != nil {
		return err
	}
	plan, err := request.Shards{Vocab: v.Vocab, Uncased: v.Uncased, MaxWordChars: chars, HeldOut: v.HeldOut, Seed: v.Seed,
		From: v.From, Strict: v.Strict}.Plan(files)
	if err != nil {
		return err
	}
	plan.Out, plan.Workers = v.Out, workers(v.Workers)
	if err := warnOfLeftovers(c, v.Out); err != nil {
		return err
	}
	if f, err := plan.Forecast(c.ctx); err == nil && !c.quiet {
		c.log.Info("forecast, going by the largest file", "files", f.Files, "in_mb", tenths(megabytes(f.Bytes)),
			"out_mb", tenths(megabytes(f.Out)), "work_mb", tenths(megabytes(f.Work)), "takes", f.Duration.Round(time.Second))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(shardMemory)
	}
	started := time.Now()
	meter, faults := newMeter(c), faults{log: c.log}
	plan.Broken, plan.Warn = faults.tell, func(line string) { c.log.Warn(line) }
	plan.Progress = func(p preparation.Progress) { meter.showFiles(p.Read, p.Size, p.Done.TextBytes) }
	result, err := preparation.Run(c.ctx, plan)
	meter.end()
	faults.end()
	if err != nil {
		return preparing(err)
	}
	return v.report(c, result, time.Since(started))
}

// report prints a summary of the shards.
func (v *dataShardCmd) report(c *console, r preparation.Result, took time.Duration) error {
	total := r.Header.Total()
	if r.Empty > 0 {
		c.log.Warn("documents without text left out", "documents", r.Empty)
	}
	if v.HeldOut > 0 && r.Header.Splits[shards.HeldOut].Documents == 0 {
		c.log.Warn("no document was held out; with so few, raise --held-out", "held_out", v.HeldOut, "documents", total.Documents)
	}
	if v.JSON {
		return c.printJSON(struct {
			Dir           string        `json:"dir"`
			Seconds       float64       `json:"seconds"`
			MBPerSecond   float64       `json:"mb_per_second"`
			BytesPerByte  float64       `json:"shard_bytes_per_text_byte"`
			EmptyDocument int64         `json:"empty_documents"`
			Manifest      shards.Header `json:"manifest"`
		}{v.Out, took.Seconds(), megabytes(total.TextBytes) / took.Seconds(), perByte(&r.Header), r.Empty, r.Header})
	}
	_, err := fmt.Fprintf(c.out, "%s: %s\n%.1f MB of text in %.1f s, %.1f MB/s; %.1f MB of shards, %.3f bytes per byte of text\n",
		v.Out, described(total), megabytes(total.TextBytes), took.Seconds(), megabytes(total.TextBytes)/took.Seconds(),
		megabytes(r.Header.Bytes()), perByte(&r.Header))
	return err
}

func perByte(h *shards.Header) float64 {
	return float64(h.Bytes()) / float64(max(1, h.Total().TextBytes))
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// described describes counts in words.
func described(n shards.Counts) string {
	return fmt.Sprintf("%d documents, %d sentences, %d words, %d tokens, %.3f %% of them [UNK]", n.Documents, n.Sentences,
		n.Words, n.Tokens, 100*float64(n.Unknown)/float64(max(1, n.Tokens)))
}

func workers(n int) int {
	if n < 1 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// preparing turns an error of making a directory into one for the caller.
func preparing(err error) error {
	if errors.Is(err, staging.ErrExists) {
		return misused(err)
	}
	if !errors.Is(err, context.Canceled) {
		return err
	}
	var kept *staging.KeptError
	if errors.As(err, &kept) {
		return interruptedf("%s", kept.Hint())
	}
	return interruptedf("nothing was written; the same command starts again")
}

// warnOfLeftovers names the files that earlier, killed attempts to make dir left behind.
func warnOfLeftovers(c *console, dir string) error {
	left, err := staging.Leftovers(dir)
	if err != nil {
		return err
	}
	for _, l := range left {
		c.log.Warn("left by a run that was killed, or is still going on; remove it unless one is", "dir", l)
	}
	return nil
}

// showFiles shows the progress of reading files: read of size bytes, which contain text bytes of text.
func (m *meter) showFiles(read, size, text int64) {
	m.show(float64(read), float64(size), func(rate float64) string {
		return fmt.Sprintf("%3d %%  %.1f MB of text, %.1f MB/s of files", 100*read/max(1, size), megabytes(text), rate/1e6)
	})
}
