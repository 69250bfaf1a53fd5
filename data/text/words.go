package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// sameWords reports whether a and b are equal except for case, white space, accents, dashes, quotes and the spelling of
// letters beyond ASCII: α as a, alpha or "?".
func sameWords(a, b string) bool {
	same := func(write func(rune) string) bool {
		x := plain(a, write)
		return x != "" && x == plain(b, write)
	}
	return same(greekName) || same(greekLetter) || (isASCII(a) || isASCII(b)) && same(unknown)
}

// plain is s in lower case without accents and white space; write spells the remaining letters beyond ASCII.
func plain(s string, write func(rune) string) string {
	var out strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case isBlank(r) || unicode.Is(unicode.Mn, r):
		case r < utf8.RuneSelf:
			out.WriteRune(unicode.ToLower(r))
		case unicode.Is(unicode.Pd, r) || r == '−' || r == '⁃':
			out.WriteByte('-')
		case strings.ContainsRune("‘’‛′ʹʼ", r):
			out.WriteByte('\'')
		case strings.ContainsRune("“”‟″", r):
			out.WriteByte('"')
		default:
			out.WriteString(write(unicode.ToLower(r)))
		}
	}
	return out.String()
}

// The Greek letters from α in Unicode's order, by name and as ASCII letters.
const (
	greekNames   = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau upsilon phi chi psi omega"
	greekLetters = "abgdezhqiklunxoprsstufcyw"
)

func greekName(r rune) string {
	if r < 'α' || r > 'ω' {
		return string(r)
	}
	return strings.Fields(greekNames)[r-'α']
}

func greekLetter(r rune) string {
	if r < 'α' || r > 'ω' {
		return string(r)
	}
	return greekLetters[r-'α' : r-'α'+1]
}

func unknown(rune) string { return "?" }

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
