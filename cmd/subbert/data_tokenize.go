package main

import (
	"errors"

	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/runs/result"
)

type dataTokenizeCmd struct {
	Vocab        string   `required:"" type:"path" placeholder:"FILE" help:"Vocabulary, one token a line (vocab.txt of a BERT), tokenizer.json, or a model directory, which also has the settings."`
	Uncased      bool     `help:"Lower-case the text and strip accents, as uncased vocabularies need."`
	MaxWordChars int      `placeholder:"N" help:"Longer words become [UNK]: 200 in Google's code (the default for a vocabulary alone), 100 in Hugging Face's." range:"1..1e6"`
	NeverSplit   []string `placeholder:"TOKEN" help:"Tokens that stay whole if they stand between spaces, such as [MASK]."`
	Files        []string `arg:"" optional:"" name:"file" help:"Text in UTF-8; - or no file means standard input."`
}

func (*dataTokenizeCmd) Help() string {
	return `Prints {"tokens":[...],"ids":[...]} for each line, without [CLS] and [SEP]. It stops at the first line that is not
UTF-8, while Google's code skips such bytes. docs/tokenizer.md lists the differences from other tokenizers.`
}

func (v *dataTokenizeCmd) Run(c *console) error {
	opened, config, err := request.OpenTokenizer(result.ModelPath(v.Vocab), v.Uncased, v.MaxWordChars)
	if err != nil {
		return err
	}
	config.NeverSplit = v.NeverSplit
	tokenizer, err := wordpiece.New(opened.Vocabulary(), config)
	if err != nil {
		return misused(err)
	}
	p := wordpiece.NewPrinter(c.out, tokenizer)
	meter := newMeter(c)
	defer meter.end()
	if len(v.Files) == 0 {
		v.Files = []string{"-"}
	}
	for _, name := range v.Files {
		if err := printFile(c, meter, p, name); err != nil {
			return endsEarly(c, errors.Join(err, p.Flush())) // output before a fault is correct
		}
	}
	return p.Flush()
}

func printFile(c *console, meter *meter, p *wordpiece.Printer, name string) error {
	if name == "-" {
		return p.Print("standard input", c.standardInput(meter))
	}
	f, err := c.open(meter, name)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading only
	return p.Print(name, f)
}
