package main

import (
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/selection"
)

type dataSelectCmd struct {
	Query    string   `placeholder:"QUERY" help:"Query as in PubMed: 'protein OR gene*', '\"signal transduction\"[tiab] NOT review[pt]'."`
	Preset   string   `enum:",pg,drug,cp" default:"" placeholder:"NAME" help:"A corpus of the paper: pg ('protein OR gene'), drug ('drug'), cp (a gene and a chemical)."`
	Mode     string   `enum:",lexical,mesh,entity" default:"" placeholder:"MODE" help:"lexical: words match the text. mesh: words without a field also match MeSH headings. entity: documents must also mention the --entities."`
	Mesh     string   `type:"existingfile" placeholder:"FILE" help:"MeSH descriptors, desc20YY.xml, for [mesh], [majr] and --mode mesh."`
	Entities []string `placeholder:"TYPE,..." help:"PubTator's entity types; a document must mention at least one entity of each; for --mode entity."`
	Tables   []string `type:"existingfile" placeholder:"FILE" help:"PubTator's tables, such as gene2pubtator3.gz, for --entities; documents in the forms pubtator and bioc need no tables."`
	Exclude  []string `placeholder:"FILE|FORMAT:CORPUS" help:"Leave out the PMIDs listed in FILE, one a line, or the documents and sentences of a relation corpus, such as ddi2013:DDICorpus.zip."`
	Share    []string `placeholder:"PATTERN=FRACTION" help:"Keep this fraction of the documents selected from files whose name or folder matches, such as 'notes*=0.1', and all documents of other files."`
	From     string   `default:"auto" enum:"auto,pubmed-xml,pubtator,bioc,jsonl,text" help:"Form of the documents: pubmed-xml, pubtator, bioc, jsonl, text, or auto, which goes by the content of each file."`
	Vocab    string   `type:"path" placeholder:"FILE" help:"Vocabulary, tokenizer.json or model directory with which to count tokens and [UNK] for the card."`
	Uncased  bool     `help:"Lower-case the text before counting, as uncased vocabularies need."`
	Strict   bool     `help:"End at the first broken record instead of skipping it."`
	Out      string   `required:"" placeholder:"DIR" help:"Directory to create."`
	Workers  int      `placeholder:"N" help:"Number of files to search at a time; by default one per core. The result does not depend on it." range:"0..1024"`
	JSON     bool     `help:"Print the card as JSON."`
	Files    []string `arg:"" name:"file" help:"Documents: PubMed's XML, PubTator or BioC, JSON lines, or text with blank lines between documents; also .gz, .xz, .zst."`
	outputFlag
}

func (*dataSelectCmd) Help() string {
	return `Copies the documents that match a query to DIR/part-NNNNN.jsonl.zst, with card.json and card.md, which describe the
selection and its content. data shard reads DIR as it reads a file. In PubMed's files the last version of a citation counts, and deleted citations are left out;
documents with the same identifier or the same text are taken once. After a stop, the same command continues the work.

Words match in any case; * at the end of a word stands for any ending; words in quotes must be adjacent. AND, OR and NOT are
upper case and apply from left to right, as in PubMed; words without an operator must all match. Fields: [ti] [ab] [tiab] [all], and for PubMed's
XML [mesh] [majr] [pt] [la] [dp]: 'drug therapy[mesh] AND english[la] AND 2010/05:2012[dp]'.`
}

func (v *dataSelectCmd) Run(c *console) error {
	return v.replacing(c, v.Out, "card.json", func() error { return v.run(c) })
}

func (v *dataSelectCmd) run(c *console) error {
	plan, err := v.plan(c)
	if err != nil {
		return err
	}
	if f, err := plan.Forecast(c.ctx); err == nil && !c.quiet {
		c.log.Info("forecast, going by the largest file", "files", f.Files, "in_mb", tenths(megabytes(f.Bytes)),
			"out_mb", tenths(megabytes(f.Out)), "takes", f.Duration.Round(time.Second))
	}
	broken := firsts{log: c.log}
	plan.Broken = broken.skipped
	started := time.Now()
	meter := newMeter(c)
	plan.Progress = func(p selection.Progress) {
		meter.begin(p.Stage)
		meter.showFiles(p.Read, p.Size, p.Text)
	}
	card, err := selection.Run(c.ctx, plan)
	meter.end()
	broken.end()
	if err != nil {
		return err
	}
	return c.show(v.JSON, card, func(w io.Writer) error { return v.print(w, &card, time.Since(started)) })
}

// firsts logs the first warnings of a kind, such as skipped records, and the number of the others. It is safe for
// concurrent use.
type firsts struct {
	log *slog.Logger
	n   atomic.Int64
}

// maxFirsts is the number of warnings that are logged one by one.
const maxFirsts = 20

func (f *firsts) warn(line string) { f.add(line) }

// skipped warns that a record was skipped because of err.
func (f *firsts) skipped(err error) { f.add("skipped", "record", err) }

func (f *firsts) add(message string, values ...any) {
	if f.n.Add(1) <= maxFirsts {
		f.log.Warn(message, values...)
	}
}

// end logs the number of warnings that were not shown.
func (f *firsts) end() {
	if n := f.n.Load(); n > maxFirsts {
		f.log.Warn("more warnings of this kind are not shown", "number", n-maxFirsts)
	}
}

func tenths(x float64) string { return fmt.Sprintf("%.1f", x) }

func (v *dataSelectCmd) print(w io.Writer, card *selection.Card, took time.Duration) error {
	var read int64
	for _, in := range card.Inputs {
		read += in.Bytes
	}
	_, err := fmt.Fprintf(w, "%s: %d of %d documents match %s\n%s\n%d selected, %.1f MB of text in %d files, %d without abstract, in %.1f s, %.1f MB/s of files\n",
		v.Out, card.Matched, card.Records, card.Expanded, card.Counts, card.Selected, megabytes(card.TextBytes), len(card.Parts),
		card.NoAbstract, took.Seconds(), megabytes(read)/took.Seconds())
	if err == nil && card.Paper != nil {
		_, err = fmt.Fprintf(w, "the paper's corpus %s has %d abstracts\n", card.Paper.Corpus, card.Paper.Abstracts)
	}
	return err
}

// plan opens the inputs of the selection.
func (v *dataSelectCmd) plan(c *console) (selection.Plan, error) {
	files, err := request.Files(v.Files)
	if err != nil {
		return selection.Plan{}, err
	}
	plan, err := request.Selection{Query: v.Query, Preset: v.Preset, Mode: v.Mode, Mesh: v.Mesh, Entities: v.Entities, Tables: v.Tables,
		Exclude: v.Exclude, Share: v.Share, From: v.From, Vocab: v.Vocab, Uncased: v.Uncased, Strict: v.Strict}.Plan(c.ctx, files, c.log)
	plan.Out, plan.Workers = v.Out, workers(v.Workers)
	return plan, err
}
