package probing

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/tasks/activations"
	"github.com/subbert/subbert/trainer"
)

// Row is an example as a probe sees it.
type Row struct {
	ID        string
	IDs       []int32  // [CLS], pieces, [SEP]
	Positions []int32  // the P positions that the probe reads; -1 reads nothing
	Lengths   [2]int32 // number of real positions of each mention; for other inputs, of all in the first
}

// Rows returns the positions of examples that probes of input read, in rows of length positions. Each mention gets width
// places or, if width is 0, the length of the longest. A longer mention is cut at its end.
func Rows(input string, examples []marked.Row, length, width int) []Row {
	if width == 0 {
		width = MentionWidth(examples)
	}
	rows := make([]Row, len(examples))
	for i, e := range examples {
		r := Row{ID: e.ID, IDs: e.IDs}
		switch input {
		case heads.ProbeCLS:
			r.Positions, r.Lengths[0] = []int32{0}, 1
		case heads.ProbeAll:
			for p := range int32(length) {
				r.Positions = append(r.Positions, p)
			}
			r.Lengths[0] = int32(len(e.IDs))
		default:
			r.Positions = slices.Repeat([]int32{-1}, 2*width)
			for m, span := range e.Mentions {
				n := min(width, span.End-span.Start)
				r.Lengths[m] = int32(n)
				for k := range n {
					r.Positions[m*width+k] = int32(span.Start + k)
				}
			}
		}
		rows[i] = r
	}
	return rows
}

// MentionWidth returns the length of the longest mention in positions, at least 1.
func MentionWidth(examples []marked.Row) int {
	width := 1
	for _, e := range examples {
		for _, m := range e.Mentions {
			width = max(width, m.End-m.Start)
		}
	}
	return width
}

// FrozenEncoder runs a frozen encoder and returns the states that probes read.
type FrozenEncoder struct {
	store   *model.Store
	forward *trainer.Forward
	config  bert.Config
	options bert.Options
	length  int // S
	rows    int // rows of one forward pass
	places  int // P
	all     bool
}

// NewFrozenEncoder prepares to run the encoder in store over rows of length positions, in batches of the given number of
// rows. like is an example row: all rows have the same number of positions.
func NewFrozenEncoder(backend compute.Backend, store *model.Store, c bert.Config, o bert.Options, input string, like Row, length, rows int) (*FrozenEncoder, error) {
	f := &FrozenEncoder{store: store, config: c, options: o, length: length, rows: rows, places: len(like.Positions), all: input == heads.ProbeAll}
	build := func(s *model.Scope, in []*graph.Node) []*graph.Node {
		encoded := bert.Encode(s, c, bert.Input{InputIDs: in[0], Lengths: in[1]}, o)
		if f.all {
			return []*graph.Node{heads.ProbeActivations(encoded.Hidden, nil)}
		}
		return []*graph.Node{heads.ProbeActivations(encoded.Hidden, in[2])}
	}
	inputs := 3
	if f.all {
		inputs = 2
	}
	var err error
	f.forward, err = trainer.NewForward(backend, store, 1, "encode", inputs, build)
	return f, err
}

// Encode returns the activations [L+1,P,H] of rows, one after the other. There may be at most as many rows as in a batch
// of the encoder.
func (f *FrozenEncoder) Encode(rows []Row) ([]float32, error) {
	if len(rows) > f.rows {
		return nil, fmt.Errorf("cannot encode %d rows at once, want at most %d", len(rows), f.rows)
	}
	ids, lengths := make([]int32, f.rows*f.length), slices.Repeat([]int32{1}, f.rows)
	positions := slices.Repeat([]int32{-1}, f.rows*f.places)
	for i, r := range rows {
		copy(ids[i*f.length:(i+1)*f.length], r.IDs)
		lengths[i] = int32(len(r.IDs))
		copy(positions[i*f.places:], r.Positions)
	}
	in := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(ids, f.rows, f.length), tensors.FromFlatDataAndDimensions(lengths, f.rows)}
	if !f.all {
		in = append(in, tensors.FromFlatDataAndDimensions(positions, f.rows, f.places))
	}
	out, err := f.forward.Call(in)
	if err != nil {
		return nil, err
	}
	values, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		return nil, err
	}
	return values[:len(rows)*f.rowLen()], nil
}

func (f *FrozenEncoder) rowLen() int {
	return (f.config.NumHiddenLayers + 1) * f.places * f.config.HiddenSize
}

// Hash returns a hash of the names, shapes and values of the encoder's parameters and of the settings of its computation.
// It does not depend on the container of the parameters.
func (f *FrozenEncoder) Hash() (string, error) {
	h := sha256.New()
	params := slices.SortedFunc(f.store.IterVariables(), func(a, b *model.Variable) int { return strings.Compare(a.Path(), b.Path()) })
	for _, p := range params {
		value, err := p.Value()
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", p.Path(), err)
		}
		flat, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", p.Path(), err)
		}
		fmt.Fprintf(h, "%s %v\n", p.Path(), p.Shape().Dimensions)
		if err := binary.Write(h, binary.LittleEndian, flat); err != nil {
			return "", err
		}
	}
	fmt.Fprintf(h, "%d heads, %s, %g, %s\n", f.config.NumAttentionHeads, f.config.HiddenAct, f.config.LayerNormEps, f.options.DType())
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Header returns the header of the activations of rows from the encoder with the given hash.
func (f *FrozenEncoder) Header(hash, kind string, rows []Row) activations.Header {
	h := sha256.New()
	fmt.Fprintln(h, f.length, f.all)
	for _, r := range rows {
		fmt.Fprintln(h, r.IDs, r.Positions)
	}
	return activations.Header{
		Model: hash, Data: hex.EncodeToString(h.Sum(nil)), Type: kind,
		Examples: len(rows), Layers: f.config.NumHiddenLayers + 1, Positions: f.places, Hidden: f.config.HiddenSize,
	}
}

// Keep opens the activations of rows in dir. If they do not exist, it encodes rows first and calls progress after each
// batch; an error of progress stops it.
func (f *FrozenEncoder) Keep(dir string, h activations.Header, rows []Row, progress func(done int) error) (*activations.Cache, error) {
	cache, err := activations.Open(dir, h)
	if !errors.Is(err, activations.ErrNone) {
		return cache, err
	}
	w, err := activations.Create(dir, h)
	if err != nil {
		return nil, err
	}
	done := 0
	for part := range slices.Chunk(rows, f.rows) {
		values, err := f.Encode(part)
		for row := range slices.Chunk(values, f.rowLen()) {
			err = errors.Join(err, w.Append(row))
		}
		done += len(part)
		if err = errors.Join(err, progress(done)); err != nil {
			return nil, errors.Join(err, w.Abort())
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return activations.Open(dir, h)
}

// Live returns activations of rows that are encoded again on every read.
func (f *FrozenEncoder) Live(rows []Row) Activations { return &live{encoder: f, rows: rows} }

type live struct {
	mu      sync.Mutex // the encoder is not safe for concurrent use
	encoder *FrozenEncoder
	rows    []Row
}

func (l *live) ReadRows(rows []int, dst []float32) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for part := range slices.Chunk(rows, l.encoder.rows) {
		chosen := make([]Row, len(part))
		for k, i := range part {
			chosen[k] = l.rows[i]
		}
		values, err := l.encoder.Encode(chosen)
		if err != nil {
			return err
		}
		dst = dst[copy(dst, values):]
	}
	return nil
}
