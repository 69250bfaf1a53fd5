package wordpiece

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/subbert/subbert/internal/regularfile"
)

// maxTokenBytes bounds a line of a vocabulary; the longest token of the published ones has 18 bytes.
const maxTokenBytes = 1024

var errLongToken = fmt.Errorf("more than %d bytes; a vocabulary has one token a line", maxTokenBytes)

// MaxVocabulary bounds a vocabulary in bytes, and maxTokens its lines; the largest published BERT's, of 109 languages, has 501,153 in
// 5 MB. The trie takes some forty times the bytes while it is built.
const (
	MaxVocabulary = 8 << 20
	maxTokens     = 1 << 20
)

// Special holds the ids of BERT's special tokens.
type Special struct {
	Pad, Unk, CLS, SEP, Mask int32
}

// Names are a vocabulary's names of the tokens of Special.
type Names struct {
	Pad, Unk, CLS, SEP, Mask string
}

// DefaultNames are the names in BERT's own vocabularies: [PAD], [UNK], [CLS], [SEP] and [MASK].
func DefaultNames() Names {
	return Names{Pad: "[PAD]", Unk: "[UNK]", CLS: "[CLS]", SEP: "[SEP]", Mask: "[MASK]"}
}

// Added is a token that is matched whole anywhere in a text, before the text is normalised.
type Added struct {
	Token string
	// AnyCase ignores the case of ASCII letters if text is lower-cased.
	AnyCase bool
	// Special marks a token that other programs leave out when they convert ids to text.
	Special bool
}

// Tokens is the content of a vocabulary.
type Tokens struct {
	List  []string // by id
	Names Names
	Added []Added // some of List
}

// Vocabulary is an ordered list of tokens; a token's id is its index, from 0. It is immutable and may be
// used by many goroutines.
type Vocabulary struct {
	name    string
	tokens  []string
	ids     map[string]int32
	special Special
	names   Names
	added   []Added
	upper   int // see countUpper
	hash    string
	trie    trie
}

// OpenVocabulary reads the vocabulary in the file path.
func OpenVocabulary(path string) (*Vocabulary, error) {
	text, err := regularfile.Read(path, MaxVocabulary)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	return ReadVocabulary(bytes.NewReader(text), path)
}

// ReadVocabulary reads a vocabulary with BERT's own names, one token a line, from r; name appears in errors.
func ReadVocabulary(r io.Reader, name string) (*Vocabulary, error) {
	list, err := ReadTokens(r, name)
	if err != nil {
		return nil, err
	}
	return NewVocabulary(name, Tokens{List: list, Names: DefaultNames()})
}

// ReadTokens reads tokens, one a line. Lines may end in CR LF; white space around a token is removed. A blank line is
// the empty token, which never occurs in a text: SciBERT's vocabulary has one, and leaving it out would shift the ids
// after it. Errors name the line.
func ReadTokens(r io.Reader, name string) ([]string, error) {
	var list []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 2*maxTokenBytes) // with white space and the line's end
	for lines.Scan() {
		line := lines.Text()
		if len(list) == 0 {
			line = strings.TrimPrefix(line, "\ufeff") // a byte order mark
		}
		token := strings.Trim(line, " \t\r")
		if err := checkToken(token, len(list)); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, len(list)+1, err)
		}
		list = append(list, token)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("%s: line %d: %w", name, len(list)+1, errLongToken)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: empty; a vocabulary has one token a line", name)
	}
	return list, nil
}

// checkToken rejects a line that is not a token; at is the number of tokens before it.
func checkToken(token string, at int) error {
	if at >= maxTokens {
		return fmt.Errorf("more than %d tokens", maxTokens)
	}
	if !utf8.ValidString(token) {
		return errors.New("not UTF-8; a vocabulary is a text file, one token a line")
	}
	if len(token) > maxTokenBytes {
		return errLongToken
	}
	if i := strings.IndexFunc(token, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		return fmt.Errorf("control character %U in %q; a vocabulary is a text file, one token a line", token[i], token)
	}
	return nil
}

// NewVocabulary makes a vocabulary of tokens; name appears in errors. It rejects tokens that are not text or occur
// twice, and t.Names or t.Added that are not in the list. Errors count entries as lines, from 1.
func NewVocabulary(name string, t Tokens) (*Vocabulary, error) {
	v := &Vocabulary{name: name, tokens: t.List, ids: make(map[string]int32, len(t.List)), names: t.Names, added: t.Added}
	size := 0
	for i, token := range t.List {
		if err := v.add(token, i); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, i+1, err)
		}
		size += len(token)
	}
	if size > MaxVocabulary {
		return nil, fmt.Errorf("%s: %d bytes of tokens, want at most %d", name, size, MaxVocabulary)
	}
	if err := v.findSpecial(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, a := range t.Added {
		if _, ok := v.ids[a.Token]; !ok || a.Token == "" {
			return nil, fmt.Errorf("%s: added token %q is not one of the %d tokens", name, a.Token, len(t.List))
		}
	}
	v.upper = v.countUpper()
	v.hash = hashTokens(v.tokens)
	v.trie = newTrie(v.tokens)
	return v, nil
}

// add adds token with the id at.
func (v *Vocabulary) add(token string, at int) error {
	if err := checkToken(token, at); err != nil {
		return err
	}
	if first, twice := v.ids[token]; twice {
		return fmt.Errorf("token %q occurs twice, first on line %d", token, first+1)
	}
	v.ids[token] = int32(at)
	return nil
}

// countUpper counts the tokens that lower-casing would change. It ignores bracketed and added tokens, which do not come
// from the text that the vocabulary was made from.
func (v *Vocabulary) countUpper() int {
	changed := func(token string) bool { return !bracketed(token) && token != strings.ToLower(token) }
	n := 0
	for _, token := range v.tokens {
		if changed(token) {
			n++
		}
	}
	for _, a := range v.added {
		if changed(a.Token) {
			n--
		}
	}
	return n
}

func (v *Vocabulary) findSpecial() error {
	var missing []string
	find := func(token string) int32 {
		id, ok := v.ids[token]
		if !ok {
			missing = append(missing, token)
		}
		return id
	}
	n := v.names
	v.special = Special{Pad: find(n.Pad), Unk: find(n.Unk), CLS: find(n.CLS), SEP: find(n.SEP), Mask: find(n.Mask)}
	if missing != nil {
		return fmt.Errorf("no token %s in a vocabulary of %d", strings.Join(missing, ", "), len(v.tokens))
	}
	return nil
}

// bracketed reports whether token is written as special and unused tokens are: [CLS], [unused7].
func bracketed(token string) bool {
	return len(token) > 2 && token[0] == '[' && token[len(token)-1] == ']'
}

func hashTokens(tokens []string) string {
	h := sha256.New()
	for _, t := range tokens {
		io.WriteString(h, t) // a hash.Hash never fails
		io.WriteString(h, "\n")
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Name returns the name with which the vocabulary was read, usually its path.
func (v *Vocabulary) Name() string { return v.name }

// Size returns the number of tokens.
func (v *Vocabulary) Size() int { return len(v.tokens) }

// ID returns the id of token and whether it is in the vocabulary.
func (v *Vocabulary) ID(token string) (int32, bool) {
	id, ok := v.ids[token]
	return id, ok
}

// Token returns the token with the given id. It panics if there is none.
func (v *Vocabulary) Token(id int32) string { return v.tokens[id] }

// Hash returns the SHA-256 of the tokens, each followed by a newline, in hexadecimal. For a file with plain
// newlines it is the hash of the file.
func (v *Vocabulary) Hash() string { return v.hash }

// Special returns the ids of BERT's own tokens.
func (v *Vocabulary) Special() Special { return v.special }

// Names returns the vocabulary's names of BERT's special tokens.
func (v *Vocabulary) Names() Names { return v.names }

// Added returns the added tokens. The caller must not change them.
func (v *Vocabulary) Added() []Added { return v.added }

// Continues reports whether the token with the given id continues a word, that is, starts with "##".
func (v *Vocabulary) Continues(id int32) bool {
	return strings.HasPrefix(v.tokens[id], continuation)
}

// Cased reports whether the vocabulary was made from text that kept its case: whether more than one token in a hundred,
// except those in brackets, has an upper-case letter. In bert-base-cased 29 in a hundred have one, in SciBERT's uncased
// vocabulary one in two hundred.
func (v *Vocabulary) Cased() bool { return 100*v.upper > len(v.tokens) }
