package tfckpt

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/subbert/subbert/checkpoints/host"
)

const (
	blockSize       = 4096 // bytes of a block before the next begins
	restartInterval = 16   // entries between keys that are spelled out
)

// Write writes c as the checkpoint of that plain name: name.data-00000-of-00001, name.index, and the file "checkpoint"
// by which TensorFlow finds the latest. Equal contents give equal bytes. One tensor at a time is held in memory.
func Write(w host.FileWriter, name string, c host.Container) error {
	infos := slices.SortedFunc(slices.Values(c.Tensors()), func(a, b host.Info) int { return cmp.Compare(a.Name, b.Name) })
	t := &tableWriter{}
	t.add("", encodeHeader())
	err := create(w, shardName(name, 0, 1), func(f io.Writer) error { return writeData(f, c, infos, t) })
	if err != nil {
		return err
	}
	index := t.finish()
	if err := create(w, name+".index", func(f io.Writer) error { _, err := f.Write(index); return err }); err != nil {
		return err
	}
	return create(w, "checkpoint", func(f io.Writer) error {
		_, err := fmt.Fprintf(f, "model_checkpoint_path: %q\nall_model_checkpoint_paths: %q\n", name, name)
		return err
	})
}

func create(w host.FileWriter, name string, write func(io.Writer) error) error {
	f, err := w.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// writeData writes the tensors one after another, and their entries.
func writeData(w io.Writer, c host.Container, infos []host.Info, t *tableWriter) error {
	var offset int64
	var buffer []byte
	for _, info := range infos {
		if err := info.Check(); err != nil {
			return err
		}
		if info.Name == "" || info.Name[0] == 0 || len(info.Name) > maxKey {
			return fmt.Errorf("tensor %q: not a valid name in a checkpoint", info.Name)
		}
		if n := info.Bytes(); cap(buffer) < n {
			buffer = make([]byte, n)
		}
		data := buffer[:info.Bytes()]
		if err := c.Read(info.Name, data); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return fmt.Errorf("tensor %q: %w", info.Name, err)
		}
		t.add(info.Name, encodeEntry(entry{info: info, offset: offset, size: int64(len(data)), crc: maskedCRC(data)}))
		offset += int64(len(data))
	}
	return nil
}

// tableWriter writes a table of ascending keys.
type tableWriter struct {
	out   bytes.Buffer
	block blockWriter
	index blockWriter
}

func (t *tableWriter) add(key string, value []byte) {
	t.block.add(key, value, restartInterval)
	if t.block.Len() >= blockSize {
		t.endBlock()
	}
}

func (t *tableWriter) endBlock() {
	if t.block.count > 0 {
		last := t.block.last
		t.index.add(last, t.seal(&t.block), 1)
	}
}

// seal appends a block with its trailer and returns its handle.
func (t *tableWriter) seal(b *blockWriter) []byte {
	content := append(b.finish(), plainBlock)
	h := binary.AppendUvarint(nil, uint64(t.out.Len()))
	h = binary.AppendUvarint(h, uint64(len(content)-1))
	t.out.Write(binary.LittleEndian.AppendUint32(content, maskedCRC(content)))
	return h
}

func (t *tableWriter) finish() []byte {
	t.endBlock()
	footer := append(t.seal(&blockWriter{}), t.seal(&t.index)...)
	footer = append(footer, make([]byte, footerSize-8-len(footer))...)
	t.out.Write(binary.LittleEndian.AppendUint64(footer, tableMagic))
	return t.out.Bytes()
}

// blockWriter makes one block.
type blockWriter struct {
	bytes.Buffer
	last     string
	count    int
	restarts []uint32
}

func (b *blockWriter) add(key string, value []byte, interval int) {
	shared := 0
	if b.count%interval == 0 {
		b.restarts = append(b.restarts, uint32(b.Len()))
	} else {
		for shared < min(len(key), len(b.last)) && key[shared] == b.last[shared] {
			shared++
		}
	}
	var head []byte
	for _, n := range []int{shared, len(key) - shared, len(value)} {
		head = binary.AppendUvarint(head, uint64(n))
	}
	b.Write(head)
	b.WriteString(key[shared:])
	b.Write(value)
	b.last = key
	b.count++
}

// finish returns the block and begins another.
func (b *blockWriter) finish() []byte {
	if len(b.restarts) == 0 {
		b.restarts = []uint32{0} // a block without entries has one too
	}
	content := bytes.Clone(b.Bytes())
	for _, r := range b.restarts {
		content = binary.LittleEndian.AppendUint32(content, r)
	}
	content = binary.LittleEndian.AppendUint32(content, uint32(len(b.restarts)))
	b.Reset()
	b.last, b.count, b.restarts = "", 0, nil
	return content
}
