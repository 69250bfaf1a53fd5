// Package marked turns sentences with two marked mentions into rows of token ids that a model reads, [CLS] pieces [SEP].
//
// S is the number of positions of a row. A row that is too long is cut at its end or around the mentions; Cut counts what
// that loses.
package marked

import (
	"fmt"
	"slices"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
)

// Ways to shorten a sentence that has more pieces than a row has room for.
const (
	TruncateTail           = "tail"            // keep the beginning: the paper
	TruncateAroundMentions = "around_mentions" // keep both mentions and as much as fits around them
)

// Row is an encoded sentence. Spans are half-open and count positions of IDs.
type Row struct {
	ID       string
	IDs      []int32 // [CLS], pieces, [SEP]
	Mentions [2]wordpiece.Span
	Spans    []text.Span // of the text, by position; nil unless asked for, zero where there is none ([CLS], [SEP])
	Label    int32       // index into the labels; -1 where the file has none
}

// Cut says how many sentences were shortened and how many of those lost mentions.
type Cut struct {
	Sentences int `json:"sentences"`
	Shortened int `json:"shortened"`
	LostOne   int `json:"lost_one"` // of the two mentions
	LostBoth  int `json:"lost_both"`
}

// String is one line for a person.
func (c Cut) String() string {
	return fmt.Sprintf("%d of %d sentences are longer than a row; cutting them loses a mention in %d, both in %d of these", c.Shortened, c.Sentences, c.LostOne+c.LostBoth, c.LostBoth)
}

// Plus is c and o together.
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
	Spans     bool // note where in the text each piece is
}

// Encode encodes every example, in order, and says what did not fit. A label that Labels does not have is an error
// that lists all of those; an empty label is -1.
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

// count notes the mentions that were there before the cut and are not whole after it.
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

// covering is the range of pieces that touch the bytes of s.
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

// around chooses room of n pieces such that both mentions are among them: a window that holds both with equal context
// on either side or, where they are too far apart, half of the room around each. A mention that alone is longer than
// its share is cut.
func around(mentions [2]wordpiece.Span, n, room int) []wordpiece.Span {
	first, second := mentions[0], mentions[1]
	if second.Start < first.Start {
		first, second = second, first
	}
	if first.End == 0 { // one of them, or both, has no piece
		first = second
	}
	if hull := (wordpiece.Span{Start: first.Start, End: max(first.End, second.End)}); hull.End-hull.Start <= room {
		return []wordpiece.Span{window(hull, n, room)}
	}
	left := window(first, second.Start, room/2)
	right := window(second, n, room-(left.End-left.Start))
	if right.Start < left.End { // they meet: one window after all
		return []wordpiece.Span{window(wordpiece.Span{Start: left.Start, End: right.End}, n, room)}
	}
	return []wordpiece.Span{left, right}
}

// window widens s to room pieces within [0, n), evenly where it can.
func window(s wordpiece.Span, n, room int) wordpiece.Span {
	start := max(0, s.Start-(room-(s.End-s.Start))/2)
	end := min(n, start+room)
	return wordpiece.Span{Start: max(0, end-room), End: end}
}

// wholeWords takes the pieces of words that a window cuts off its ends, so that no word is read that is not in the text:
// the end of one alone, or joined to another. Mentions stay.
func (e *Encoder) wholeWords(pieces []wordpiece.Piece, mentions [2]wordpiece.Span, windows []wordpiece.Span) []wordpiece.Span {
	inside := func(i int) bool { // a word goes on from the piece before
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
