package shards

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/internal/regularfile"
)

// The splits of a set.
const (
	Train   = "train"
	HeldOut = "heldout"
)

const (
	formatName    = "subbert shards"
	formatVersion = 1
	manifestName  = "manifest.json"
	maxManifest   = 64 << 20 // bytes
	maxVocabulary = 1 << 31
)

// Header is the content of manifest.json. It records how the shards were made.
type Header struct {
	Format     string           `json:"format"`
	Version    int              `json:"version"`
	Vocabulary Vocabulary       `json:"vocabulary"`
	Tokenizer  Tokenizer        `json:"tokenizer"`
	Splitter   string           `json:"splitter"`
	HeldOut    float64          `json:"held_out"`     // the requested fraction of documents
	Seed       uint64           `json:"shuffle_seed"` // seed of the order of the documents
	IDBits     int              `json:"id_bits"`      // bits of an id, enough for the largest
	Inputs     []Input          `json:"inputs"`
	Splits     map[string]Split `json:"splits"`
}

// Vocabulary identifies a vocabulary.
type Vocabulary struct {
	Hash string `json:"hash"` // sha256 over its tokens
	Size int    `json:"size"`
}

// Check returns an error if d cannot be written with this vocabulary.
func (v Vocabulary) Check(d *Document) error {
	total := 0
	for i, n := range d.Lengths {
		if n < 1 {
			return fmt.Errorf("sentence %d has %d tokens, want at least 1", i, n)
		}
		total += int(n)
	}
	if total == 0 || total != len(d.IDs) {
		return fmt.Errorf("sentences have %d tokens and there are %d ids; want the same number, at least one", total, len(d.IDs))
	}
	for _, id := range d.IDs {
		if id < 0 || int(id) >= v.Size {
			return fmt.Errorf("id %d is outside a vocabulary of %d", id, v.Size)
		}
	}
	return nil
}

// Tokenizer holds the settings with which text was tokenized.
type Tokenizer struct {
	Lower          bool   `json:"lower"`
	MaxWordChars   int    `json:"max_word_chars"`
	Accents        string `json:"accents,omitempty"`         // strip or keep; if empty, Lower strips
	JoinIdeographs bool   `json:"join_ideographs,omitempty"` // ideographs are letters of words, not separate words
}

// TokenizerOf returns the settings of c that shards record.
func TokenizerOf(c wordpiece.Config) Tokenizer {
	t := Tokenizer{Lower: c.Lower, MaxWordChars: c.MaxWordChars, JoinIdeographs: c.JoinIdeographs}
	switch {
	case c.Stripped() && !c.Lower:
		t.Accents = string(wordpiece.StripAccents)
	case !c.Stripped() && c.Lower:
		t.Accents = string(wordpiece.KeepAccents)
	}
	return t
}

// TokenizerError reports that the tokenizer settings of shards differ from those of a model.
type TokenizerError struct {
	Shards, Model Tokenizer
}

func (e *TokenizerError) Error() string {
	var differs []string
	say := func(format string, shards, model any) {
		if shards != model {
			differs = append(differs, fmt.Sprintf(format, shards, model))
		}
	}
	casing := map[bool]string{true: "lower-cased", false: "cased"}
	accents := func(t Tokenizer) string {
		return cmp.Or(t.Accents, map[bool]string{true: "strip", false: "keep"}[t.Lower])
	}
	ideographs := map[bool]string{true: "part of words", false: "separate words"}
	say("the shards have %s text, and the model expects %s text", casing[e.Shards.Lower], casing[e.Model.Lower])
	say("the tokenizer of the shards %ss accents, and that of the model %ss them", accents(e.Shards), accents(e.Model))
	say("ideographs are %s in the shards, and %s for the model", ideographs[e.Shards.JoinIdeographs], ideographs[e.Model.JoinIdeographs])
	return strings.Join(differs, "; ")
}

// Hint returns a remedy.
func (e *TokenizerError) Hint() string {
	return "make the shards again with the model's tokenizer: subbert data shard --vocab MODEL-DIRECTORY"
}

// CheckTokenizer returns a *TokenizerError unless the shards' text was tokenized with these settings. It ignores
// MaxWordChars, above which a word is [UNK]: Google's code has 200, transformers 100, and few words are so long.
func (h *Header) CheckTokenizer(c wordpiece.Config) error {
	c.MaxWordChars = h.Tokenizer.MaxWordChars
	if model := TokenizerOf(c); model != h.Tokenizer {
		return &TokenizerError{Shards: h.Tokenizer, Model: model}
	}
	return nil
}

// Input is a file of documents.
type Input struct {
	Name   string `json:"name"` // without directories
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Broken int64  `json:"broken,omitempty"` // lines skipped
	Counts
}

// Counts holds the numbers of documents, sentences, tokens, words and bytes of a text collection.
type Counts struct {
	Documents int64 `json:"documents"`
	Sentences int64 `json:"sentences"`
	Tokens    int64 `json:"tokens"`
	Unknown   int64 `json:"unknown"`    // tokens that are [UNK]
	Words     int64 `json:"words"`      // words of the text, separated by white space
	TextBytes int64 `json:"text_bytes"` // bytes of titles and sections in UTF-8
}

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.Documents += o.Documents
	c.Sentences += o.Sentences
	c.Tokens += o.Tokens
	c.Unknown += o.Unknown
	c.Words += o.Words
	c.TextBytes += o.TextBytes
}

// String describes the counts in words.
func (c Counts) String() string {
	return fmt.Sprintf("%d documents, %d sentences, %d words, %d tokens, %.3f %% of them [UNK]", c.Documents, c.Sentences,
		c.Words, c.Tokens, 100*float64(c.Unknown)/float64(max(1, c.Tokens)))
}

// Split is one part of a set.
type Split struct {
	Counts
	Shards []Shard `json:"shards"`
}

// Shard is one file of a split.
type Shard struct {
	File      string `json:"file"`
	Bytes     int64  `json:"bytes"`
	CRC32C    string `json:"crc32c"` // of the trailer, which covers the checksums of all blocks
	Documents int64  `json:"documents"`
	Tokens    int64  `json:"tokens"`
}

// Total returns the counts of all splits together.
func (h *Header) Total() Counts {
	var c Counts
	for _, s := range h.Splits {
		c.Add(s.Counts)
	}
	return c
}

// Bytes returns the size of all shard files.
func (h *Header) Bytes() int64 {
	var n int64
	for _, s := range h.Splits {
		for _, f := range s.Shards {
			n += f.Bytes
		}
	}
	return n
}

// BytesPerByte returns the size of all shard files per byte of text.
func (h *Header) BytesPerByte() float64 {
	return float64(h.Bytes()) / float64(max(1, h.Total().TextBytes))
}

// VocabularyError reports that shards hold ids of another vocabulary.
type VocabularyError struct {
	Shards, Given Vocabulary
}

func (e *VocabularyError) Error() string {
	return fmt.Sprintf("shards: made with a vocabulary of %d tokens (sha256 %.12s…), got one of %d (sha256 %.12s…)",
		e.Shards.Size, e.Shards.Hash, e.Given.Size, e.Given.Hash)
}

// Hint returns a remedy.
func (e *VocabularyError) Hint() string {
	return "make the shards again with this vocabulary, or use the vocabulary of the shards"
}

// CheckVocabulary returns a *VocabularyError unless the shards were made with the vocabulary of this hash and size.
func (h *Header) CheckVocabulary(hash string, size int) error {
	given := Vocabulary{Hash: hash, Size: size}
	if given != h.Vocabulary {
		return &VocabularyError{Shards: h.Vocabulary, Given: given}
	}
	return nil
}

// IDBits returns the number of bits of an id in a vocabulary of this size: 15 for the published BERT vocabularies.
func IDBits(size int) int { return max(1, bits.Len(uint(size-1))) }

// readHeader reads and checks the manifest of a directory.
func readHeader(fsys fs.FS, dir string) (Header, error) {
	path := filepath.Join(dir, manifestName)
	info, err := fs.Stat(fsys, manifestName)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return Header{}, fmt.Errorf("%s: no %s; want a directory made by data shard", dir, manifestName)
	}
	if err != nil {
		return Header{}, fmt.Errorf("%s: %w", path, pathless(err))
	}
	if err := regularfile.Check(info); err != nil {
		return Header{}, fmt.Errorf("%s: %w", path, err)
	}
	if info.Size() > maxManifest {
		return Header{}, fmt.Errorf("%s: %d bytes, too large for a manifest", path, info.Size())
	}
	content, err := fs.ReadFile(fsys, manifestName)
	if err != nil {
		return Header{}, fmt.Errorf("%s: %w", path, pathless(err))
	}
	h, err := parseHeader(content)
	if err != nil {
		return Header{}, fmt.Errorf("%s: %w", path, err)
	}
	return h, nil
}

func parseHeader(content []byte) (Header, error) {
	var h Header
	if err := json.Unmarshal(content, &h); err != nil {
		return Header{}, fmt.Errorf("damaged: %w", err)
	}
	if h.Format != formatName {
		return Header{}, fmt.Errorf("format %q, want %q", h.Format, formatName)
	}
	if h.Version != formatVersion {
		return Header{}, fmt.Errorf("format version %d, this program reads %d; make the shards again", h.Version, formatVersion)
	}
	if size := h.Vocabulary.Size; size < 1 || size > maxVocabulary || h.IDBits != IDBits(size) {
		return Header{}, fmt.Errorf("damaged: %d bits per id for a vocabulary of %d", h.IDBits, size)
	}
	for name, split := range h.Splits {
		var documents, tokens int64
		for _, s := range split.Shards {
			if s.File != filepath.Base(s.File) || s.Documents < 0 || s.Tokens < 0 {
				return Header{}, fmt.Errorf("damaged: split %s: shard %q", name, s.File)
			}
			documents += s.Documents
			tokens += s.Tokens
		}
		if n := split.Counts; n.Unknown < 0 || n.Unknown > n.Tokens || n.Words < 0 || n.TextBytes < 0 || n.TextBytes > 0 && n.Words > n.TextBytes {
			return Header{}, fmt.Errorf("damaged: split %s: %d tokens with %d [UNK], %d words, %d bytes of text", name, n.Tokens, n.Unknown, n.Words, n.TextBytes)
		}
		if documents != split.Documents || tokens != split.Tokens {
			return Header{}, fmt.Errorf("damaged: split %s: shards have %d documents and %d tokens, want %d and %d",
				name, documents, tokens, split.Documents, split.Tokens)
		}
	}
	return h, nil
}
