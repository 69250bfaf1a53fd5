package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/shards"
)

type dataInspectCmd struct {
	Vocab     string `type:"existingfile" placeholder:"FILE" help:"The vocabulary of the shards; with it, a few instances are shown."`
	Split     string `default:"train" enum:"train,heldout" help:"Where the instances come from: train or heldout (default ${default})."`
	Instances int    `default:"3" placeholder:"N" help:"How many instances to show (default ${default})."`
	Sequence  int    `default:"128" placeholder:"S" help:"Length of the instances (default ${default})."`
	Masking   string `default:"subword" enum:"subword,whole_word" help:"How they are masked: subword or whole_word (default ${default})."`
	Seed      uint64 `default:"1" help:"Seed of the instances (default ${default})."`
	Verify    bool   `help:"Read everything and compare all checksums."`
	JSON      bool   `help:"Print JSON."`
	Dir       string `arg:"" help:"Directory made by data shard."`
}

func (*dataInspectCmd) Help() string { return `Shows how shards were made and what is in them.` }

func (v *dataInspectCmd) Run(c *console) error {
	meter := newMeter(c)
	found, err := request.Inspection{
		Dir: v.Dir, Vocab: v.Vocab, Split: v.Split, Instances: v.Instances, Sequence: v.Sequence, Masking: v.Masking, Seed: v.Seed, Verify: v.Verify,
	}.Inspect(c.ctx, func(done, size int64) { meter.showFiles(done, size, done) })
	meter.end()
	if err != nil {
		return err
	}
	return c.show(v.JSON, found, func(w io.Writer) error { return v.print(w, found) })
}

func (v *dataInspectCmd) print(w io.Writer, found *request.Inspected) error {
	h := &found.Header
	casing := "case kept"
	if h.Tokenizer.Lower {
		casing = "lower-cased"
	}
	if a := h.Tokenizer.Accents; a != "" {
		casing += ", accents: " + a
	}
	if h.Tokenizer.JoinIdeographs {
		casing += ", ideographs joined"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: shards, format version %d, %.1f MB, %.3f bytes per byte of text", v.Dir, h.Version, megabytes(h.Bytes()), perByte(h))
	if found.Verified {
		b.WriteString(", all checksums right")
	}
	fmt.Fprintf(&b, "\nvocabulary  %d tokens, sha256 %.12s…, %s, words up to %d characters, %d bits an id\n", h.Vocabulary.Size,
		h.Vocabulary.Hash, casing, h.Tokenizer.MaxWordChars, h.IDBits)
	fmt.Fprintf(&b, "sentences   %s\nheld out    %g of the documents\n", h.Splitter, h.HeldOut)
	for _, name := range []string{shards.Train, shards.HeldOut} {
		fmt.Fprintf(&b, "%-11s %s, %d files\n", name, described(h.Splits[name].Counts), len(h.Splits[name].Shards))
	}
	for _, in := range h.Inputs[:min(len(h.Inputs), 20)] {
		fmt.Fprintf(&b, "from        %s, %.1f MB, sha256 %.12s…, %d documents\n", in.Name, megabytes(in.Bytes), in.SHA256, in.Documents)
	}
	if more := len(h.Inputs) - 20; more > 0 {
		fmt.Fprintf(&b, "            and %d more files\n", more)
	}
	for i, in := range found.Instances {
		fmt.Fprintf(&b, "\n%s instance %d of %d, %d tokens, %s\n%s\nmasked: %s\n", v.Split, i, found.PerEpoch, in.Length, in.Next,
			in.Text, strings.Join(in.Masked, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
