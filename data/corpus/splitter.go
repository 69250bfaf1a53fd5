package corpus

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/neurosnap/sentences"
	"github.com/neurosnap/sentences/data"

	"github.com/subbert/subbert/data/text"
)

// Splitter finds the sentences of biomedical English.
//
// It examines each full stop, question mark and exclamation mark: the word before it (an abbreviation, an initial,
// the number of a list item), the text after it (the case of the next word, a reference number), and whether a
// bracket is open. If an abbreviation may or may not end the sentence, Punkt's statistics (Kiss and Strunk 2006, as
// trained for English in neurosnap/sentences) tell words that begin sentences from names. A single capital may be an
// initial, "J. Smith", or the end of a name, "cyclin D". The end of a line ends a sentence, unless the line ends with
// an abbreviation and the sentence goes on in the next line.
//
// A Splitter is immutable and may be used by many goroutines at once.
type Splitter struct {
	abbreviations map[string]abbreviation // lower-case, without the last full stop
	openers       map[string]bool         // lower-case words that, capitalised, begin sentences
	common        map[string]bool         // and words that, capitalised, are not names
	lettered      map[string]bool         // words to which a single capital after them belongs
	letterless    map[string]bool         // lower-case words to which it does not belong
	headings      map[string]bool         // lower-case
	serovars      map[string]bool         // lower-case
}

// splitterName changes whenever a boundary may change.
const splitterName = "biomedical-3"

// NewSplitter prepares a splitter; it takes some 20 ms. Only the trained statistics, which are embedded in the
// program, can cause an error.
func NewSplitter() (*Splitter, error) {
	asset, err := data.Asset("data/english.json")
	if err != nil {
		return nil, fmt.Errorf("sentence splitter: %w", err)
	}
	punkt, err := sentences.LoadTraining(asset)
	if err != nil {
		return nil, fmt.Errorf("sentence splitter: %w", err)
	}
	s := &Splitter{abbreviations: abbreviations(), openers: setOf(openers), common: make(map[string]bool), lettered: setOf(lettered),
		letterless: setOf(letterless), headings: setOf(headings), serovars: setOf(serovars)}
	for word := range punkt.AbbrevTypes {
		if _, known := s.abbreviations[word]; !known && len(word) > 1 && word != "mg" {
			s.abbreviations[word] = sometimes
		}
	}
	for word, seen := range punkt.OrthoContext {
		if seen&seenLower != 0 && seen&seenUpperInside == 0 {
			s.common[word] = true
		}
	}
	for word := range punkt.SentStarters {
		s.openers[word] = true
	}
	return s, nil
}

// setOf is the set of the words of a list.
func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// The bits of Punkt's orthographic statistics of a word.
const (
	seenUpperInside = 1 << 2 // capitalised in the middle of a sentence: a name
	seenLower       = 1<<4 | 1<<5 | 1<<6
)

// Name identifies the splitter and its version, for records of shards.
func (s *Splitter) Name() string { return splitterName }

// Split returns the sentences of lines of text in order, without the white space around them. None is empty.
func (s *Splitter) Split(lines string) []text.Span { return s.Append(nil, lines) }

// Append appends the sentences of lines of text to dst.
func (s *Splitter) Append(dst []text.Span, lines string) []text.Span {
	var at sentence
	for i := 0; i < len(lines); i++ {
		switch lines[i] {
		case '\n':
			if s.goesOn(lines[:i], at.start, wordAfter(lines, i+1)) {
				continue
			}
			dst = appendTrimmed(dst, lines, at.start, i)
			at = sentence{start: i + 1}
		case '(', '[':
			at.wrapped = at.wrapped || strings.TrimSpace(lines[at.start:min(i, at.start+4)]) == "" && i-at.start <= 4
			at.depth++
		case ')', ']':
			at.depth = max(0, at.depth-1)
			at.wrapped = at.wrapped && at.depth > 0
		case '.', '?', '!':
			if end := s.end(lines, at, i); end > 0 {
				dst = appendTrimmed(dst, lines, at.start, end)
				at, i = sentence{start: end}, end-1
			}
		}
	}
	return appendTrimmed(dst, lines, at.start, len(lines))
}

// sentence is the state of the sentence that is being read.
type sentence struct {
	start   int
	depth   int  // of open brackets
	wrapped bool // it began with a bracket that is still open
}

// Unfinished reports whether a line, with or without its line end, ends with an abbreviation, so that its last sentence
// may go on in the next line.
func (s *Splitter) Unfinished(line string) bool {
	start := max(0, len(line)-2*maxWord)
	start += strings.LastIndexByte(strings.TrimRightFunc(line[start:], unicode.IsSpace), '\n') + 1
	return s.goesOn(line, start, word{kind: lower}) || s.goesOn(line, start, word{kind: digit})
}

// goesOn reports whether the sentence of a line that ends with an abbreviation goes on in the next line, which begins
// with after. start is the offset of the sentence.
func (s *Splitter) goesOn(line string, start int, after word) bool {
	line = strings.TrimRightFunc(line, unicode.IsSpace)
	i := len(line) - 1
	if i < start || line[i] != '.' || after.kind == nothing {
		return false
	}
	before := wordBefore(line, start, i)
	if before.first {
		return false // a cell of a table, or a label
	}
	switch kind := s.abbreviation(before); {
	case kind == always:
		return true
	case kind == beforeNumbers:
		return after.kind == digit
	case strings.EqualFold(before.text, "al"):
		return kind != no && (after.kind == digit || after.kind == lower)
	case kind == initial || kind == sometimes && !before.isDotted():
		return after.kind == lower && !s.stops(before, after)
	}
	return false
}

func appendTrimmed(dst []text.Span, lines string, start, end int) []text.Span {
	t := strings.TrimLeftFunc(lines[start:end], unicode.IsSpace)
	start = end - len(t)
	t = strings.TrimRightFunc(t, unicode.IsSpace)
	if t == "" {
		return dst
	}
	return append(dst, text.Span{Start: start, End: start + len(t)})
}

// end returns the end of the sentence if the mark at i ends it, else 0. A sentence includes the closing
// quotes, brackets and reference numbers after its mark.
func (s *Splitter) end(text string, at sentence, i int) int {
	end := afterClosers(text, i+1)
	after := wordAfter(text, end)
	before := wordBefore(text, at.start, i)
	if after.gap == 0 {
		n := referenceLen(text, end)
		if n == 0 || !before.takesReference(text[end] == '[') {
			return s.glued(text, i, end, before, after)
		}
		end += n
		after = wordAfter(text, end)
	}
	if after.kind == nothing || enclosed(text, at, i) {
		return 0
	}
	if text[i] != '.' {
		if after.kind == lower || after.kind == symbol {
			return 0
		}
		return end
	}
	if !s.stops(before, after) {
		return 0
	}
	return end + trailingReferenceLen(text, end)
}

// stops decides for a full stop followed by a space.
func (s *Splitter) stops(before, after word) bool {
	if after.kind == lower && after.isListed() {
		return s.abbreviation(before) == no
	}
	if after.kind == symbol {
		return after.isSign() && len(before.text) > 2 && s.abbreviation(before) == no
	}
	if after.kind == lower || after.isYear() && after.next == ';' { // "Proc Soc. 2000; 60: 7052"
		return false
	}
	if before.first && before.enumerates() {
		return false
	}
	switch s.abbreviation(before) {
	case always:
		return false
	case beforeNumbers:
		return after.kind != digit && !strings.ContainsAny(after.text, "0123456789")
	case sometimes:
		return after.kind == upper && (s.opens(after) || !before.isDotted() && s.common[strings.ToLower(after.text)])
	case seldom:
		return after.kind == upper && !after.isYear()
	case initial:
		return after.kind == upper && (s.opens(after) || before.isRoman() && s.common[strings.ToLower(after.text)]) || s.endsName(before, after)
	}
	return true
}

// abbreviation is the kind of abbreviation of the word before a full stop.
func (s *Splitter) abbreviation(w word) abbreviation {
	kind, known := s.abbreviations[strings.ToLower(w.text)]
	known = known && !w.isAcronym()
	switch {
	case w.isInitial():
		return initial
	case known && kind == seldom && isUpper(w.text) && w.isDotted():
		return sometimes
	case known && kind == etAl && w.previous() != "et":
		return no
	case known && kind == etAl:
		return seldom
	case known && (kind != capitalised || isUpper(w.text)):
		if kind == capitalised {
			return sometimes
		}
		return kind
	case w.isDotted():
		return sometimes
	}
	return no
}

// opens reports whether a capitalised word is one that begins sentences.
func (s *Splitter) opens(w word) bool { return s.openers[strings.ToLower(w.text)] }

// glued decides for a mark without a space after it: "cells.The mice", "fell.RESULTS: It rose", which results from
// converting markup to text. The words on both sides must be plain, so that addresses, formulas and gene names stay
// whole; a heading may also follow.
func (s *Splitter) glued(text string, i, end int, before, after word) int {
	if text[i] != '.' || after.kind != upper || s.abbreviation(before) != no {
		return 0
	}
	whole := len(before.text) >= 3 && isPlainLower(before.text) || endsWhole(text[:i])
	if !whole && !endsWord(before.text) {
		return 0
	}
	known, labelled := s.heading(text[end:], after)
	end = i + 1 + len(text[i+1:end]) - len(strings.TrimLeft(text[i+1:end], ".?!)]}")) // a quote may open the next sentence
	if whole && labelled || known && !before.isDotted() {
		return end
	}
	if !whole || !known && (!s.opens(after) || !isPlainLower(after.text[1:])) {
		return 0
	}
	if next := after.end; next >= len(text) || text[next] != ' ' {
		return 0
	}
	return end
}

// heading reports whether text, which begins with the word w, begins with a known heading of an abstract's section, in
// capitals or with a colon, and whether it begins with any words that a colon follows.
func (s *Splitter) heading(text string, w word) (known, labelled bool) {
	const longest = 60
	colon := strings.IndexByte(text[:min(len(text), longest)], ':')
	if label := text[:max(0, colon)]; len(label) > 1 && !strings.ContainsAny(text[colon+1:min(len(text), colon+2)], "/0123456789") {
		labelled = strings.TrimFunc(label, func(r rune) bool { return unicode.IsLetter(r) || strings.ContainsRune(" -/&,", r) }) == "" &&
			(isCapitals(label) || isPlainLower(w.text[1:]) && !strings.Contains(label, ","))
	}
	capitals := len(w.text) >= 4 && isCapitals(w.text)
	return s.headings[strings.ToLower(w.text)] && (capitals || labelled) || labelled && capitals, labelled
}

// isCapitals reports whether all letters of s are capitals.
func isCapitals(s string) bool { return strings.ToUpper(s) == s }

// endsWord reports whether s ends with a letter, a digit or a sign of measure, and has more than one
// character.
func endsWord(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return len(s) > n && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("%°±", r))
}

// endsWhole reports whether s ends with a closing bracket, as no address or file name does.
func endsWhole(s string) bool { return strings.HasSuffix(s, ")") || strings.HasSuffix(s, "]") }

// enclosed reports whether the mark at i is within brackets that were opened inside the sentence and are closed on
// the same line.
func enclosed(text string, at sentence, i int) bool {
	if at.depth == 0 || at.wrapped || i+1 < len(text) && (text[i+1] == ')' || text[i+1] == ']') {
		return false
	}
	open := at.depth
	for _, c := range []byte(text[i:min(len(text), i+maxEnclosed)]) {
		switch c {
		case '\n':
			return false
		case '(', '[':
			open++
		case ')', ']':
			open--
		}
		if open < at.depth {
			return true
		}
	}
	return false
}

// maxEnclosed is the distance in bytes within which a closing bracket is searched.
const maxEnclosed = 400

// afterClosers skips a limited number of further marks, closing quotes and brackets from i on.
func afterClosers(text string, i int) int {
	for limit := min(len(text), i+16); i < limit; {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !strings.ContainsRune(`.?!)]}"'”’»`, r) {
			return i
		}
		i += n
	}
	return i
}

// referenceLen is the length of a reference number printed right behind a full stop: "model.39 Consistent",
// "model.3,4–6 The", "model.1, 2 The", "model.[12] The".
func referenceLen(text string, i int) int {
	n := i
	for n < len(text) {
		r, w := utf8.DecodeRuneInString(text[n:])
		listed := r == ' ' && n > i && text[n-1] == ',' && n+1 < len(text) && isDigit(rune(text[n+1]))
		if !isDigit(r) && !listed && !strings.ContainsRune(",-–—[]()", r) {
			break
		}
		n += w
	}
	if n == i || n-i > 40 || !strings.ContainsAny(text[i:n], "0123456789") {
		return 0
	}
	if next := wordAfter(text, n); next.kind != nothing && (next.gap == 0 || next.kind != upper) {
		return 0
	}
	return n - i
}

// trailingReferenceLen is the length of a bracketed reference after a full stop and a space: "activity. [12] The".
func trailingReferenceLen(text string, i int) int {
	rest := strings.TrimLeft(text[i:], " ")
	if len(rest) < 3 || rest[0] != '[' {
		return 0
	}
	inside, after, found := strings.Cut(rest[1:min(len(rest), 40)], "]")
	if !found || inside == "" || strings.Trim(inside, "0123456789,-– ") != "" {
		return 0
	}
	if after != "" && after[0] != ' ' && after[0] != '\n' {
		return 0
	}
	return len(text[i:]) - len(rest) + len(inside) + 2
}
