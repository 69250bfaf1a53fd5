package selection

import (
	"bytes"
	"crypto/sha256"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/pmid"
	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/documents"
)

// Entities asks for documents that name something of each of some types, as PubTator annotates it: by tables, or as the
// documents themselves say.
type Entities struct {
	Types []string
	Table *pubtator.Entities // nil if only the documents' own annotations count
}

func (e *Entities) has(r *documents.Record) bool {
	if r.Names != nil {
		for _, typ := range e.Types {
			if !r.Names(typ) {
				return false
			}
		}
		return true
	}
	id, err := pmid.Parse(r.Document.ID)
	return err == nil && e.Table != nil && e.Table.Has(id)
}

// Share keeps a part of the documents of some files: those whose name, or whose directory's, matches a pattern. The
// same documents are kept whatever else is selected, and a larger share has all of a smaller one.
type Share struct {
	Pattern string  `json:"pattern"` // as path.Match has it
	Keep    float64 `json:"keep"`    // from 0 to 1
}

// shared tells whether d is in the share of its file. The first pattern that matches decides.
func (f *finder) shared(d *corpus.Document) bool {
	for _, share := range f.Shares {
		if share.Of(f.task.Path) {
			return fraction(d) < share.Keep
		}
	}
	return true
}

// Of tells whether a file is one of the share.
func (s Share) Of(path string) bool {
	for _, name := range []string{path, filepath.Base(path), filepath.Base(filepath.Dir(path))} {
		if ok, err := filepath.Match(s.Pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// Exclusion is what must not be selected: documents by identifier, and such as have a sentence of another corpus.
// Sentences are compared by their letters and digits; short ones are left out of the comparison.
type Exclusion struct {
	ids       map[string]struct{}
	sentences map[[16]byte]struct{}
}

// shortest is how many bytes of letters and digits a sentence must have to be told by them.
const shortest = 40

// AddID excludes the document of an identifier.
func (x *Exclusion) AddID(id string) {
	if x.ids == nil {
		x.ids = make(map[string]struct{})
	}
	x.ids[id] = struct{}{}
}

// AddSentence excludes documents that have a sentence.
func (x *Exclusion) AddSentence(s string) {
	if key, long := sentenceKey(nil, s); long {
		if x.sentences == nil {
			x.sentences = make(map[[16]byte]struct{})
		}
		x.sentences[key] = struct{}{}
	}
}

// Len is how many identifiers and sentences are excluded.
func (x *Exclusion) Len() (ids, sentences int) { return len(x.ids), len(x.sentences) }

func (f *finder) excluded(d *corpus.Document) bool {
	if _, found := f.Exclude.ids[d.ID]; found && d.ID != "" {
		return true
	}
	if len(f.Exclude.sentences) == 0 {
		return false
	}
	for text := range d.Texts {
		f.spans = f.Splitter.Append(f.spans[:0], text)
		for _, span := range f.spans {
			key, long := sentenceKey(f.words[:0], text[span.Start:span.End])
			if _, found := f.Exclude.sentences[key]; found && long {
				return true
			}
		}
	}
	return false
}

// sentenceKey is a hash of the letters and digits of s. buffer may be nil.
func sentenceKey(buffer []byte, s string) (key [16]byte, long bool) {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			buffer = utf8.AppendRune(buffer, unicode.ToLower(r))
		}
	}
	sum := sha256.Sum256(buffer)
	return [16]byte(sum[:16]), len(bytes.TrimSpace(buffer)) >= shortest
}

// ParseShare reads PATTERN=FRACTION.
func ParseShare(s string) (Share, bool) {
	pattern, number, found := strings.Cut(s, "=")
	keep, err := strconv.ParseFloat(number, 64)
	_, bad := filepath.Match(pattern, "x")
	return Share{Pattern: pattern, Keep: keep}, found && err == nil && bad == nil && keep >= 0 && keep <= 1
}
