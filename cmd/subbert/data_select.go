package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/query"
	"github.com/subbert/subbert/data/selection"
)

type dataSelectCmd struct {
	Query string   `required:"" placeholder:"QUERY" help:"What to select, as in PubMed: 'protein OR gene*', '\"signal transduction\"[tiab] NOT review[ti]'."`
	From  string   `default:"auto" enum:"auto,text,jsonl" help:"How documents are written: text, jsonl, or auto: as name and content of each file say."`
	Out   string   `required:"" placeholder:"DIR" help:"Directory to make."`
	JSON  bool     `help:"Print the card as JSON."`
	Files []string `arg:"" name:"file" help:"Documents: JSON lines, or text with blank lines between documents; also .gz, .xz, .zst."`
}

func (*dataSelectCmd) Help() string {
	return `Copies the documents that match a query to DIR/part-NNNNN.jsonl.zst, with a card.json that says how they were chosen.
data shard takes DIR as it takes a file.

Words match in any case; * at the end of a word stands for any ending; words in quotes stand next to each other. AND, OR and NOT are
upper case and apply from left to right, as in PubMed; words side by side must all match. Fields: [ti] [ab] [tiab] [all].`
}

func (v *dataSelectCmd) Run(c *console) error {
	q, err := query.Parse(v.Query)
	if err != nil {
		return misused(err)
	}
	files, err := inputs(v.Files)
	if err != nil {
		return err
	}
	if err := warnOfLeftovers(c, v.Out); err != nil {
		return err
	}
	format := corpus.Format(v.From)
	if v.From == "auto" {
		format = corpus.Detect
	}
	started := time.Now()
	meter := newMeter(c)
	card, err := selection.Run(c.ctx, selection.Plan{Files: files, Format: format, Query: q, Out: v.Out,
		Progress: func(p selection.Progress) { meter.show(p.Read, p.Size, p.Text) }})
	meter.end()
	if err != nil {
		return preparing(err)
	}
	if v.JSON {
		return c.printJSON(card)
	}
	_, err = fmt.Fprintf(c.out, "%s: %d of %d documents match %s\n%.1f MB of text in %d files, %d without abstract, in %.1f s\n", v.Out,
		card.Selected, card.Read, card.Expanded, megabytes(card.TextBytes), len(card.Parts), card.NoAbstract, time.Since(started).Seconds())
	return err
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
