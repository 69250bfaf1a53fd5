package selection

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is the card for people, card.md.
func (c *Card) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Corpus card\n\n%d documents, %d words, %d sentences, %.1f MB of text.\n", c.Selected, c.Words, c.Sentences, float64(c.TextBytes)/1e6)
	if c.Tokens > 0 {
		fmt.Fprintf(&b, "%d tokens of the vocabulary %.12s…, %.4f %% of them [UNK].\n", c.Tokens, c.Vocabulary, 100*c.UnknownRate)
	}
	if c.Paper != nil {
		fmt.Fprintf(&b, "\nThe paper's corpus %s has %d abstracts; this one has %d documents with an abstract, %.4g times as many.\n",
			c.Paper.Corpus, c.Paper.Abstracts, c.Selected-c.NoAbstract, c.Paper.Ratio)
	}
	fmt.Fprintf(&b, "\n## Query\n\nMode `%s`. Written as\n\n    %s\n\nparsed as\n\n    %s\n", c.Mode, c.Query, c.Expanded)
	for _, name := range slices.Sorted(maps.Keys(c.Headings)) {
		fmt.Fprintf(&b, "\n%s[mesh] stands for %d headings with those below it.\n", name, c.Headings[name])
	}
	for _, s := range c.Shares {
		fmt.Fprintf(&b, "\nOf files matching `%s`, %g of the documents.\n", s.Pattern, s.Keep)
	}
	fmt.Fprintf(&b, "\n## Counts\n\n| what | number |\n| --- | ---: |\n")
	for _, row := range []struct {
		what string
		n    int64
	}{{"records", c.Records}, {"deletions in update files", c.Deletions}, {"broken records, skipped", c.Broken},
		{"records with the PMID of an earlier record of the file", c.Repeated}, {"records that match", c.Matched}, {"… excluded", c.Excluded},
		{"… not in the share", c.NotInShare}, {"… replaced or deleted later", c.Replaced}, {"… same identifier", c.SameID},
		{"… same text", c.SameText}, {"selected", c.Selected}, {"… without abstract", c.NoAbstract}} {
		fmt.Fprintf(&b, "| %s | %d |\n", row.what, row.n)
	}
	histogram(&b, "Words of a sentence", &c.SentenceWords)
	histogram(&b, "Words of a document", &c.DocumentWords)
	fmt.Fprintf(&b, "\n## Files\n\n| file | format | bytes | sha256 | records | match |\n| --- | --- | ---: | --- | ---: | ---: |\n")
	for _, in := range c.Inputs {
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %d | %d |\n", in.Name, string(in.Format), in.Bytes, in.SHA256, in.Records, in.Matched)
	}
	for _, name := range c.Missing {
		fmt.Fprintf(&b, "\n%s was not among the files.\n", name)
	}
	for _, a := range c.Aids {
		fmt.Fprintf(&b, "\n%s: %s, sha256 %s\n", a.Role, a.Name, a.SHA256)
	}
	return b.String()
}

func histogram(b *strings.Builder, title string, h *Histogram) {
	fmt.Fprintf(b, "\n## %s\n\n| up to | number |\n| ---: | ---: |\n", title)
	for i, n := range h.Counts {
		upTo := "more"
		if i < len(h.UpTo) {
			upTo = fmt.Sprint(h.UpTo[i])
		}
		fmt.Fprintf(b, "| %s | %d |\n", upTo, n)
	}
}
