package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/shards"
)

type dataInspectCmd struct {
	In   []string `arg:"" name:"in" help:"A directory made by data shard; or relation files, the training set first; or a corpus."`
	JSON bool     `help:"Print JSON."`

	Vocab     string `placeholder:"FILE" help:"Shards: their vocabulary, to show a few instances. Relation files: a vocabulary or a model directory, to count lengths and unknown word pieces."`
	Split     string `default:"train" enum:"train,heldout" help:"Shards: split of the instances: train or heldout (default ${default})."`
	Instances int    `default:"3" placeholder:"N" help:"Shards: number of instances to show (default ${default})." range:"0..1e6"`
	Sequence  int    `default:"128" placeholder:"S" help:"Shards: length of the instances (default ${default})." range:"3..65536"`
	Masking   string `default:"subword" enum:"subword,whole_word" help:"Shards: masking of the instances: subword or whole_word (default ${default})."`
	Seed      uint64 `default:"1" help:"Shards: seed of the instances (default ${default})."`
	Verify    bool   `help:"Shards: read everything and compare all checksums."`

	relationFlags
}

func (*dataInspectCmd) Help() string {
	return `Shows how shards were made and what they contain. For relation files it reports what to check before training: rows and labels, rows and sentences that occur in several files, repeated rows, mentions that are not marked and, with --vocab, the lengths of the rows, how many rows each length would cut, and how many word pieces are [UNK]. Lines that begin with warning name faults that make training or scoring useless.`
}

func (v *dataInspectCmd) Run(c *console) error {
	for i := range v.In {
		path, done, err := c.input(v.In[i])
		if err != nil {
			return err
		}
		defer done()
		v.In[i] = path
	}
	if !shards.IsSet(v.In[0]) {
		return v.survey(c, v.In, v.Vocab, v.JSON)
	}
	if len(v.In) > 1 {
		return misusef("%s and %s: only one directory of shards can be inspected at a time", v.In[0], v.In[1])
	}
	meter := newMeter(c)
	found, err := request.Inspection{
		Dir: v.In[0], Vocab: v.Vocab, Split: v.Split, Instances: v.Instances, Sequence: v.Sequence, Masking: v.Masking, Seed: v.Seed, Verify: v.Verify,
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
	fmt.Fprintf(&b, "%s: shards, format version %d, %.1f MB, %.3f bytes per byte of text", v.In[0], h.Version, megabytes(h.Bytes()), h.BytesPerByte())
	if found.Verified {
		b.WriteString(", all checksums match")
	}
	fmt.Fprintf(&b, "\nvocabulary  %d tokens, sha256 %.12s…, %s, words up to %d characters, %d bits an id\n", h.Vocabulary.Size,
		h.Vocabulary.Hash, casing, h.Tokenizer.MaxWordChars, h.IDBits)
	fmt.Fprintf(&b, "sentences   %s\nheld out    %g of the documents\n", h.Splitter, h.HeldOut)
	for _, name := range []string{shards.Train, shards.HeldOut} {
		fmt.Fprintf(&b, "%-11s %s, %d files\n", name, h.Splits[name].Counts, len(h.Splits[name].Shards))
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
