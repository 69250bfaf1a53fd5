// Package marked encodes sentences with two marked mentions as rows of token ids for a model, [CLS] pieces [SEP].
//
// S is the number of positions of a row. A sentence that is too long is cut at its end or around the mentions; Cut counts
// the losses.
package marked

import (
	"fmt"
	"slices"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
)

// Ways to truncate a sentence that has more word pieces than a row can hold.
const (
	TruncateTail           = "tail"            // keep the beginning: the paper
	TruncateAroundMentions = "around_mentions" // keep both mentions and as much around them as fits
)

// Row is an encoded sentence. Spans are half-open and count positions of IDs.
type Row struct {
	ID       string
	IDs      []int32 // [CLS], pieces, [SEP]
	Mentions [2]wordpiece.Span
	Spans    []text.Span // spans of the text, by position; nil unless Encoder.Spans is set; zero for [CLS] and [SEP]
	Label    int32       // index into the labels; -1 without a label
}

// Cut counts the sentences that were cut and those that lost mentions.
type Cut struct {
	Sentences int `json:"sentences"`
	Shortened int `json:"shortened"`
	LostOne   int `json:"lost_one"` // sentences that lost one of the two mentions
	LostBoth  int `json:"lost_both"`
}

// String returns c as one line of text.
func (c Cut) String() string {
	return fmt.Sprintf("%d of %d sentences are longer than a row and are truncated; %d of them lose a mention, %d lose both", c.Shortened, c.Sentences, c.LostOne+c.LostBoth, c.LostBoth)
}

// Plus returns the sum of c and o.
func (c Cut) Plus(o Cut) Cut {
	return Cut{c.Sentences + o.Sentences, c.Shortened + o.Shortened, c.LostOne + o.LostOne, c.LostBoth + o.LostBoth}
}

// Encoder turns marked sentences into rows of at most Length positions.
type Encoder struct {
	Tokenizer *wordpiece.Tokenizer
	Special   wordpiece.Special
	Length    int    // S
	Truncate  string // TruncateTail or TruncateAroundMentions
	Labels    []string
	Spans     bool // fill in Row.Spans
}

// Encode encodes examples in order and counts what did not fit. An empty label becomes -1. If examples have labels that
// Labels lacks, Encode returns an error that lists all of them.
func (e *Encoder) Encode(examples []relations.Example) ([]Row, Cut, error) {
	cut := Cut{Sentences: len(examples)}
	encoded := make([]Row, len(examples))
	var unknown []string
	for i, x := range examples {
		label := slices.Index(e.Labels, x.Label)
		if label < 0 && x.Label != "" && !slices.Contains(unknown, x.Label) {
			unknown = append(unknown, x.Label)
		}
		encoded[i] = e.encode(x, &cut)
		encoded[i].Label = int32(label)
	}
	if len(unknown) > 0 {
		return nil, cut, fmt.Errorf("unknown labels %q, want some of %q", unknown, e.Labels)
	}
	return encoded, cut, nil
}

func (e *Encoder) encode(x relations.Example, cut *Cut) Row {
	pieces, mentions := e.pieces(x)
	kept := []wordpiece.Span{{Start: 0, End: len(pieces)}}
	if room := e.Length - 2; len(pieces) > room {
		cut.Shortened++
		kept = []wordpiece.Span{{Start: 0, End: room}}
		if e.Truncate == TruncateAroundMentions {
			kept = e.wholeWords(pieces, mentions, around(mentions, len(pieces), room))
		}
	}
	row := Row{ID: x.ID, IDs: []int32{e.Special.CLS}, Spans: []text.Span{{}}}
	for _, k := range kept {
		for i, m := range mentions {
			if m.Start < m.End && k.Start <= m.Start && m.End <= k.End {
				shift := len(row.IDs) - k.Start
				row.Mentions[i] = wordpiece.Span{Start: m.Start + shift, End: m.End + shift}
			}
		}
		for _, p := range pieces[k.Start:k.End] {
			row.IDs, row.Spans = append(row.IDs, p.ID), append(row.Spans, p.Span)
		}
	}
	row.IDs, row.Spans = append(row.IDs, e.Special.SEP), append(row.Spans, text.Span{})
	if !e.Spans {
		row.Spans = nil
	}
	cut.count(mentions, row.Mentions)
	return row
}

// count counts the mentions that the cut removed or shortened.
func (c *Cut) count(before, after [2]wordpiece.Span) {
	lost := 0
	for i := range before {
		if before[i].End > before[i].Start && after[i].End == after[i].Start {
			lost++
		}
	}
	switch lost {
	case 1:
		c.LostOne++
	case 2:
		c.LostBoth++
	}
}

// covering returns the range of pieces that overlap the bytes of s.
func covering(pieces []wordpiece.Piece, s text.Span) wordpiece.Span {
	var found wordpiece.Span
	for i, p := range pieces {
		if p.Span.Start < s.End && s.Start < p.Span.End {
			if found.End == 0 {
				found.Start = i
			}
			found.End = i + 1
		}
	}
	return found
}

// around chooses room of n pieces that include both mentions: one window with equal context on both sides or, if the
// mentions are too far apart, a window of half the room around each. A mention that is longer than its window is cut.
func around(mentions [2]wordpiece.Span, n, room int) []wordpiece.Span {
	first, second := mentions[0], mentions[1]
	if second.Start < first.Start {
		first, second = second, first
	}
	if first.End == 0 { // at least one mention has no piece
		first = second
	}
	if hull := (wordpiece.Span{Start: first.Start, End: max(first.End, second.End)}); hull.End-hull.Start <= room {
		return []wordpiece.Span{window(hull, n, room)}
	}
	left := window(first, second.Start, room/2)
	right := window(second, n, room-(left.End-left.Start))
	if right.Start < left.End { // the windows meet: join them
		return []wordpiece.Span{window(wordpiece.Span{Start: left.Start, End: right.End}, n, room)}
	}
	return []wordpiece.Span{left, right}
}

// window widens s to room pieces within [0, n), by the same amount on both sides if possible.
func window(s wordpiece.Span, n, room int) wordpiece.Span {
	start := max(0, s.Start-(room-(s.End-s.Start))/2)
	end := min(n, start+room)
	return wordpiece.Span{Start: max(0, end-room), End: end}
}

// wholeWords removes partial words at the ends of windows, because the end of a word, alone or after another word, would
// read as a word that is not in the text. It keeps mentions.
func (e *Encoder) wholeWords(pieces []wordpiece.Piece, mentions [2]wordpiece.Span, windows []wordpiece.Span) []wordpiece.Span {
	inside := func(i int) bool { // piece i continues a word
		return 0 < i && i < len(pieces) && e.Tokenizer.Vocabulary().Continues(pieces[i].ID)
	}
	mentioned := func(i int) bool {
		return slices.ContainsFunc(mentions[:], func(m wordpiece.Span) bool { return m.Start <= i && i < m.End })
	}
	var out []wordpiece.Span
	for k, w := range windows {
		follows := k > 0 && windows[k-1].End == w.Start
		for !follows && w.Start < w.End && inside(w.Start) && !mentioned(w.Start) {
			w.Start++
		}
		leads := k+1 < len(windows) && windows[k+1].Start == w.End
		for !leads && w.Start < w.End && inside(w.End) && !mentioned(w.End-1) {
			w.End--
		}
		out = append(out, w)
	}
	return out
}
