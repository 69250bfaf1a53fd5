package encoding

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/data/wordpiece"
)

// Output is a container of the outputs of an encoder for records.
type Output struct {
	ctx     context.Context
	encoder *Encoder
	records []Record // in the order of their tensors' names
	done    func(n int)
	infos   []checkpoints.Info
	where   map[string]place

	batch int // the batch of results; -1: none
	// results holds the encoder's outputs for the batch, [B,...] each, in the order of its kinds.
	results []*tensors.Tensor
	encoded int // number of records computed so far
}

// place is the source of a tensor.
type place struct {
	record int
	kind   int // index into the encoder's kinds; if negative, one of the inputs
	info   checkpoints.Info
}

// Kinds of the inputs.
const (
	inputIDs     = -1
	tokenTypeIDs = -2
)

func newOutput(ctx context.Context, e *Encoder, records []Record, done func(n int)) *Output {
	o := &Output{ctx: ctx, encoder: e, records: slices.Clone(records), done: done, where: make(map[string]place), batch: -1}
	slices.SortFunc(o.records, func(a, b Record) int { return cmp.Compare(a.ID+"/", b.ID+"/") })
	for i, r := range o.records {
		o.add(i, inputIDs, checkpoints.Info{Name: r.ID + "/input_ids", DType: checkpoints.I32, Shape: []int{e.length}})
		o.add(i, tokenTypeIDs, checkpoints.Info{Name: r.ID + "/token_type_ids", DType: checkpoints.I32, Shape: []int{e.length}})
		for k, kind := range e.kinds() {
			o.add(i, k, checkpoints.Info{Name: r.ID + "/" + kind.name, DType: checkpoints.F32, Shape: kind.shape})
		}
	}
	return o
}

func (o *Output) add(record, kind int, info checkpoints.Info) {
	o.infos = append(o.infos, info)
	o.where[info.Name] = place{record, kind, info}
}

// Tensors lists the tensors of the container.
func (o *Output) Tensors() []checkpoints.Info { return o.infos }

// Bytes returns the size of all tensors.
func (o *Output) Bytes() int64 {
	total := int64(0)
	for _, info := range o.infos {
		total += int64(info.Bytes())
	}
	return total
}

// Read computes the tensor called name.
func (o *Output) Read(name string, dst []byte) error {
	at, ok := o.where[name]
	if !ok {
		return fmt.Errorf("tensor %q: not found", name)
	}
	if err := host.CheckSize(at.info, dst); err != nil {
		return err
	}
	r := o.records[at.record]
	switch at.kind {
	case inputIDs:
		return putInts(dst, r.InputIDs, o.encoder.pad)
	case tokenTypeIDs:
		return putInts(dst, r.TokenTypeIDs, 0)
	}
	if err := o.compute(at.record / o.encoder.rows); err != nil {
		return err
	}
	row := at.record % o.encoder.rows
	return tensors.ConstFlatData(o.results[at.kind], func(all []float32) {
		n := len(dst) / 4
		copy(dst, host.Float32Bytes(all[row*n:(row+1)*n]))
	})
}

// putInts writes values and fills the remaining positions with pad.
func putInts(dst []byte, values []int32, pad int32) error {
	for i := range len(dst) / 4 {
		v := pad
		if i < len(values) {
			v = values[i]
		}
		binary.LittleEndian.PutUint32(dst[4*i:], uint32(v))
	}
	return nil
}

// compute computes the results of a batch, unless they are the current ones.
func (o *Output) compute(batch int) error {
	if batch == o.batch {
		return nil
	}
	if err := o.ctx.Err(); err != nil {
		return err
	}
	if err := o.free(); err != nil {
		return err
	}
	first := batch * o.encoder.rows
	records := o.records[first:min(len(o.records), first+o.encoder.rows)]
	results, err := o.encoder.encode(records)
	if err != nil {
		return err
	}
	o.batch, o.results = batch, results
	o.encoded += len(records)
	if o.done != nil {
		o.done(o.encoded)
	}
	return nil
}

// free frees the results, to make room for the next ones.
func (o *Output) free() error {
	for _, t := range o.results {
		if err := t.FinalizeAll(); err != nil {
			return err
		}
	}
	o.batch, o.results = -1, nil
	return nil
}

// Close frees the results of the last batch.
func (o *Output) Close() error { return o.free() }

// Pieces returns the word pieces of each record, without padding and separated by spaces, with the key ID/tokens.
func (o *Output) Pieces(v *wordpiece.Vocabulary) map[string]string {
	pieces := make(map[string]string, len(o.records))
	for _, r := range o.records {
		var text []byte
		for i, id := range r.InputIDs {
			if i > 0 {
				text = append(text, ' ')
			}
			text = append(text, v.Token(id)...)
		}
		pieces[r.ID+"/tokens"] = string(text)
	}
	return pieces
}
