// Package porter stems English words by the published algorithm of M. F. Porter, "An algorithm for suffix stripping",
// 1980, which NLTK calls ORIGINAL_ALGORITHM. The paper's Table 8 has NLTK's stems. The Go modules of that name follow
// Porter's later program, which changes "logi" to "log" and "bli" to "ble" and leaves words of two letters unchanged.
package porter

import "strings"

// Stem is the stem of word, in lower case. Bytes other than a to z count as consonants.
func Stem(word string) string {
	w := strings.ToLower(word)
	w = plural(w)
	w = past(w)
	if stem, ok := strings.CutSuffix(w, "y"); ok && hasVowel(stem) {
		w = stem + "i"
	}
	w = replace(w, doubleSuffixes, 0)
	w = replace(w, suffixes, 0)
	w = replace(w, endings, 1)
	return tidy(w)
}

// rule replaces a suffix.
type rule struct{ suffix, by string }

// The rules of steps 2, 3 and 4. Of two suffixes that both match, the longer one comes first.
var (
	doubleSuffixes = []rule{
		{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"}, {"abli", "able"},
		{"alli", "al"}, {"entli", "ent"}, {"eli", "e"}, {"ousli", "ous"}, {"ization", "ize"}, {"ation", "ate"},
		{"ator", "ate"}, {"alism", "al"}, {"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},
		{"iviti", "ive"}, {"biliti", "ble"},
	}
	suffixes = []rule{
		{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""},
	}
	endings = []rule{
		{"al", ""}, {"ance", ""}, {"ence", ""}, {"er", ""}, {"ic", ""}, {"able", ""}, {"ible", ""}, {"ant", ""},
		{"ement", ""}, {"ment", ""}, {"ent", ""}, {"ion", ""}, {"ou", ""}, {"ism", ""}, {"ate", ""}, {"iti", ""},
		{"ous", ""}, {"ive", ""}, {"ize", ""},
	}
)

// replace applies the first rule whose suffix w has, if the stem before it has a measure above least.
func replace(w string, rules []rule, least int) string {
	for _, r := range rules {
		stem, ok := strings.CutSuffix(w, r.suffix)
		if !ok {
			continue
		}
		if measure(stem) <= least || r.suffix == "ion" && !ends(stem, "st") {
			return w
		}
		return stem + r.by
	}
	return w
}

// plural is step 1a.
func plural(w string) string {
	for _, r := range []rule{{"sses", "ss"}, {"ies", "i"}, {"ss", "ss"}, {"s", ""}} {
		if stem, ok := strings.CutSuffix(w, r.suffix); ok {
			return stem + r.by
		}
	}
	return w
}

// past is step 1b.
func past(w string) string {
	if stem, ok := strings.CutSuffix(w, "eed"); ok {
		if measure(stem) > 0 {
			return stem + "ee"
		}
		return w
	}
	stem, ok := strings.CutSuffix(w, "ed")
	if !ok {
		stem, ok = strings.CutSuffix(w, "ing")
	}
	if !ok || !hasVowel(stem) {
		return w
	}
	for _, s := range []string{"at", "bl", "iz"} {
		if strings.HasSuffix(stem, s) {
			return stem + "e"
		}
	}
	switch {
	case doubled(stem) && ends(stem, "lsz"):
		return stem
	case doubled(stem):
		return stem[:len(stem)-1]
	case measure(stem) == 1 && short(stem):
		return stem + "e"
	}
	return stem
}

// tidy is step 5.
func tidy(w string) string {
	if stem, ok := strings.CutSuffix(w, "e"); ok {
		if m := measure(stem); m > 1 || m == 1 && !short(stem) {
			w = stem
		}
	}
	if strings.HasSuffix(w, "ll") && measure(w[:len(w)-1]) > 1 {
		w = w[:len(w)-1]
	}
	return w
}

// consonant reports whether w[i] is a consonant: not a vowel, and not a y after a consonant.
func consonant(w string, i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return false
	case 'y':
		return i == 0 || !consonant(w, i-1)
	}
	return true
}

// measure is Porter's m: the number of sequences of vowels followed by consonants.
func measure(w string) int {
	m := 0
	for i := 1; i < len(w); i++ {
		if consonant(w, i) && !consonant(w, i-1) {
			m++
		}
	}
	return m
}

func hasVowel(w string) bool {
	for i := range len(w) {
		if !consonant(w, i) {
			return true
		}
	}
	return false
}

// doubled reports whether w ends with the same consonant twice.
func doubled(w string) bool {
	n := len(w)
	return n > 1 && w[n-1] == w[n-2] && consonant(w, n-1)
}

// short reports whether w ends with consonant, vowel, consonant, the last not w, x or y: Porter's *o.
func short(w string) bool {
	n := len(w)
	return n > 2 && consonant(w, n-3) && !consonant(w, n-2) && consonant(w, n-1) && !ends(w, "wxy")
}

// ends reports whether the last byte of w is one of letters.
func ends(w, letters string) bool { return w != "" && strings.IndexByte(letters, w[len(w)-1]) >= 0 }
