package relations

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/subbert/subbert/data/text"
)

// Options holds the settings that a corpus does not state.
type Options struct {
	// Sentences splits a text into sentences. The formats that annotate whole abstracts need it.
	Sentences func(text string) []text.Span
	// Types are the classes of the two mentions of a pair in the formats that annotate whole abstracts, such as CHEMICAL and
	// DISEASE. If they are empty, every two mentions make a pair.
	Types [2]string
	// Within is the maximum distance of the two mentions of a pair in those formats, in sentences; 0 means the same
	// sentence. The text of a pair reaches from its first sentence to its last.
	Within int
	// MaxPairs is the maximum number of pairs of one sentence in those formats, ppi-xml and ddi2013: the number grows with
	// the square of the number of mentions. 0 means 10,000, or fewer for a sentence of more than 6 kB, so that the texts of
	// its pairs have at most 64 MiB together.
	MaxPairs int
	// Negative is the label of a pair without a relation in those formats; "false" if empty.
	Negative string
	// Covered is called for every document in those formats with the number of relations that it states between two
	// identifiers, and how many of them have a pair of mentions. Jsonl and chemprot state none: their relations are
	// between mentions. Covered may be nil.
	Covered func(split string, c Coverage)
	// Context stops the reader, which then fails with the context's error; nil never stops it.
	Context context.Context
	// Read is called with the number of bytes read so far and the size of the corpus, 0 if unknown. It may be nil.
	Read func(done, size int64)
	// Warn is called with one line for each thing that a reader changes or skips. It may be nil.
	Warn func(line string)
	// Bounded is called in place of Warn for each sentence that makes more than MaxPairs pairs, in the formats that
	// annotate whole abstracts. If it is nil, Warn is called.
	Bounded func(line string)

	nuls *int // NUL characters removed, except those that package pubtator removes
}

func (o Options) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

// bounded says that a sentence makes more pairs than are taken.
func (o Options) bounded(format string, args ...any) {
	if o.Bounded != nil {
		o.Warn = o.Bounded
	}
	o.warn(format, args...)
}

func (o Options) context() context.Context {
	if o.Context == nil {
		return context.Background()
	}
	return o.Context
}

// maxPairs returns the maximum number of pairs of sentence s.
func (o Options) maxPairs(s text.Span) int {
	if o.MaxPairs > 0 {
		return o.MaxPairs
	}
	return min(10_000, max(1, 64<<20/max(1, s.Len())))
}

// near describes the distance allowed between the two mentions of a pair.
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

// Formats returns the format names that Read accepts, in the order of the package comment.
func Formats() []string {
	return []string{"ddi2013", "aimed", "ppi-xml", "chemprot", "tsv", "pubtator", "bioc", "jsonl"}
}

// NeedsSentences reports whether format annotates whole abstracts and therefore needs Options.Sentences.
func NeedsSentences(format string) bool { return readers()[format].wholeAbstracts }

// Negative returns the label that format gives to pairs without a relation. Tsv files have labels of their own, and
// pubtator, bioc and jsonl use Options.Negative; for these formats Negative returns "false".
func Negative(format string) string { return cmp.Or(readers()[format].negative, "false") }

// Read yields the examples of the corpus in name, a file, folder or zip, in the corpus's order. It ends at the
// first error, which names the file and the pair, entity or line.
func Read(format, name string, o Options) iter.Seq2[Example, error] {
	r, ok := readers()[format]
	switch {
	case !ok:
		return failed(fmt.Errorf("format %q, want one of %s", format, strings.Join(Formats(), ", ")))
	case r.wholeAbstracts && o.Sentences == nil:
		return failed(fmt.Errorf("format %s annotates whole abstracts and needs a sentence splitter", format))
	}
	o.nuls = new(int)
	return func(yield func(Example, error) bool) {
		checked(r.read(name, o))(yield)
		if *o.nuls > 0 {
			o.warn("%s: NUL characters left out: %d", name, *o.nuls)
		}
	}
}
