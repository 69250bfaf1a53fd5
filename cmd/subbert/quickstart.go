package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/subbert/subbert/runs/quickstart"
)

type quickstartCmd struct {
	Dir       string   `default:"quickstart" help:"Directory to create." placeholder:"DIR"`
	Text      []string `help:"Your own texts instead of the made-up ones (JSON lines or plain text)." placeholder:"FILE"`
	Relations string   `help:"Your own marked sentences instead of the made-up ones (index, sentence, label)." placeholder:"FILE"`
	Query     string   `help:"Query of the selection (default: a sub-domain of the made-up sample; of your own texts, all)." placeholder:"QUERY"`
	Vocab     string   `help:"Vocabulary for your own texts (default: one learned from them)." placeholder:"FILE" type:"existingfile"`
	Brief     bool     `hidden:"" help:"Make only a few steps of everything; for tests."`
	JSON      bool     `name:"json" help:"Print the scores as JSON."`
	outputFlag
}

func (v *quickstartCmd) Help() string {
	return `Runs the whole pipeline and prints each command before it runs it: select texts, shard them, pre-train a small BERT, fine-tune classifiers from it and from random weights, score them, and write a page with curves and tables. At the end it prints what pre-training and the attention head bring, with intervals, and how long each part took. The files of the runs stay, so that you can change them and run them again.`
}

func (v *quickstartCmd) Run(c *console) error {
	return v.replacing(c, v.Dir, "pretrain.toml", func() error { return v.run(c) })
}

func (v *quickstartCmd) run(c *console) error {
	line := &quickstart.Line{Dir: v.Dir, Texts: v.Text, Query: v.Query, Relations: v.Relations, Vocab: v.Vocab, Brief: v.Brief, Notes: c.err}
	steps, err := line.Steps()
	if err != nil {
		return err
	}
	var parts []quickstart.Part
	for _, s := range steps {
		started := time.Now()
		if err := c.step(s); err != nil {
			return err
		}
		parts = append(parts, quickstart.Part{Name: s.Name, Seconds: time.Since(started).Seconds()})
	}
	outcome, err := line.Outcome(c.ctx, parts)
	if err != nil {
		return err
	}
	return c.show(v.JSON, outcome, outcome.WriteText)
}

// step carries out a step of the pipeline.
func (c *console) step(s quickstart.Step) error {
	fmt.Fprintf(c.err, "\n== %s\n", s.Title)
	if s.Make != nil {
		if err := s.Make(c.ctx); err != nil {
			return err
		}
	}
	if s.Command == nil {
		return nil
	}
	return c.call(s.Command())
}

// call prints a command of this program and runs it in this process. The result that it prints goes to the log.
func (c *console) call(args []string) error {
	shown := make([]string, len(args))
	for i, a := range args {
		if shown[i] = a; strings.ContainsAny(a, " *") {
			shown[i] = "'" + a + "'"
		}
	}
	fmt.Fprintf(c.err, "$ subbert %s\n", strings.Join(shown, " "))
	if err := invoke(c.ctx, c.withFlags(args), c.in, c.err, c.err); err != nil {
		return fmt.Errorf("subbert %s: %w", args[0], err)
	}
	return nil
}
