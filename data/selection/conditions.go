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

// Entities selects documents that mention an entity of each of the types, according to PubTator's tables or the
// annotations of the documents themselves.
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

// Share keeps a fraction of the documents of the files whose name, or the name of whose directory, matches a
// pattern. The choice does not depend on the other documents, and a larger share includes a smaller one.
type Share struct {
	Pattern string  `json:"pattern"` // for path.Match
	Keep    float64 `json:"keep"`    // from 0 to 1
}

// shared reports whether d is in the share of its file. The first matching pattern decides.
func (f *finder) shared(d *corpus.Document) bool {
	for _, share := range f.Shares {
		if share.Of(f.task.Path) {
			return fraction(d) < share.Keep
		}
	}
	return true
}

// Of reports whether the share applies to a file.
func (s Share) Of(path string) bool {
	for _, name := range []string{path, filepath.Base(path), filepath.Base(filepath.Dir(path))} {
		if ok, err := filepath.Match(s.Pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// Exclusion is the set of documents that must not be selected: by identifier, or because they have a sentence of
// another corpus. Sentences are compared by their letters and digits; short ones are ignored.
type Exclusion struct {
	ids       map[string]struct{}
	sentences map[[16]byte]struct{}
}

// shortest is the minimum number of bytes of letters and digits in a sentence that is compared.
const shortest = 40

// AddID excludes the document with the given identifier.
func (x *Exclusion) AddID(id string) {
	if x.ids == nil {
		x.ids = make(map[string]struct{})
	}
	x.ids[id] = struct{}{}
}

// AddSentence excludes documents that have the sentence.
func (x *Exclusion) AddSentence(s string) {
	if key, long := sentenceKey(nil, s); long {
		if x.sentences == nil {
			x.sentences = make(map[[16]byte]struct{})
		}
		x.sentences[key] = struct{}{}
	}
}

// Len returns the numbers of excluded identifiers and sentences.
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

// ParseShare parses PATTERN=FRACTION.
func ParseShare(s string) (Share, bool) {
	pattern, number, found := strings.Cut(s, "=")
	keep, err := strconv.ParseFloat(number, 64)
	_, bad := filepath.Match(pattern, "x")
	return Share{Pattern: pattern, Keep: keep}, found && err == nil && bad == nil && keep >= 0 && keep <= 1
}
