package corpus

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is the text on one side of a mark that may end a sentence.
type word struct {
	text   string // without brackets and quotes around it
	kind   wordKind
	rest   string // before a mark: the sentence up to this word, without white space at its end
	opened bool   // before a mark: a bracket or quote opens right before it
	first  bool   // before a mark: it is the first word of its sentence
	gap    int    // after a mark: bytes of white space between the mark and the word
	end    int    // after a mark: offset of the word's end
	next   byte   // after a mark: the byte that follows the word, or 0
}

type wordKind int

const (
	nothing wordKind = iota // the line ends
	upper
	lower
	mixed // a name that begins in lower case: mRNA, p53, α-actin
	digit
	symbol
)

// wordBefore is the word before the mark at i, within the sentence that begins at start.
func wordBefore(text string, start, i int) word {
	head := text[start:i]
	from := lastSpace(head)
	w := word{text: strings.TrimLeft(head[from:], "([{\"'“‘«*")}
	w.opened = len(w.text) < len(head)-from
	w.rest = strings.TrimRightFunc(head[:from], unicode.IsSpace)
	w.first = w.rest == ""
	return w
}

// previous is the word before w.
func (w *word) previous() string { return w.rest[lastSpace(w.rest):] }

// lastSpace is the offset after the last white space of s, or 0.
func lastSpace(s string) int {
	i := strings.LastIndexFunc(s[max(0, len(s)-maxWord):], unicode.IsSpace)
	if i < 0 {
		return max(0, len(s)-maxWord)
	}
	i += max(0, len(s)-maxWord)
	_, n := utf8.DecodeRuneInString(s[i:])
	return i + n
}

// maxWord is the distance in bytes within which the start of a word is searched.
const maxWord = 80

// wordAfter is the word that follows offset i on the same line.
func wordAfter(text string, i int) word {
	from := i
	for from < len(text) && text[from] != '\n' {
		r, n := utf8.DecodeRuneInString(text[from:])
		if !unicode.IsSpace(r) {
			break
		}
		from += n
	}
	gap := from - i
	bullet := false
	for from < len(text) && text[from] != '\n' {
		r, n := utf8.DecodeRuneInString(text[from:])
		if !strings.ContainsRune("([{\"'“‘«*†‡§•▪●■", r) && !(bullet && unicode.IsSpace(r)) {
			break
		}
		bullet = bullet || strings.ContainsRune("•▪●■", r)
		from += n
	}
	if from == len(text) || text[from] == '\n' {
		return word{gap: gap, end: from}
	}
	end := from
	for end < len(text) && end < from+maxWord && !isWordEnd(text[end]) {
		end++
	}
	w := word{text: text[from:end], gap: gap, end: end}
	w.kind = kindOf(w.text)
	if (w.kind == lower || w.kind == symbol) && isLabel(text[i+gap:]) {
		w.kind = upper
	}
	if end < len(text) {
		w.next = text[end]
	}
	return w
}

// isLabel reports whether s begins with a label of a legend's part or note: "(a)", "(b, b')", "(e-h)", "b-d:", "iv)",
// "c. Cells", "*", "(*)".
func isLabel(s string) bool {
	if s[0] != '(' {
		return strings.HasPrefix(s, "*") || strings.HasPrefix(s, "†") || strings.HasPrefix(s, "‡") || strings.HasPrefix(s, "§") || isBareLabel(s)
	}
	inside, _, found := strings.Cut(s[1:min(len(s), 12)], ")")
	return found && inside != "" && (strings.Trim(inside, "*†‡§#") == "" || namesParts(inside))
}

// isBareLabel reports whether s begins with a label without an opening bracket.
func isBareLabel(s string) bool {
	n := strings.IndexAny(s[:min(len(s), 10)], ":.) ")
	if n < 1 || s[n] == ' ' || !namesParts(s[:n]) {
		return false
	}
	rest := strings.TrimLeft(s[n+1:], " ")
	if len(rest) == len(s)-n-1 || rest == "" { // no space after it
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return s[n] != '.' || unicode.IsUpper(r) || unicode.IsDigit(r)
}

// namesParts reports whether s is a lower-case letter or small Roman number, or several joined by commas or
// hyphens.
func namesParts(s string) bool {
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(" ,-–'′", r) }) {
		if part[0] < 'a' || part[0] > 'z' || len(part) > 1 && strings.Trim(part, "iv") != "" {
			return false
		}
	}
	return true
}

func isWordEnd(c byte) bool { return c <= ' ' || strings.IndexByte(",;:()[]?!\"", c) >= 0 }

func kindOf(text string) wordKind {
	r, _ := utf8.DecodeRuneInString(text)
	switch {
	case isDigit(r):
		return digit
	case unicode.IsUpper(r) || unicode.IsTitle(r) || unicode.Is(unicode.Lo, r):
		return upper
	case !unicode.IsLetter(r):
		return symbol
	case r >= utf8.RuneSelf || isPrefixed(text) || strings.ContainsFunc(text, func(r rune) bool { return isDigit(r) || unicode.IsUpper(r) }):
		return mixed
	}
	return lower
}

// isPrefixed reports whether text is a name such as c-fos or mr-s, with one or two letters before a hyphen. Common
// prefixes of words do not count.
func isPrefixed(text string) bool {
	before, after, found := strings.Cut(text, "-")
	return found && after != "" && len(before) <= 2 && !strings.Contains(" re co de in on up by an no so ", " "+before+" ")
}

// isRoman reports whether w may be a Roman number that belongs to the word before it: "metaphase I", "Mfe
// I".
func (w word) isRoman() bool {
	p := strings.TrimLeft(w.previous(), "([")
	return (w.text == "I" || w.text == "V" || w.text == "X") && len(p) > 2 && !strings.Contains(" thank thanks and from with ", " "+p+" ") &&
		strings.IndexFunc(p, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

// isSign reports whether w begins with a sign that may begin a sentence, "+/+ mice", "% of all", rather than one that
// joins both sides.
func (w word) isSign() bool {
	r, _ := utf8.DecodeRuneInString(w.text)
	return strings.ContainsRune("+%?–-−~#", r) && w.next != ')'
}

// isInitial reports whether w is one Latin capital letter or two joined by a hyphen: "E", "J.-P".
func (w word) isInitial() bool {
	t := strings.ReplaceAll(w.text, ".-", "")
	r, n := utf8.DecodeRuneInString(t)
	return unicode.IsUpper(r) && unicode.Is(unicode.Latin, r) && (n == len(t) || len(t) == 2 && len(w.text) == 4)
}

// isDotted reports whether w is letters with full stops between them: "U.S", "i.p".
func (w word) isDotted() bool {
	if !strings.Contains(w.text, ".") {
		return false
	}
	for part := range strings.SplitSeq(w.text, ".") {
		r, n := utf8.DecodeRuneInString(part)
		if n != len(part) || !unicode.IsLetter(r) {
			return false
		}
	}
	return true
}

// endsName reports whether the single letter w belongs to the words before it ("vitamin C", "37 C", "kappa B", "panels
// A and B") and so is not the initial of a following name.
func (s *Splitter) endsName(w, after word) bool {
	_, n := utf8.DecodeRuneInString(w.text)
	if w.opened || n < len(w.text) || after.kind == digit && w.counts() {
		return false
	}
	previous := w.previous()
	p := strings.TrimLeft(previous, "([")
	if p == "and" || p == "or" || p == "to" || p == "&" {
		return s.listsLetter(strings.TrimRightFunc(strings.TrimSuffix(w.rest, previous), unicode.IsSpace))
	}
	lower := strings.ToLower(p)
	r, _ := utf8.DecodeLastRuneInString(p)
	return isDigit(r) || r == '°' || s.lettered[lower] || s.takesLetter(p, lower) && !s.namesSpecies(w, after) && !after.isDottedInitial()
}

// namesSpecies reports whether w is the genus in a name of Salmonella, "S. Typhi", or stands for Linnaeus after a
// species: "Alba vulgaris L."
func (s *Splitter) namesSpecies(w, after word) bool {
	if w.text == "L" {
		before := strings.TrimRightFunc(strings.TrimSuffix(w.rest, w.previous()), unicode.IsSpace)
		return isUpper(before[lastSpace(before):])
	}
	return w.text == "S" && s.serovars[strings.ToLower(after.text)]
}

// isDottedInitial reports whether w begins with one capital letter and a full stop, as people's names do.
func (w word) isDottedInitial() bool { return len(w.text) > 1 && isUpper(w.text) && w.text[1] == '.' }

// listsLetter reports whether text ends with a single capital letter that is not an initial either: "panels A" before
// "and B".
func (s *Splitter) listsLetter(text string) bool {
	text = strings.TrimSuffix(text, ",")
	last := text[lastSpace(text):]
	return len(last) == 1 && isUpper(last) && last != "I"
}

// isProfession reports whether p looks like a profession: immunologist, statisticians, but not agonist.
func isProfession(p string) bool {
	return hasSuffix(p, "ist", "ists", "cian", "cians", "rian", "rians") && !strings.Contains(p, "agonist")
}

func hasSuffix(s string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(s, suffix) })
}

// takesLetter reports whether a single capital letter after the word p belongs to it: p is a common noun, an acronym,
// or a name with a Greek letter.
func (s *Splitter) takesLetter(p, lower string) bool {
	capitals, letters := 0, 0
	for _, r := range p {
		switch {
		case unicode.IsUpper(r):
			capitals++
			letters++
		case unicode.IsLetter(r):
			letters++
		case !isDigit(r) && !strings.ContainsRune("-‐–'′", r):
			return false
		}
	}
	switch {
	case letters < len(p) && strings.ContainsFunc(p, func(r rune) bool { return unicode.Is(unicode.Greek, r) }):
		return true
	case capitals == 0:
		return letters >= 3 && !s.letterless[lower] && !hasSuffix(p, "ed", "ly", "ing") && !isProfession(p)
	}
	return capitals >= 2 && !strings.Contains(" PhD MD MSc BSc DVM DPhil MPH MBA MBBS MRCP FRCP RN ", " "+p+" ")
}

// enumerates reports whether w is the number of a list item: "1", "2.3", "iv", "B".
func (w word) enumerates() bool {
	t := strings.Trim(w.text, ".")
	return len(t) <= 6 && t != "" && (strings.Trim(t, "0123456789.") == "" || strings.Trim(t, "ivxIVX") == "" || len(t) == 1)
}

// takesReference reports whether a number directly after the full stop after w is a reference, rather than decimals
// or a part of a name. A number in brackets cannot be decimals.
func (w word) takesReference(bracketed bool) bool {
	if bracketed && w.text != "" {
		return w.kind == nothing
	}
	r, n := utf8.DecodeLastRuneInString(w.text)
	if !unicode.IsLetter(r) && !strings.ContainsRune(")]%”\"", r) {
		return false
	}
	return len(w.text) > n+1 && w.kind == nothing && !strings.Contains(numbered, " "+strings.ToLower(w.text)+" ")
}

// counts reports whether w may stand for "number" or "page" before a number: "N. 15".
func (w word) counts() bool { return w.text == "N" || w.text == "P" }

// isListed reports whether w looks like an entry of a list of abbreviations: "hf, head fold".
func (w word) isListed() bool { return w.next == ',' && len(w.text) <= 4 }

// isAcronym reports whether w has capitals after its first letter: "MS." is not "Ms.", and "mRS." is not
// "Mrs."
func (w word) isAcronym() bool {
	return len(w.text) > 1 && !strings.Contains(w.text, ".") && strings.ContainsFunc(w.text[1:], unicode.IsUpper)
}

// isYear reports whether w is a year, as after "et al."
func (w word) isYear() bool {
	return len(w.text) >= 4 && strings.Trim(w.text[:4], "0123456789") == ""
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isUpper(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsUpper(r)
}

func isPlainLower(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}
