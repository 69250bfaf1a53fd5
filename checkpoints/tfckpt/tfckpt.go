// Package tfckpt reads and writes TensorFlow's V2 checkpoints, which both TensorFlow 1 and 2 write: PREFIX.index, a
// sorted table of names (LevelDB's table format), and the tensors' bytes in PREFIX.data-00000-of-00001 and further shards.
//
// Formats: tensorflow/core/lib/io/table_format.txt and tensorflow/core/protobuf/tensor_bundle.proto. Every block of the
// table and every tensor carries a CRC-32C, which is checked whenever either is read.
//
// Names and layouts stay as TensorFlow has them; package checkpoints interprets them. Strings, such as the object
// graph of a TensorFlow 2 checkpoint, and variables stored in slices are listed as skipped.
//
// Sizes are bounded before anything is allocated: the index by maxIndex, names by the index's size, tensors, which do not
// overlap, by their shard's size.
package tfckpt

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/internal/regularfile"
)

const (
	maxIndex  = 16 << 20 // bytes; BERT-large with its optimizer takes 0.2 MB
	maxShards = 1024
)

// File is an open checkpoint. It is a host.Container.
type File struct {
	name    string
	infos   []host.Info // by name
	at      map[string]entry
	skipped []host.Skipped
	shards  []shard
}

// shard is one data file.
type shard struct {
	io.ReaderAt
	size   int64
	left   int64 // bytes that no tensor has claimed
	closer io.Closer
}

// Open opens the checkpoint whose files begin with prefix.
func Open(prefix string) (*File, error) {
	index, err := regularfile.Read(prefix+".index", maxIndex)
	if err != nil {
		return nil, err
	}
	f := &File{name: prefix}
	err = f.parse(index, func(i, of int) (shard, error) { return openShard(prefix, i, of) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s.index: %w", prefix, err), f.Close())
	}
	return f, nil
}

// New reads a checkpoint of one shard from memory. The name appears in errors.
func New(index []byte, data io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{name: name}
	err := f.parse(index, func(i, of int) (shard, error) {
		if i > 0 {
			return shard{}, fmt.Errorf("%d shards, want one", of)
		}
		return shard{ReaderAt: data, size: size}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func openShard(prefix string, i, of int) (shard, error) {
	f, size, err := regularfile.Open(shardName(prefix, i, of))
	if err != nil {
		return shard{}, err
	}
	return shard{ReaderAt: f, size: size, closer: f}, nil
}

func shardName(prefix string, i, of int) string {
	return fmt.Sprintf("%s.data-%05d-of-%05d", prefix, i, of)
}

// parse reads the table and opens the shards that it names.
func (f *File) parse(index []byte, open func(i, of int) (shard, error)) error {
	f.at = make(map[string]entry)
	head := true
	return readTable(index, func(key string, value []byte) error {
		if head {
			head = false
			return f.header(key, value, open)
		}
		if key[0] == 0 { // a slice of a variable; the whole variable has its own key
			return nil
		}
		e, err := parseEntry(value)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", key, err)
		}
		if e.skip != "" {
			f.skipped = append(f.skipped, host.Skipped{Name: key, Why: e.skip})
			return nil
		}
		return f.add(key, e)
	})
}

// header takes the first entry, whose key is empty.
func (f *File) header(key string, value []byte, open func(i, of int) (shard, error)) error {
	if key != "" {
		return fmt.Errorf("first key is %q, want the header's: not a checkpoint", key)
	}
	shards, err := parseHeader(value)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if shards < 1 || shards > maxShards {
		return fmt.Errorf("header: %d shards, want 1 to %d", shards, maxShards)
	}
	for i := range shards {
		s, err := open(i, shards)
		if err != nil {
			return err
		}
		s.left = s.size
		f.shards = append(f.shards, s)
	}
	return nil
}

func (f *File) add(name string, e entry) error {
	e.info.Name = name
	if err := e.info.Check(); err != nil {
		return err
	}
	if e.shard < 0 || e.shard >= len(f.shards) {
		return fmt.Errorf("tensor %q: shard %d, want less than %d", name, e.shard, len(f.shards))
	}
	if e.size != int64(e.info.Bytes()) {
		return fmt.Errorf("tensor %q: %d bytes, want %d for %v %v", name, e.size, e.info.Bytes(), e.info.DType, e.info.Shape)
	}
	if len(f.infos) == host.MaxTensors {
		return fmt.Errorf("more than %d tensors", host.MaxTensors)
	}
	if size := f.shards[e.shard].size; e.offset < 0 || e.size > size || e.offset > size-e.size {
		return fmt.Errorf("tensor %q: %d bytes at %d in a shard of %d: truncated", name, e.size, e.offset, size)
	}
	if s := &f.shards[e.shard]; e.size > s.left {
		return fmt.Errorf("tensor %q: the tensors of shard %d have more than its %d bytes, so they overlap", name, e.shard, s.size)
	} else {
		s.left -= e.size
	}
	f.at[name] = e
	f.infos = append(f.infos, e.info)
	return nil
}

// Tensors lists the tensors by name.
func (f *File) Tensors() []host.Info { return f.infos }

// Skipped lists the entries that are not tensors of numbers.
func (f *File) Skipped() []host.Skipped { return f.skipped }

// Read fills dst with a tensor's bytes and compares their checksum.
func (f *File) Read(name string, dst []byte) error {
	e, ok := f.at[name]
	if !ok {
		return fmt.Errorf("%s: tensor %q: not found", f.name, name)
	}
	if err := host.CheckSize(e.info, dst); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if n, err := f.shards[e.shard].ReadAt(dst, e.offset); n < len(dst) {
		return fmt.Errorf("%s: tensor %q: %w", f.name, name, err)
	}
	if got := maskedCRC(dst); got != e.crc {
		return fmt.Errorf("%s: tensor %q: checksum %08x, want %08x: damaged", f.name, name, got, e.crc)
	}
	return nil
}

// Close closes the shards.
func (f *File) Close() error {
	var errs []error
	for _, s := range f.shards {
		if s.closer != nil {
			errs = append(errs, s.closer.Close())
		}
	}
	return errors.Join(errs...)
}

// fits converts a number of the index to an int.
func fits(v uint64) (int, error) {
	if v > math.MaxInt {
		return 0, fmt.Errorf("number %d is too large", v)
	}
	return int(v), nil
}
