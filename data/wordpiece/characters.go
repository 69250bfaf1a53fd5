package wordpiece

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// UnicodeVersion is the edition of Unicode that decides categories, case and decompositions. It comes with the Go
// release that compiles the package; a test compares it with the edition of the fixtures.
const UnicodeVersion = unicode.Version

// class is the effect of a character on the word around it.
type class uint8

const (
	letter    class = iota // is part of a word
	space                  // separates fields
	dropped                // is removed first
	mark                   // is removed after decomposition, when accents are stripped
	punct                  // is a word of its own
	ideograph              // is a field of its own
	wide                   // in asciiClasses: this byte starts a longer sequence, see the character
)

// tabled is the number of code points whose class is in a table; higher ones are rare.
const tabled = 0x20000

// classes holds the class of every code point, for one setting of accents and ideographs.
type classes struct {
	table *[tabled]class
	rules []rule
}

// rule assigns a class to the code points of a range table.
type rule struct {
	in    *unicode.RangeTable
	class class
}

func newClasses(strip, ideographs bool) classes {
	c := classes{table: new([tabled]class), rules: []rule{
		{unicode.Cc, dropped},
		{unicode.Cf, dropped},
		{table16(utf8.RuneError, utf8.RuneError), dropped},
		{unicode.Zs, space},
		{table16('\t', '\n', '\r', '\r', 0x2028, 0x2029), space}, // the last two: Python's str.split
		{unicode.P, punct},
		{table16('!', '/', ':', '@', '[', '`', '{', '~'), punct}, // with $ + < = > ^ ` | ~, which are symbols
	}}
	if ideographs {
		c.rules = append(c.rules, rule{cjk(), ideograph})
	}
	if strip {
		// Four symbols decompose into ASCII ones, which count as punctuation: a grave accent, and =, < and >
		// with a stroke.
		c.rules = append(c.rules, rule{unicode.Mn, mark}, rule{table16(0x1fef, 0x1fef, 0x2260, 0x2260, 0x226e, 0x226f), punct})
	}
	for _, r := range c.rules {
		for _, span := range r.in.R16 {
			c.fill(rune(span.Lo), rune(span.Hi), rune(span.Stride), r.class)
		}
		for _, span := range r.in.R32 {
			c.fill(rune(span.Lo), rune(span.Hi), rune(span.Stride), r.class)
		}
	}
	return c
}

func (c classes) fill(lo, hi, stride rune, as class) {
	for r := lo; r <= min(hi, tabled-1); r += stride {
		c.table[r] = as
	}
}

// classOf returns the class of r.
func (c classes) classOf(r rune) class {
	if r < tabled {
		return c.table[r]
	}
	for _, rule := range c.rules {
		if unicode.Is(rule.in, r) {
			return rule.class
		}
	}
	return letter
}

// table16 makes a range table of pairs of first and last code points below 0x10000, ascending.
func table16(bounds ...uint16) *unicode.RangeTable {
	t := new(unicode.RangeTable)
	for i := 0; i < len(bounds); i += 2 {
		t.R16 = append(t.R16, unicode.Range16{Lo: bounds[i], Hi: bounds[i+1], Stride: 1})
	}
	return t
}

// cjk covers the blocks that Google's tokenizer calls Chinese: the unified and the compatibility ideographs up
// to extension E, and neither kana nor Hangul.
func cjk() *unicode.RangeTable {
	t := table16(0x3400, 0x4dbf, 0x4e00, 0x9fff, 0xf900, 0xfaff)
	for _, b := range [][2]uint32{{0x20000, 0x2a6df}, {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b820, 0x2ceaf}, {0x2f800, 0x2fa1f}} {
		t.R32 = append(t.R32, unicode.Range32{Lo: b[0], Hi: b[1], Stride: 1})
	}
	return t
}

// capitalSigma is the only letter whose lower case depends on the letters around it.
const capitalSigma = 'Σ'

// lowerSigma returns the lower case of the capital sigma at text[at:]: ς after a cased letter of the same field
// and before none, otherwise σ; case-ignorable characters in between do not count (Unicode, section 3.13,
// Final_Sigma).
func (c classes) lowerSigma(text string, at int) rune {
	if c.casedBefore(text[:at]) && !c.casedAfter(text[at+utf8.RuneLen(capitalSigma):]) {
		return 'ς'
	}
	return 'σ'
}

func (c classes) casedBefore(text string) bool {
	for len(text) > 0 {
		r, n := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-n]
		if counts, cased := c.context(r); counts {
			return cased
		}
	}
	return false
}

func (c classes) casedAfter(text string) bool {
	for _, r := range text {
		if counts, cased := c.context(r); counts {
			return cased
		}
	}
	return false
}

// context reports whether r decides the lower case of a sigma near it, and if so, whether r is cased. The end of
// a field decides it too.
func (c classes) context(r rune) (counts, cased bool) {
	if c.classOf(r) == dropped || caseIgnorable(r) {
		return false, false
	}
	return true, unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// caseIgnorable reports whether r has the Unicode property Case_Ignorable: a mark, a format character, a
// modifier, or one of the signs that may stand inside a word.
func caseIgnorable(r rune) bool {
	switch r {
	case '\'', '.', ':', 0xb7, 0x387, 0x55f, 0x5f4, 0x2018, 0x2019, 0x2024, 0x2027,
		0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a:
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

// Hangul syllables decompose by arithmetic (Unicode, section 3.12).
const (
	hangulFirst, hangulLast = 0xac00, 0xd7a3
	jamoL, jamoV, jamoT     = 0x1100, 0x1161, 0x11a7
	countV, countT          = 21, 28
)

// appendDecomposed appends the canonical decomposition of r to dst.
func appendDecomposed(dst []rune, r rune) []rune {
	if r >= hangulFirst && r <= hangulLast {
		i := r - hangulFirst
		dst = append(dst, jamoL+i/(countV*countT), jamoV+i/countT%countV)
		if tail := i % countT; tail > 0 {
			dst = append(dst, jamoT+tail)
		}
		return dst
	}
	var b [utf8.UTFMax]byte
	d := norm.NFD.Properties(b[:utf8.EncodeRune(b[:], r)]).Decomposition()
	if d == nil {
		return append(dst, r)
	}
	for len(d) > 0 {
		r, n := utf8.DecodeRune(d)
		dst, d = append(dst, r), d[n:]
	}
	return dst
}

// combiningClass returns the canonical combining class of r, by which marks after one letter are ordered.
func combiningClass(r rune) uint8 {
	var b [utf8.UTFMax]byte
	return norm.NFD.Properties(b[:utf8.EncodeRune(b[:], r)]).CCC()
}
