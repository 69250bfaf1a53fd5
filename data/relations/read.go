package relations

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/subbert/subbert/data/text"
)

// Options say what a reader cannot know from the corpus.
type Options struct {
	// Sentences splits a text into sentences; needed by the formats that annotate whole abstracts.
	Sentences func(text string) []text.Span
	// Types are the classes of the two mentions of a pair in the formats that annotate whole abstracts, such as CHEMICAL and
	// DISEASE; empty for every pair of mentions.
	Types [2]string
	// Within is how many sentences apart the two mentions of a pair may be in those formats; 0: in one sentence. The text of a pair goes
	// from the first of its sentences to the last.
	Within int
	// MaxPairs is the most pairs of one sentence in those formats and ppi-xml: their number grows with the square of its mentions. 0
	// stands for 10,000, and fewer in sentences of more than 6 kB, so that all pairs of one together have 64 MiB of text.
	MaxPairs int
	// Negative is the label of a pair without a relation in those formats; "false" if empty.
	Negative string
	// Covered, which may be nil, is told of every document in those formats how many of the relations that it states between two
	// identifiers have a pair of mentions. Jsonl and chemprot state none: their relations are between mentions.
	Covered func(split string, c Coverage)
	// Context ends the reading, with its error; nil: nothing does.
	Context context.Context
	// Read is told how many bytes of the corpus are read, of how many; it may be nil. The size is 0 if it is not known.
	Read func(done, size int64)
	// Warn is told, a line each, what was read otherwise than it stands in the corpus; it may be nil.
	Warn func(line string)

	nuls *int // NUL characters left out, other than by the readers of files with annotations
}

func (o Options) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

func (o Options) context() context.Context {
	if o.Context == nil {
		return context.Background()
	}
	return o.Context
}

// maxPairs is how many pairs sentence s may make.
func (o Options) maxPairs(s text.Span) int {
	if o.MaxPairs > 0 {
		return o.MaxPairs
	}
	return min(10_000, max(1, 64<<20/max(1, s.Len())))
}

// near is where the two mentions of a pair have to be.
func (o Options) near() string {
	if o.Within == 0 {
		return "in one sentence"
	}
	return fmt.Sprintf("within %d sentences of each other", o.Within)
}

func (o Options) negative() string {
	return cmp.Or(o.Negative, "false")
}

type reader struct {
	read           func(name string, o Options) iter.Seq2[Example, error]
	negative       string // empty if the file decides
	wholeAbstracts bool
}

func readers() map[string]reader {
	return map[string]reader{
		"ddi2013":  {readDDI2013, DDI.Negative, false},
		"aimed":    {readAIMed, PPI.Negative, false},
		"ppi-xml":  {readPPIXML, PPI.Negative, false},
		"chemprot": {readChemProt, ChemProt.Negative, true},
		"tsv":      {readTSV, "", false},
		"pubtator": {readPubTator, "", true},
		"bioc":     {readBioC, "", true},
		"jsonl":    {readJSONL, "", true},
	}
}

// Formats are the names that Read knows, in the order of the package comment.
func Formats() []string {
	return []string{"ddi2013", "aimed", "ppi-xml", "chemprot", "tsv", "pubtator", "bioc", "jsonl"}
}

// NeedsSentences says whether format annotates whole abstracts, so that Options.Sentences must be given.
func NeedsSentences(format string) bool { return readers()[format].wholeAbstracts }

// Negative is the label that format gives to pairs without a relation. In tsv files it is whatever they say, and
// pubtator and bioc have Options.Negative; "false" stands for both.
func Negative(format string) string { return cmp.Or(readers()[format].negative, "false") }

// Read yields the examples of the corpus in name, a file, folder or zip, in the corpus's order. It ends at the
// first error, which names the file and the pair, entity or line.
func Read(format, name string, o Options) iter.Seq2[Example, error] {
	r, ok := readers()[format]
	switch {
	case !ok:
		return failed(fmt.Errorf("format %q, want one of %s", format, strings.Join(Formats(), ", ")))
	case r.wholeAbstracts && o.Sentences == nil:
		return failed(fmt.Errorf("format %s annotates whole abstracts: a sentence splitter is needed", format))
	}
	o.nuls = new(int)
	return func(yield func(Example, error) bool) {
		checked(r.read(name, o))(yield)
		if *o.nuls > 0 {
			o.warn("%s: NUL characters left out: %d", name, *o.nuls)
		}
	}
}
