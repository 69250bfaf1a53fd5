package main

import (
	"fmt"
	"strings"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/data/wordpiece/published"
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

// inspected is what the verb found out.
type inspected struct {
	shards.Header
	Verified  bool            `json:"verified"`
	Instances []shownInstance `json:"instances,omitempty"`
	PerEpoch  int             `json:"instances_per_epoch,omitempty"`
}

// shownInstance is an instance as a person reads it.
type shownInstance struct {
	Text   string   `json:"text"`   // masked
	Masked []string `json:"masked"` // what was at the masked positions, in order
	Length int      `json:"length"`
	Next   string   `json:"next"` // whether B follows A: is_next or random
}

func (v *dataInspectCmd) Run(c *console) error {
	set, err := shards.Open(v.Dir)
	if err != nil {
		return err
	}
	defer set.Close() // only read from
	found := inspected{Header: set.Header()}
	if v.Verify {
		if err := v.verify(c, set); err != nil {
			return err
		}
		found.Verified = true
	}
	if v.Vocab != "" {
		if err := v.draw(&found, set); err != nil {
			return err
		}
	}
	if v.JSON {
		return c.printJSON(found)
	}
	return v.print(c, &found)
}

func (v *dataInspectCmd) verify(c *console, set *shards.Set) error {
	h := set.Header()
	meter, size, done := newMeter(c), h.Bytes(), int64(0)
	defer meter.end()
	return set.Verify(func(n int64) {
		done += n
		meter.show(done, size, done)
	})
}

// draw shows the first instances of an epoch.
func (v *dataInspectCmd) draw(found *inspected, set *shards.Set) error {
	opened, err := published.Open(v.Vocab)
	if err != nil {
		return err
	}
	vocab := opened.Vocabulary
	if err := found.CheckVocabulary(vocab.Hash(), vocab.Size()); err != nil {
		return misused(err)
	}
	documents, err := set.Split(v.Split)
	if err != nil {
		return err
	}
	config := instances.Default()
	config.Sequence, config.Masking, config.Seed = v.Sequence, v.Masking, v.Seed
	if err := config.Validate(); err != nil {
		return misused(err)
	}
	drawer, err := instances.New(documents, vocab, config)
	if err != nil {
		return err
	}
	epoch, err := drawer.Epoch(0)
	if err != nil {
		return err
	}
	found.PerEpoch = epoch.Len()
	for i := range min(v.Instances, epoch.Len()) {
		var in instances.Instance
		if err := epoch.Draw(i, &in); err != nil {
			return err
		}
		found.Instances = append(found.Instances, show(&in, vocab))
	}
	return nil
}

func show(in *instances.Instance, vocab *wordpiece.Vocabulary) shownInstance {
	s := shownInstance{Length: in.Length, Next: [2]string{"is_next", "random"}[in.NextSentenceLabel]}
	var text strings.Builder
	for _, id := range in.InputIDs[:in.Length] {
		token := vocab.Token(id)
		if rest, goesOn := strings.CutPrefix(token, "##"); goesOn {
			text.WriteString(rest)
			continue
		}
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(token)
	}
	s.Text = text.String()
	for k, id := range in.MaskedIDs[:in.NumMasked] {
		kind := [3]string{"", " (kept)", " (replaced by " + vocab.Token(in.InputIDs[in.MaskedPositions[k]]) + ")"}[in.MaskKinds[k]]
		s.Masked = append(s.Masked, vocab.Token(id)+kind)
	}
	return s
}

func (v *dataInspectCmd) print(c *console, found *inspected) error {
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
	_, err := c.out.Write([]byte(b.String()))
	return err
}
