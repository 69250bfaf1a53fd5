package wordpiece

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/subbert/subbert/data/text"
)

// Config says how text is normalised and split into words before the vocabulary is applied.
type Config struct {
	// Lower makes letters lower-case, as uncased vocabularies require, and strips accents unless Accents says otherwise.
	Lower bool `toml:"lower"`
	// Accents says whether accents are stripped; empty means that they are if Lower is set.
	Accents Accents `toml:"accents"`
	// JoinIdeographs treats CJK ideographs as letters; Google's code makes each a word of its own.
	JoinIdeographs bool `toml:"join_ideographs"`
	// MaxWordChars is the number of characters, after decomposition, above which a word is always [UNK]:
	// 200 in Google's code, 100 in Hugging Face's.
	MaxWordChars int `toml:"max_word_chars"`
	// NeverSplit lists tokens that are kept whole, with their case, between white space: "[MASK]" in "a
	// [MASK] b", but not in "a [MASK]." Each must be in the vocabulary.
	NeverSplit []string `toml:"never_split"`
}

// Accents is the treatment of accents: characters are decomposed (NFD) and lose their marks (Mn), or stay as they are.
type Accents string

// The ways to treat accents.
const (
	AccentsByCase Accents = "" // stripped if text is lower-cased, as in Google's code
	StripAccents  Accents = "strip"
	KeepAccents   Accents = "keep"
)

// Stripped reports whether accents are stripped.
func (c Config) Stripped() bool {
	return c.Accents == StripAccents || c.Accents == AccentsByCase && c.Lower
}

// Default returns the settings of Google's code with a cased vocabulary.
func Default() Config { return Config{MaxWordChars: 200} }

// CasingError says that Config.Lower contradicts a vocabulary.
type CasingError struct {
	Vocabulary  string // its name
	Cased       bool   // the vocabulary's; Config.Lower was the same
	Upper, Size int    // tokens with upper case, and all tokens
}

func (e *CasingError) Error() string {
	if e.Cased {
		return fmt.Sprintf("%s: cased vocabulary (%d of %d tokens have upper case), but the setting lower-cases text",
			e.Vocabulary, e.Upper, e.Size)
	}
	return fmt.Sprintf("%s: uncased vocabulary (%d of %d tokens have upper case), but the setting keeps the case of text",
		e.Vocabulary, e.Upper, e.Size)
}

// Hint names the setting to change.
func (e *CasingError) Hint() string {
	if e.Cased {
		return "leave out --uncased, or name an uncased vocabulary"
	}
	return "add --uncased, or name a cased vocabulary"
}

// settings is the part that a tokenizer shares with its clones; it does not change after New.
type settings struct {
	vocab    *Vocabulary
	lower    bool
	strip    bool // accents
	maxChars int
	unk      int32
	never    map[string]int32
	added    *finder // nil if the vocabulary has no added tokens
	classes  classes
	ascii    [256]class // by the first byte of a character; wide if one byte does not determine it
	joins    [256]bool  // bytes other than ASCII letters that may continue a word of ASCII letters
	fold     [utf8.RuneSelf]byte
	punct    [utf8.RuneSelf]int32 // the id of an ASCII punctuation character
}

// Tokenizer converts text to ids of a vocabulary's tokens. It has scratch space and a cache of words, of fixed
// size, and is therefore not for concurrent use; see Clone.
type Tokenizer struct {
	*settings
	cache cache
	word  word
}

// New returns a tokenizer for v. The error is a *CasingError if v is cased and c.Lower is set, or if v is
// uncased and c.Lower is not set.
func New(v *Vocabulary, c Config) (*Tokenizer, error) {
	if v.Cased() == c.Lower {
		return nil, &CasingError{Vocabulary: v.name, Cased: v.Cased(), Upper: v.upper, Size: v.Size()}
	}
	var faults []error
	if !slices.Contains([]Accents{AccentsByCase, StripAccents, KeepAccents}, c.Accents) {
		faults = append(faults, fmt.Errorf("wordpiece: accents %q, want %q, %q or nothing", c.Accents, StripAccents, KeepAccents))
	}
	if c.MaxWordChars < 1 {
		faults = append(faults, fmt.Errorf("wordpiece: longest word of %d characters, want at least 1", c.MaxWordChars))
	}
	never := make(map[string]int32, len(c.NeverSplit))
	for _, token := range c.NeverSplit {
		id, ok := v.ID(token)
		if !ok {
			faults = append(faults, fmt.Errorf("wordpiece: token %q, which is never to be split, is not in %s", token, v.name))
		}
		never[token] = id
	}
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	s := &settings{vocab: v, lower: c.Lower, strip: c.Stripped(), maxChars: c.MaxWordChars, unk: v.special.Unk, never: never,
		classes: newClasses(c.Stripped(), !c.JoinIdeographs), added: newFinder(v.added, v.ID, c.Lower)}
	s.tabulate()
	return &Tokenizer{settings: s, cache: newCache()}, nil
}

// tabulate fills the tables over single bytes.
func (s *settings) tabulate() {
	for b := range s.ascii {
		if b >= utf8.RuneSelf {
			s.ascii[b], s.joins[b] = wide, true
			continue
		}
		s.ascii[b] = s.classes.classOf(rune(b))
		s.joins[b] = s.ascii[b] == dropped
		s.fold[b] = byte(b)
		if s.lower && 'A' <= b && b <= 'Z' {
			s.fold[b] = byte(b) + 'a' - 'A'
		}
		s.punct[b] = s.unk
		if id, ok := s.vocab.ID(string(rune(b))); ok {
			s.punct[b] = id
		}
	}
}

// Clone returns a tokenizer that gives the same ids and shares only immutable data with t.
func (t *Tokenizer) Clone() *Tokenizer {
	return &Tokenizer{settings: t.settings, cache: newCache()}
}

// Vocabulary returns the vocabulary the ids belong to.
func (t *Tokenizer) Vocabulary() *Vocabulary { return t.vocab }

// Append appends the ids of the word pieces of text to dst, without [CLS] and [SEP].
func (t *Tokenizer) Append(dst []int32, text string) []int32 {
	for t.added != nil {
		id, at, found := t.added.next(text)
		if !found {
			break
		}
		dst = append(t.appendText(dst, text[:at.Start]), id)
		text = text[at.End:]
	}
	return t.appendText(dst, text)
}

// appendText appends the ids of text, which has no added tokens.
func (t *Tokenizer) appendText(dst []int32, text string) []int32 {
	if len(t.never) == 0 {
		return t.appendFields(dst, text, 0)
	}
	for next := 0; next < len(text); {
		f := t.field(text, next)
		if f.whole {
			dst = append(dst, f.id)
		} else {
			dst = t.appendFields(dst, text[:f.span.End], f.span.Start)
		}
		next = f.span.End
	}
	return dst
}

// appendFields appends the ids of text[i:], without regard to NeverSplit.
func (t *Tokenizer) appendFields(dst []int32, text string, i int) []int32 {
	for i < len(text) {
		switch c := text[i]; t.ascii[c] {
		case space, dropped:
			i++
		case punct:
			dst = append(dst, t.punct[c])
			i++
		case letter:
			k, n := loadKey(text, i)
			end := i + n
			if n == maxKey {
				for end < len(text) && t.ascii[text[end]] == letter {
					end++
				}
			}
			if end < len(text) && t.joins[text[end]] {
				dst, i = t.appendWide(dst, text, i)
				continue
			}
			dst = t.appendASCII(dst, text[i:end], k)
			i = end
		default:
			dst, i = t.appendWide(dst, text, i)
		}
	}
	return dst
}

// appendASCII appends the ids of w, a word of ASCII letters and digits; k is its key if it is short enough for one.
func (t *Tokenizer) appendASCII(dst []int32, w string, k key) []int32 {
	if len(w) <= maxKey {
		if e := t.cache.find(k); e != nil {
			return append(dst, e.ids[:]...)[:len(dst)+int(e.n)]
		}
	}
	t.word.readASCII(t.settings, w)
	t.word.cover(t.settings)
	if len(w) <= maxKey {
		t.cache.put(k, t.word.ids)
	}
	return append(dst, t.word.ids...)
}

// appendWide appends the ids of the word that starts with the character at text[i:], if one does, and returns
// the offset after it. It handles words that may have characters beyond ASCII or characters to remove.
func (t *Tokenizer) appendWide(dst []int32, text string, i int) ([]int32, int) {
	end, kind := t.wordEnd(text, i)
	if kind != letter && kind != punct && kind != ideograph {
		return dst, end
	}
	// The lower case of a capital sigma depends on text beyond the word, so such words are not cached.
	cached := end-i <= maxKey && !(t.lower && strings.ContainsRune(text[i:end], capitalSigma))
	var k key
	if cached {
		k = keyOf(text[i:end])
		if e := t.cache.find(k); e != nil {
			return append(dst, e.ids[:e.n]...), end
		}
	}
	t.word.read(t.settings, text, i, end)
	t.word.cover(t.settings)
	if cached {
		t.cache.put(k, t.word.ids)
	}
	return append(dst, t.word.ids...), end
}

// wordEnd returns the end of the word that starts with the character at text[i:], and that character's class. The
// character is a word by itself unless it is a letter.
func (s *settings) wordEnd(text string, i int) (end int, kind class) {
	r, n := utf8.DecodeRuneInString(text[i:])
	kind, end = s.classes.classOf(r), i+n
	if kind != letter {
		return end, kind
	}
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		if k := s.classes.classOf(r); k != letter && k != dropped && k != mark {
			break
		}
		end += n
	}
	return end, kind
}

// field is a stretch of text between white space, or a CJK ideograph.
type field struct {
	span  text.Span
	whole bool // it is in NeverSplit: id is its only id
	id    int32
}

// field returns the first field of text at or after i. It has no letters if only white space is left.
func (t *Tokenizer) field(text string, i int) field {
	var f field
	f.span.Start, f.span.End = i, i
	kept := t.word.text[:0] // the field without removed characters
	for end := i; end < len(text); {
		r, n := utf8.DecodeRuneInString(text[end:])
		k := t.classes.classOf(r)
		if len(kept) > 0 && (k == space || k == ideograph) {
			break
		}
		end += n
		if k == space || k == dropped {
			if len(kept) == 0 {
				f.span.Start, f.span.End = end, end
			}
			continue
		}
		kept = append(kept, text[end-n:end]...)
		f.span.End = end
		if k == ideograph {
			break
		}
	}
	t.word.text = kept
	f.id, f.whole = t.never[string(kept)]
	return f
}
