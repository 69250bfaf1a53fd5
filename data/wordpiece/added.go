package wordpiece

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/subbert/subbert/data/text"
)

// finder finds a vocabulary's added tokens in text: the leftmost one, and of several at the same place the longest.
type finder struct {
	byFirst [256][]wanted // the longest first
}

// wanted is an added token, in lower case if it matches in any case.
type wanted struct {
	token   string
	id      int32
	anyCase bool
}

// newFinder makes a finder, or nil without added tokens. Case is ignored only if text is lower-cased anyway.
func newFinder(added []Added, id func(token string) (int32, bool), lower bool) *finder {
	if len(added) == 0 {
		return nil
	}
	f := new(finder)
	for _, a := range added {
		w := wanted{token: a.Token, anyCase: a.AnyCase && lower}
		w.id, _ = id(a.Token)
		if w.anyCase {
			w.token = strings.Map(lowerASCII, a.Token)
		}
		first := w.token[0]
		f.byFirst[first] = append(f.byFirst[first], w)
		if upper := upperASCII(first); w.anyCase && upper != first {
			f.byFirst[upper] = append(f.byFirst[upper], w)
		}
	}
	for _, list := range f.byFirst {
		slices.SortFunc(list, func(a, b wanted) int {
			return cmp.Or(len(b.token)-len(a.token), strings.Compare(a.token, b.token))
		})
	}
	return f
}

// next finds the first added token in line.
func (f *finder) next(line string) (id int32, at text.Span, found bool) {
	for i := range len(line) {
		for _, w := range f.byFirst[line[i]] {
			if len(w.token) > len(line)-i {
				continue
			}
			if s := line[i : i+len(w.token)]; s == w.token || w.anyCase && equalFoldASCII(s, w.token) {
				return w.id, text.Span{Start: i, End: i + len(w.token)}, true
			}
		}
	}
	return 0, text.Span{}, false
}

// equalFoldASCII compares s with lower, which has the same length and no ASCII capitals.
func equalFoldASCII(s, lower string) bool {
	for i := range len(s) {
		if s[i] != lower[i] && (s[i] >= utf8.RuneSelf || lowerASCII(rune(s[i])) != rune(lower[i])) {
			return false
		}
	}
	return true
}

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

func upperASCII(b byte) byte {
	if 'a' <= b && b <= 'z' {
		return b - ('a' - 'A')
	}
	return b
}
