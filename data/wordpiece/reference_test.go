package wordpiece

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// reference is the tokenizer without speed or places: each rule is a pass over the whole text, and the pieces are looked
// up in a map.
type reference struct {
	vocab    *Vocabulary
	lower    bool
	strip    bool // accents
	join     bool // ideographs
	maxChars int
	never    map[string]bool
}

func (t reference) ids(text string) []int32 {
	var ids []int32
	for _, f := range strings.FieldsFunc(t.clean(text), isSpace) {
		if t.never[f] {
			id, _ := t.vocab.ID(f)
			ids = append(ids, id)
			continue
		}
		for _, w := range t.words(f) {
			ids = append(ids, t.cover([]rune(w))...)
		}
	}
	return ids
}

// clean removes what is not text and puts spaces around ideographs.
func (t reference) clean(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			b.WriteRune(' ')
		case r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf):
		case t.join:
			b.WriteRune(r)
		case r >= 0x4e00 && r <= 0x9fff, r >= 0x3400 && r <= 0x4dbf, r >= 0x20000 && r <= 0x2a6df,
			r >= 0x2a700 && r <= 0x2b73f, r >= 0x2b740 && r <= 0x2b81f, r >= 0x2b820 && r <= 0x2ceaf,
			r >= 0xf900 && r <= 0xfaff, r >= 0x2f800 && r <= 0x2fa1f:
			b.WriteString(" " + string(r) + " ")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isSpace(r rune) bool { return unicode.Is(unicode.Z, r) }

// words takes a field apart at its punctuation.
func (t reference) words(field string) []string {
	if t.lower {
		field = lowered([]rune(field))
	}
	if t.strip {
		field = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return r
		}, norm.NFD.String(field))
	}
	var words []string
	open := false
	for _, r := range field {
		switch {
		case unicode.IsPunct(r) || r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r):
			words, open = append(words, string(r)), false
		case open:
			words[len(words)-1] += string(r)
		default:
			words, open = append(words, string(r)), true
		}
	}
	return words
}

func lowered(field []rune) string {
	var out []rune
	for i, r := range field {
		out = append(out, unicode.ToLower(r))
		if r == 'İ' {
			out = append(out, '\u0307')
		}
		if r != 'Σ' {
			continue
		}
		before, after := i-1, i+1
		for before >= 0 && caseIgnorable(field[before]) {
			before--
		}
		for after < len(field) && caseIgnorable(field[after]) {
			after++
		}
		if before >= 0 && isCased(field[before]) && !(after < len(field) && isCased(field[after])) {
			out[len(out)-1] = 'ς'
		}
	}
	return string(out)
}

func isCased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func (t reference) cover(word []rune) []int32 {
	unknown := []int32{t.vocab.Special().Unk}
	if len(word) > t.maxChars {
		return unknown
	}
	var ids []int32
	for start := 0; start < len(word); {
		prefix := ""
		if start > 0 {
			prefix = "##"
		}
		end := len(word)
		for ; end > start; end-- {
			if id, ok := t.vocab.ID(prefix + string(word[start:end])); ok {
				ids = append(ids, id)
				break
			}
		}
		if end == start {
			return unknown
		}
		start = end
	}
	return ids
}
