// Package vocabulary learns a cased WordPiece vocabulary from text.
//
// A published checkpoint has its own vocabulary, which continued pre-training must use. This package is for
// models that start from random values: the quickstart's, and small experiments. It repeatedly merges the
// most frequent pair of neighbouring pieces (byte-pair encoding: Sennrich et al. 2016) in the words of
// BERT's basic tokenizer, and writes the pieces in WordPiece's form, with ## before those that continue a
// word.
//
// The same text always gives the same vocabulary, whatever order its lines come in.
package vocabulary

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// specials come first, at the ids 0 to 4.
var specials = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}

// maxWordBytes bounds the words used for learning. Longer ones are sequences, links or tables.
const maxWordBytes = 100

// minPairCount is how often a pair of pieces must occur to become a piece.
const minPairCount = 2

// Learn returns at most size tokens: the special ones, the characters of the texts with and without ##, then
// merged pieces, most frequent first. It returns fewer when no pair of pieces occurs twice. If the
// characters would take more than half of size, the rarest are left out and become [UNK]. It rejects a size
// that leaves no room, and texts without a word.
func Learn(texts iter.Seq[string], size int) ([]string, error) {
	counts := countWords(texts)
	if len(counts) == 0 {
		return nil, fmt.Errorf("vocabulary: the text has no words")
	}
	alphabet := alphabet(counts, size/2)
	tokens := append(slices.Clone(specials), alphabet...)
	if len(alphabet) == 0 || len(tokens) > size {
		return nil, fmt.Errorf("vocabulary: size %d is too small, want at least %d", size, 4*len(specials))
	}
	m := newMerger(counts, alphabet)
	seen := make(map[string]bool, size)
	for _, t := range tokens {
		seen[t] = true
	}
	for len(tokens) < size {
		piece, ok := m.merge()
		if !ok {
			break
		}
		if !seen[piece] { // two different pairs may spell the same piece
			seen[piece] = true
			tokens = append(tokens, piece)
		}
	}
	return tokens, nil
}

// Write writes one token a line, as in vocab.txt.
func Write(w io.Writer, tokens []string) error {
	b := bufio.NewWriter(w)
	for _, t := range tokens {
		b.WriteString(t)
		b.WriteByte('\n')
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("vocabulary: %w", err)
	}
	return nil
}

// countWords counts the words of the texts.
func countWords(texts iter.Seq[string]) map[string]int {
	counts := map[string]int{}
	for text := range texts {
		for w := range words(text) {
			if len(w) <= maxWordBytes {
				counts[w]++
			}
		}
	}
	return counts
}

// words splits text like BERT's basic tokenizer without lower-casing: at white space, and around each
// punctuation mark and each CJK character. It drops control characters and invalid UTF-8.
func words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var word strings.Builder
		flush := func() bool {
			if word.Len() == 0 {
				return true
			}
			w := word.String()
			word.Reset()
			return yield(w)
		}
		for _, r := range text {
			switch {
			case unicode.IsSpace(r):
				if !flush() {
					return
				}
			case r == utf8.RuneError || unicode.Is(unicode.C, r):
			case standsAlone(r):
				if !flush() || !yield(string(r)) {
					return
				}
			default:
				word.WriteRune(r)
			}
		}
		flush()
	}
}

// standsAlone reports whether r is a word by itself: ASCII marks, Unicode punctuation, CJK ideographs.
func standsAlone(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && !('0' <= r && r <= '9') && !('A' <= r && r <= 'Z') && !('a' <= r && r <= 'z') && r != 0x7f
	}
	return unicode.IsPunct(r) || unicode.Is(unicode.Han, r)
}

// alphabet returns the characters of the words, sorted, first as word beginnings and then as continuations,
// at most limit of both together: the most frequent ones.
func alphabet(counts map[string]int, limit int) []string {
	freq := map[rune]int{}
	for w, n := range counts {
		for _, r := range w {
			freq[r] += n
		}
	}
	runes := make([]rune, 0, len(freq))
	for r := range freq {
		runes = append(runes, r)
	}
	slices.SortFunc(runes, func(a, b rune) int {
		return cmp.Or(cmp.Compare(freq[b], freq[a]), cmp.Compare(a, b))
	})
	begins, continues, room := []string{}, []string{}, limit
	for _, r := range runes {
		if standsAlone(r) {
			room--
		} else {
			room -= 2
		}
		if room < 0 {
			break
		}
		begins = append(begins, string(r))
		if !standsAlone(r) {
			continues = append(continues, continuation+string(r))
		}
	}
	slices.Sort(begins)
	slices.Sort(continues)
	return append(begins, continues...)
}
