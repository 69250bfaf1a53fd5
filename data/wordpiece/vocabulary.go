package wordpiece

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/forms"
)

// maxTokenBytes bounds a line of a vocabulary; the longest token of the published ones has 18 bytes.
const maxTokenBytes = 1024

var errLongToken = fmt.Errorf("more than %d bytes; a vocabulary has one token a line", maxTokenBytes)

// Special holds the ids of the tokens that BERT gives a meaning of its own.
type Special struct {
	Pad, Unk, CLS, SEP, Mask int32
}

// Vocabulary is an ordered list of tokens; a token's id is its place, from 0. It never changes once read and
// may be used from many goroutines.
type Vocabulary struct {
	name    string
	tokens  []string
	ids     map[string]int32
	special Special
	upper   int // tokens that lower-casing would change, bracketed ones aside
	hash    string
	trie    trie
}

// OpenVocabulary reads the vocabulary in the file path, which may be compressed.
func OpenVocabulary(path string) (*Vocabulary, error) {
	f, err := stream.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	defer f.Close() // only read from
	in := bufio.NewReader(f)
	head, err := in.Peek(512)
	if err == nil || err == io.EOF {
		err = forms.IsText(head)
	}
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %s: %w", path, err)
	}
	return ReadVocabulary(in, path)
}

// ReadVocabulary reads a vocabulary, one token a line, from r; name is what errors call it. Lines may end in CR LF,
// and white space around a token is no part of it. A blank line is the empty token, which stands nowhere in a text:
// SciBERT's vocabulary has one, and leaving it out would shift the ids after it. It refuses what is not text, a token
// that stands twice, and a vocabulary without [PAD], [UNK], [CLS], [SEP] or [MASK].
func ReadVocabulary(r io.Reader, name string) (*Vocabulary, error) {
	v := &Vocabulary{name: name, ids: make(map[string]int32)}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 2*maxTokenBytes) // with white space and the line's end
	for lines.Scan() {
		if err := v.add(lines.Text()); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, len(v.tokens)+1, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("%s: line %d: %w", name, len(v.tokens)+1, errLongToken)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(v.tokens) == 0 {
		return nil, fmt.Errorf("%s: empty; a vocabulary has one token a line", name)
	}
	if err := v.findSpecial(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	v.hash = hashTokens(v.tokens)
	v.trie = newTrie(v.tokens)
	return v, nil
}

// add makes line the next token.
func (v *Vocabulary) add(line string) error {
	if !utf8.ValidString(line) {
		return errors.New("not UTF-8; a vocabulary is a text file, one token a line")
	}
	if len(v.tokens) == 0 {
		line = strings.TrimPrefix(line, "\ufeff") // a byte order mark
	}
	token := strings.Trim(line, " \t\r")
	if len(token) > maxTokenBytes {
		return errLongToken
	}
	if i := strings.IndexFunc(token, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		return fmt.Errorf("control character %U in %q; a vocabulary is a text file, one token a line", token[i], token)
	}
	if first, twice := v.ids[token]; twice {
		return fmt.Errorf("token %q stands twice, first on line %d", token, first+1)
	}
	v.ids[token] = int32(len(v.tokens))
	v.tokens = append(v.tokens, token)
	if !bracketed(token) && token != strings.ToLower(token) {
		v.upper++
	}
	return nil
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
	v.special = Special{Pad: find("[PAD]"), Unk: find("[UNK]"), CLS: find("[CLS]"), SEP: find("[SEP]"), Mask: find("[MASK]")}
	if missing != nil {
		return fmt.Errorf("no token %s among %d", strings.Join(missing, ", "), len(v.tokens))
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

// Name returns what the vocabulary was called when it was read, usually its path.
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

// Continues reports whether the token with the given id continues a word, that is, starts with "##".
func (v *Vocabulary) Continues(id int32) bool {
	return strings.HasPrefix(v.tokens[id], continuation)
}

// Cased reports whether the vocabulary was made from text that kept its case: whether more than one token in a
// hundred, those in brackets aside, has an upper-case letter. In bert-base-cased 29 in a hundred have one, in SciBERT's
// uncased vocabulary one in two hundred.
func (v *Vocabulary) Cased() bool { return 100*v.upper > len(v.tokens) }
