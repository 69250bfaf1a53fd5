package tfckpt

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/internal/wire"
)

// entry is the index's description of a tensor (BundleEntryProto).
type entry struct {
	info   host.Info
	shard  int
	offset int64
	size   int64
	crc    uint32 // masked
	skip   string // why it is not a tensor of numbers
}

// dtypes maps TensorFlow's DataType to ours.
func dtypes() map[uint64]host.DType {
	return map[uint64]host.DType{
		1: host.F32, 2: host.F64, 3: host.I32, 4: host.U8, 5: host.I16, 6: host.I8, 9: host.I64, 10: host.Bool, 14: host.BF16, 19: host.F16,
	}
}

// parseHeader reads BundleHeaderProto: 1 number of shards, 2 byte order (0 little), 3 version.
func parseHeader(message []byte) (shards int, err error) {
	err = wire.Fields(message, func(number protowire.Number, v uint64, _ []byte) error {
		switch number {
		case 1:
			shards, err = fits(v)
			return err
		case 2:
			if v != 0 {
				return errors.New("big-endian numbers, want little-endian")
			}
		}
		return nil
	})
	return shards, err
}

// parseEntry reads BundleEntryProto: 1 type, 2 shape, 3 shard, 4 offset, 5 size, 6 checksum, 7 slices.
func parseEntry(message []byte) (entry, error) {
	var e entry
	err := wire.Fields(message, func(number protowire.Number, v uint64, b []byte) error {
		var err error
		switch number {
		case 1:
			var known bool
			if e.info.DType, known = dtypes()[v]; !known {
				e.skip = fmt.Sprintf("unsupported TensorFlow type %d", v)
				if v == 7 {
					e.skip = "text"
				}
			}
		case 2:
			e.info.Shape, err = parseShape(b)
		case 3:
			e.shard, err = fits(v)
		case 4:
			e.offset, err = int64(v), nil
		case 5:
			e.size = int64(v)
		case 6:
			e.crc = uint32(v)
		case 7:
			e.skip = "stored in slices"
		}
		return err
	})
	return e, err
}

// parseShape reads TensorShapeProto: 2 axes, each with 1 its size.
func parseShape(message []byte) ([]int, error) {
	shape := []int{}
	err := wire.Fields(message, func(number protowire.Number, _ uint64, axis []byte) error {
		if number != 2 {
			return nil
		}
		if len(shape) == host.MaxRank {
			return fmt.Errorf("more than %d axes", host.MaxRank)
		}
		size := 0
		err := wire.Fields(axis, func(number protowire.Number, v uint64, _ []byte) (err error) {
			if number == 1 {
				size, err = fits(v)
			}
			return err
		})
		shape = append(shape, size)
		return err
	})
	return shape, err
}

// encodeHeader is the inverse of parseHeader for one shard.
func encodeHeader() []byte {
	b := protowire.AppendTag(nil, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, 1)
	version := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1) // producer 1
	return protowire.AppendBytes(protowire.AppendTag(b, 3, protowire.BytesType), version)
}

// encodeEntry is the inverse of parseEntry.
func encodeEntry(e entry) []byte {
	var shape []byte
	for _, d := range e.info.Shape {
		axis := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(d))
		shape = protowire.AppendBytes(protowire.AppendTag(shape, 2, protowire.BytesType), axis)
	}
	var b []byte
	for code, dtype := range dtypes() {
		if dtype == e.info.DType {
			b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), code)
		}
	}
	b = protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), shape)
	b = protowire.AppendVarint(protowire.AppendTag(b, 4, protowire.VarintType), uint64(e.offset))
	b = protowire.AppendVarint(protowire.AppendTag(b, 5, protowire.VarintType), uint64(e.size))
	return protowire.AppendFixed32(protowire.AppendTag(b, 6, protowire.Fixed32Type), e.crc)
}
