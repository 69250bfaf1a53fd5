package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/query"
	"github.com/subbert/subbert/data/selection"
	"github.com/subbert/subbert/data/wordpiece"
)

type dataSelectCmd struct {
	Query    string   `placeholder:"QUERY" help:"What to select, as in PubMed: 'protein OR gene*', '\"signal transduction\"[tiab] NOT review[pt]'."`
	Preset   string   `enum:",pg,drug,cp" default:"" placeholder:"NAME" help:"A corpus of the paper: pg ('protein OR gene'), drug ('drug'), cp (a gene and a chemical)."`
	Mode     string   `enum:",lexical,mesh,entity" default:"" placeholder:"MODE" help:"lexical: words are words. mesh: words without a field are MeSH headings, too. entity: documents must name the --entities."`
	Mesh     string   `type:"existingfile" placeholder:"FILE" help:"MeSH descriptors, desc20YY.xml, for [mesh], [majr] and --mode mesh."`
	Entities []string `placeholder:"TYPE,..." help:"Types of which documents must name at least one each, as PubTator knows them; --mode entity."`
	Tables   []string `type:"existingfile" placeholder:"FILE" help:"PubTator's tables, such as gene2pubtator3.gz, for --entities; documents of pubtator and bioc say it themselves."`
	Exclude  []string `placeholder:"FILE|FORMAT:CORPUS" help:"Leave out the PMIDs listed in FILE, one a line, or the documents and sentences of a relation corpus, such as ddi2013:DDICorpus.zip."`
	Share    []string `placeholder:"PATTERN=FRACTION" help:"Keep this part of what is selected from files whose name or folder matches, such as 'notes*=0.1'; others are kept whole."`
	From     string   `default:"auto" enum:"auto,pubmed-xml,pubtator,bioc,jsonl,text" help:"How documents are written: pubmed-xml, pubtator, bioc, jsonl, text, or auto: as name and content of each file say."`
	Vocab    string   `type:"existingfile" placeholder:"FILE" help:"Vocabulary to count tokens and [UNK] with, for the card."`
	Uncased  bool     `help:"Count with lower-cased text, as uncased vocabularies want it."`
	Strict   bool     `help:"End at the first broken record, rather than passing over it."`
	Out      string   `required:"" placeholder:"DIR" help:"Directory to make."`
	Workers  int      `placeholder:"N" help:"Files looked through at a time; by default one per core. The result is the same for any number."`
	JSON     bool     `help:"Print the card as JSON."`
	Files    []string `arg:"" name:"file" help:"Documents: PubMed's XML, PubTator or BioC, JSON lines, or text with blank lines between documents; also .gz, .zst (.xz for the last two)."`
}

func (*dataSelectCmd) Help() string {
	return `Copies the documents that match a query to DIR/part-NNNNN.jsonl.zst, with card.json and card.md that say how they were chosen and what
they hold. data shard takes DIR as it takes a file. Of PubMed's files the last version of a citation counts, deleted ones are left out;
documents of the same identifier or the same text are taken once. Whoever stops the work can go on with the same command.

Words match in any case; * at the end of a word stands for any ending; words in quotes stand next to each other. AND, OR and NOT are
upper case and apply from left to right, as in PubMed; words side by side must all match. Fields: [ti] [ab] [tiab] [all], and of PubMed's
XML [mesh] [majr] [pt] [la] [dp]: 'drug therapy[mesh] AND english[la] AND 2010/05:2012[dp]'.`
}

// preset is a corpus of the paper.
type preset struct {
	query, mode string
	entities    []string
}

var presets = map[string]preset{
	"pg":   {query: "protein OR gene", mode: "mesh"},
	"drug": {query: "drug", mode: "mesh"},
	"cp":   {mode: "entity", entities: []string{"gene", "chemical"}},
}

func (v *dataSelectCmd) Run(c *console) error {
	plan, err := v.plan(c)
	if err != nil {
		return err
	}
	if err := warnOfLeftovers(c, v.Out); err != nil {
		return err
	}
	if f, err := plan.Forecast(c.ctx); err == nil && !c.quiet {
		c.log.Info("forecast, going by the largest file", "files", f.Files, "in_mb", tenths(megabytes(f.Bytes)),
			"out_mb", tenths(megabytes(f.Out)), "time", f.Duration.Round(time.Second))
	}
	var broken atomic.Int64
	plan.Broken = func(err error) {
		if broken.Add(1) <= maxFaults {
			c.log.Warn("passed over", "record", err)
		}
	}
	started := time.Now()
	meter, stage := newMeter(c), ""
	plan.Progress = func(p selection.Progress) {
		if p.Stage != stage {
			stage, meter = p.Stage, newMeter(c)
		}
		meter.show(p.Read, p.Size, p.Text)
	}
	card, err := selection.Run(c.ctx, plan)
	meter.end()
	if n := broken.Load(); n > maxFaults {
		c.log.Warn("passed over", "records", n, "told", maxFaults)
	}
	if err != nil {
		return preparing(err)
	}
	return v.report(c, &card, time.Since(started))
}

// maxFaults is how many broken records are told of one by one.
const maxFaults = 20

func tenths(x float64) string { return fmt.Sprintf("%.1f", x) }

func (v *dataSelectCmd) report(c *console, card *selection.Card, took time.Duration) error {
	for _, name := range card.Missing {
		c.log.Warn("a file of PubMed's is missing between the first and the last; what it replaces or deletes stays", "file", name)
	}
	if v.JSON {
		return c.printJSON(card)
	}
	var read int64
	for _, in := range card.Inputs {
		read += in.Bytes
	}
	_, err := fmt.Fprintf(c.out, "%s: %d of %d documents match %s\n%s\n%d selected, %.1f MB of text in %d files, %d without abstract, in %.1f s, %.1f MB/s of files\n",
		v.Out, card.Matched, card.Records, card.Expanded, card.Counts, card.Selected, megabytes(card.TextBytes), len(card.Parts),
		card.NoAbstract, took.Seconds(), megabytes(read)/took.Seconds())
	if err == nil && card.Paper != nil {
		_, err = fmt.Fprintf(c.out, "the paper's corpus %s has %d abstracts\n", card.Paper.Corpus, card.Paper.Abstracts)
	}
	return err
}

// plan opens what the selection depends on.
func (v *dataSelectCmd) plan(c *console) (selection.Plan, error) {
	if err := v.fillIn(c); err != nil {
		return selection.Plan{}, err
	}
	files, err := inputs(v.Files)
	if err != nil {
		return selection.Plan{}, err
	}
	plan := selection.Plan{Files: files, Format: selection.Format(v.From), Mode: selection.Mode(v.Mode), Preset: v.Preset,
		Strict: v.Strict, Out: v.Out, Workers: workers(v.Workers)}
	if plan.Splitter, err = corpus.NewSplitter(); err != nil {
		return plan, err
	}
	for _, step := range []func(*console, *selection.Plan) error{v.query, v.entities, v.exclude, v.shares, v.tokenizer} {
		if err := step(c, &plan); err != nil {
			return plan, err
		}
	}
	return plan, nil
}

// fillIn fills in what a preset and the other flags leave open.
func (v *dataSelectCmd) fillIn(c *console) error {
	if p, ok := presets[v.Preset]; ok {
		if v.Query != "" {
			return misusef("--preset %s is a query of its own; leave --query out", v.Preset)
		}
		v.Query = p.query
		if len(v.Entities) == 0 {
			v.Entities = p.entities
		}
		if v.Mode == "" && p.mode == "mesh" && v.Mesh == "" {
			c.log.Warn("without --mesh words are words alone; the paper's search looked for MeSH headings, too", "preset", v.Preset)
			p.mode = "lexical"
		}
		v.Mode = cmp.Or(v.Mode, p.mode)
	}
	if v.Mode == "" && len(v.Entities) > 0 {
		v.Mode = "entity"
	}
	v.Mode = cmp.Or(v.Mode, "lexical")
	switch {
	case v.Mode == "entity" && len(v.Entities) == 0:
		return misusef("--mode entity: no --entities given, such as gene,chemical")
	case v.Mode != "entity" && len(v.Entities) > 0:
		return misusef("--entities goes with --mode entity, not %s", v.Mode)
	case v.Mode == "mesh" && v.Mesh == "":
		return misusef("--mode mesh: no --mesh given; fetch desc20YY.xml of the files' year from NLM")
	case v.Query == "" && v.Mode != "entity":
		return misusef("no --query or --preset given; --query 'protein OR gene', for example")
	}
	return nil
}

// inputs replaces each directory made by data select by its parts.
func inputs(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		parts, err := selection.Parts(name)
		if errors.Is(err, selection.ErrNoSelection) {
			files = append(files, name)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			files = append(files, filepath.Join(name, p))
		}
	}
	return files, nil
}

// shares reads --share.
func (v *dataSelectCmd) shares(_ *console, plan *selection.Plan) error {
	for _, s := range v.Share {
		share, ok := selection.ParseShare(s)
		if !ok {
			return misusef("--share %s, want PATTERN=FRACTION, the fraction from 0 to 1, such as 'notes*=0.1'", s)
		}
		used := false
		for _, file := range plan.Files {
			used = used || share.Of(file)
		}
		if !used {
			return misusef("--share %s: no file is called so", s)
		}
		plan.Shares = append(plan.Shares, share)
	}
	return nil
}

func (v *dataSelectCmd) tokenizer(_ *console, plan *selection.Plan) error {
	if v.Vocab == "" {
		return nil
	}
	shard := dataShardCmd{Vocab: v.Vocab, Uncased: v.Uncased, MaxWordChars: wordpiece.Default().MaxWordChars}
	t, err := shard.tokenizer()
	if err != nil {
		return err
	}
	vocab := t.Vocabulary()
	plan.Tokenizer = &selection.Tokenizer{Vocabulary: vocab.Hash(), Unknown: vocab.Special().Unk,
		New: func() selection.Appender { return t.Clone() }}
	return nil
}

// query reads --query and looks its headings up.
func (v *dataSelectCmd) query(c *console, plan *selection.Plan) error {
	if v.Query == "" {
		return nil
	}
	q, err := query.Parse(v.Query)
	if err != nil {
		return misused(err)
	}
	if tags := q.NeedsRecords(); len(tags) > 0 && v.From != "auto" && v.From != "pubmed-xml" {
		return misusef("[%s] is known of PubMed's XML alone, not of %s", strings.Join(tags, "] ["), v.From)
	}
	if v.Mesh == "" {
		if q.NeedsMeSH() {
			return misusef("the query asks for MeSH headings; name the descriptors with --mesh desc20YY.xml")
		}
		plan.Query = q
		return nil
	}
	vocabulary, err := v.descriptors(c, plan)
	if err != nil {
		return err
	}
	if plan.Query, err = q.Expand(vocabulary, v.Mode == "mesh"); err != nil {
		return misused(err)
	}
	return nil
}
