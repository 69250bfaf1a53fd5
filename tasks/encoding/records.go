package encoding

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/models/bert"
)

// Record is one text as the encoder sees it, without padding. The slices have the same length.
type Record struct {
	ID            string
	InputIDs      []int32
	TokenTypeIDs  []int32
	AttentionMask []int32 // 1 for positions that may be attended to
}

// Records holds the records of an input in order.
type Records struct {
	All     []Record
	Longest int      // length of the longest record in positions
	Cut     []Cut    // texts that were cut to the limit
	Unknown []string // unknown keys, sorted
}

// Cut reports a record with texts that were cut because they had too many word pieces.
type Cut struct {
	ID           string
	Pieces, Kept int // without [CLS] and [SEP]
}

func (c Cut) String() string {
	return fmt.Sprintf("%q: %d of %d word pieces kept", c.ID, c.Kept, c.Pieces)
}

// Limits holds the bounds for records.
type Limits struct {
	Positions int // including [CLS] and [SEP]; longer texts are cut, longer ids are an error
	Vocab     int
	Types     int
}

// LimitsOf returns the limits of a model for records of at most positions positions; 0 means the model's maximum.
func LimitsOf(c bert.Config, positions int) (Limits, error) {
	if positions == 0 {
		positions = c.MaxPositionEmbeddings
	}
	if positions < 3 || positions > c.MaxPositionEmbeddings {
		return Limits{}, fmt.Errorf("%d positions, want at least 3 and at most the model's %d (max_position_embeddings)", positions, c.MaxPositionEmbeddings)
	}
	return Limits{Positions: positions, Vocab: c.VocabSize, Types: c.TypeVocabSize}, nil
}

// line is a record in JSON.
type line struct {
	ID            json.RawMessage `json:"id"`
	Text          *string         `json:"text"`
	TextB         *string         `json:"text_b"`
	InputIDs      []int32         `json:"input_ids"`
	TokenTypeIDs  []int32         `json:"token_type_ids"`
	AttentionMask []int32         `json:"attention_mask"`
}

// known lists the keys of line.
var known = []string{"id", "text", "text_b", "input_ids", "token_type_ids", "attention_mask"}

// Read reads JSON lines. A line has "id" and either "text" and optionally "text_b", which become
// [CLS] text [SEP] text_b [SEP], or "input_ids" and optionally "token_type_ids" and "attention_mask", which stay
// unchanged. Errors name the line.
func Read(r io.Reader, name string, t *wordpiece.Tokenizer, limits Limits) (*Records, error) {
	lines := text.NewLines(r)
	read := &reader{tokenizer: t, limits: limits, seen: make(map[string]int), unknown: make(map[string]bool)}
	for {
		line, err := lines.Next()
		if err == io.EOF {
			break
		}
		if broken, ok := errors.AsType[*text.LineError](err); ok {
			err = broken.Err
		}
		if err == nil && len(bytes.TrimSpace(line)) > 0 {
			err = read.line(line, lines.Number())
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, lines.Number(), err)
		}
	}
	if len(read.records.All) == 0 {
		return nil, fmt.Errorf("%s: no records", name)
	}
	read.records.Unknown = slices.Sorted(maps.Keys(read.unknown))
	return &read.records, nil
}

type reader struct {
	tokenizer *wordpiece.Tokenizer
	limits    Limits
	records   Records
	seen      map[string]int // line of each id
	unknown   map[string]bool
}

func (r *reader) line(text []byte, n int) error {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return err
	}
	for key := range keys {
		if !slices.Contains(known, key) {
			r.unknown[key] = true
		}
	}
	id, err := idOf(l.ID)
	if err != nil {
		return err
	}
	if before, twice := r.seen[id]; twice {
		return fmt.Errorf("id %q already appears in line %d", id, before)
	}
	r.seen[id] = n
	record, err := r.record(id, l)
	if err != nil {
		return fmt.Errorf("id %q: %w", id, err)
	}
	record.ID = id
	r.records.All = append(r.records.All, record)
	r.records.Longest = max(r.records.Longest, len(record.InputIDs))
	return nil
}

// idOf returns an id that is a JSON string or number, a number as written.
func idOf(raw json.RawMessage) (string, error) {
	var id string
	var number json.Number
	switch {
	case len(raw) > 0 && raw[0] == '"':
		if err := json.Unmarshal(raw, &id); err != nil {
			return "", err
		}
	case len(raw) > 0 && json.Unmarshal(raw, &number) == nil:
		id = number.String()
	}
	if id == "" {
		return "", errors.New(`no "id", want a string or a number`)
	}
	return id, nil
}

func (r *reader) record(id string, l line) (Record, error) {
	switch {
	case l.Text != nil && l.InputIDs != nil:
		return Record{}, errors.New(`both "text" and "input_ids"`)
	case l.Text != nil && l.TokenTypeIDs == nil && l.AttentionMask == nil:
		return r.frame(id, l), nil
	case l.InputIDs != nil && l.TextB == nil:
		return r.given(l)
	case l.Text == nil && l.InputIDs == nil:
		return Record{}, errors.New(`no "text" and no "input_ids"`)
	}
	return Record{}, errors.New(`want "text" and optionally "text_b", or "input_ids" and optionally "token_type_ids" and "attention_mask"`)
}

// frame tokenizes the texts and adds [CLS] and [SEP]. If they are too long, it removes word pieces from the end, of two
// texts from the longer one, piece by piece, as in Google's code.
func (r *reader) frame(id string, l line) Record {
	special := r.tokenizer.Vocabulary().Special()
	a, b, room := r.tokenizer.Append(nil, *l.Text), []int32(nil), r.limits.Positions-2
	if l.TextB != nil {
		b, room = r.tokenizer.Append(nil, *l.TextB), room-1
	}
	if n := len(a) + len(b); n > room {
		r.records.Cut = append(r.records.Cut, Cut{ID: id, Pieces: n, Kept: room})
	}
	for len(a)+len(b) > room {
		if len(a) > len(b) {
			a = a[:len(a)-1]
		} else {
			b = b[:len(b)-1]
		}
	}
	ids := slices.Concat([]int32{special.CLS}, a, []int32{special.SEP})
	types := make([]int32, len(ids))
	if l.TextB != nil {
		ids = append(append(ids, b...), special.SEP)
		types = append(types, slices.Repeat([]int32{1}, len(b)+1)...)
	}
	return Record{InputIDs: ids, TokenTypeIDs: types, AttentionMask: slices.Repeat([]int32{1}, len(ids))}
}

// given returns the record of a line with input_ids.
func (r *reader) given(l line) (Record, error) {
	n := len(l.InputIDs)
	record := Record{InputIDs: l.InputIDs, TokenTypeIDs: l.TokenTypeIDs, AttentionMask: l.AttentionMask}
	if record.TokenTypeIDs == nil {
		record.TokenTypeIDs = make([]int32, n)
	}
	if record.AttentionMask == nil {
		record.AttentionMask = slices.Repeat([]int32{1}, n)
	}
	if n == 0 || n > r.limits.Positions {
		return record, fmt.Errorf("%d input_ids, want 1 to %d", n, r.limits.Positions)
	}
	for _, list := range []struct {
		name   string
		values []int32
		bound  int
	}{{"input_ids", record.InputIDs, r.limits.Vocab}, {"token_type_ids", record.TokenTypeIDs, r.limits.Types}, {"attention_mask", record.AttentionMask, 2}} {
		if len(list.values) != n {
			return record, fmt.Errorf("%d %s for %d input_ids", len(list.values), list.name, n)
		}
		if i := slices.IndexFunc(list.values, func(v int32) bool { return v < 0 || int(v) >= list.bound }); i >= 0 {
			return record, fmt.Errorf("%s[%d] is %d, want 0 to %d", list.name, i, list.values[i], list.bound-1)
		}
	}
	return record, nil
}
