package tfckpt

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/subbert/subbert/checkpoints/host"
)

// table puts entries into a table, so that what its checksums cover can be wrong too.
func table(entries ...[2]string) []byte {
	t := &tableWriter{}
	for _, e := range entries {
		t.add(e[0], []byte(e[1]))
	}
	return t.finish()
}

// reseal corrects the checksum of the first block after a change inside it.
func reseal(data []byte, size int) []byte {
	binary.LittleEndian.PutUint32(data[size+1:], maskedCRC(data[:size+1]))
	return data
}

func value(e entry) string { return string(encodeEntry(e)) }

func message(number protowire.Number, v uint64) string {
	return string(protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), v))
}

func TestRefused(t *testing.T) {
	head := [2]string{"", string(encodeHeader())}
	vector := func(size, offset int64, shape ...int) string {
		return value(entry{info: host.Info{DType: host.F32, Shape: shape}, offset: offset, size: size})
	}
	for _, c := range []struct {
		name  string
		index []byte
		want  string
	}{
		{"no entries", table(), "no entries"},
		{"no header", table([2]string{"a", vector(8, 0, 2)}), "want the header's"},
		{"header that is no message", table([2]string{"", "\xff"}), "header"},
		{"no shards", table([2]string{"", message(1, 0)}), "0 shards"},
		{"many shards", table([2]string{"", message(1, 1<<40)}), "shards"},
		{"big-endian", table([2]string{"", message(1, 1) + message(2, 1)}), "big-endian"},
		{"size and shape", table(head, [2]string{"a", vector(8, 0, 3)}), "8 bytes, want 12"},
		{"beyond the shard", table(head, [2]string{"a", vector(8, 1, 2)}), "truncated"},
		{"negative offset", table(head, [2]string{"a", vector(8, -1, 2)}), "truncated"},
		{"no such shard", table(head, [2]string{"a", vector(8, 0, 2) + message(3, 1)}), "shard 1, want less than 1"},
		{"shape that overflows", table(head, [2]string{"a", vector(0, 0, 1<<40, 1<<40)}), "too large"},
		{"negative shape", table(head, [2]string{"a", vector(0, 0, -1)}), "too large"},
		{"many axes", table(head, [2]string{"a", vector(4, 0, make([]int, 40)...)}), "axes"},
		{"descending keys", table(head, [2]string{"b", vector(8, 0, 2)}, [2]string{"a", vector(8, 0, 2)}), "follows"},
		{"same key twice", table(head, [2]string{"a", vector(8, 0, 2)}, [2]string{"a", vector(8, 0, 2)}), "follows"},
		{"a name as long as a file", table(head, [2]string{strings.Repeat("a", 1025), vector(8, 0, 2)}), "names are too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.index, strings.NewReader("12345678"), 8, "file")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
		})
	}
}

// TestNameBomb has keys that share a thousand bytes with the one before, which a few bytes of index can claim.
func TestNameBomb(t *testing.T) {
	w := &tableWriter{}
	w.add("", encodeHeader())
	long := strings.Repeat("a", 1000)
	for i := range 5000 {
		name := fmt.Sprintf("%s%04d", long, i)
		w.block.add(name, encodeEntry(entry{info: host.Info{DType: host.U8, Shape: []int{0}}}), 1<<30) // one restart, one block
	}
	if _, err := New(w.finish(), strings.NewReader(""), 0, "file"); err == nil || !strings.Contains(err.Error(), "names are too long") {
		t.Errorf("error %v, want one about names", err)
	}
}

// TestBlocksTwice has an index that points to one block many times.
func TestBlocksTwice(t *testing.T) {
	w := &tableWriter{}
	w.add("", encodeHeader())
	h := w.seal(&w.block)
	w.index.add("", h, 1)
	w.index.add("a", h, 1)
	if _, err := New(w.finish(), strings.NewReader(""), 0, "file"); err == nil || !strings.Contains(err.Error(), "overlaps") {
		t.Errorf("error %v, want one about overlap", err)
	}
}

func TestSnappy(t *testing.T) {
	build := func(content []byte) []byte {
		w := &tableWriter{}
		packed := append(content, snappyBlock)
		h := binary.AppendUvarint(binary.AppendUvarint(nil, 0), uint64(len(packed)-1))
		w.out.Write(binary.LittleEndian.AppendUint32(packed, maskedCRC(packed)))
		w.index.add("z", h, 1)
		return w.finish()
	}
	b := &blockWriter{}
	b.add("", encodeHeader(), restartInterval)
	b.add("a", encodeEntry(entry{info: host.Info{DType: host.F32, Shape: []int{2}}, size: 8}), restartInterval)
	f, err := New(build(snappy.Encode(nil, b.finish())), strings.NewReader("12345678"), 8, "file")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Tensors()) != 1 {
		t.Errorf("%d tensors, want 1", len(f.Tensors()))
	}
	bomb := binary.AppendUvarint(nil, 1<<31)
	if _, err := New(build(append(bomb, 1, 2, 3)), strings.NewReader(""), 0, "file"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a block that claims 2 GiB: error %v", err)
	}
}

// FuzzTable fuzzes the table with its checksums corrected, so that what they cover is reached.
func FuzzTable(f *testing.F) {
	good := table([2]string{"", string(encodeHeader())}, [2]string{"a/b", value(entry{info: host.Info{DType: host.F32, Shape: []int{2}}, size: 8})},
		[2]string{"a/c", value(entry{info: host.Info{DType: host.I64, Shape: []int{}}, size: 8})})
	f.Add(good, 0)
	f.Add(good[:60], 20)
	f.Fuzz(func(t *testing.T, index []byte, size int) {
		if size >= 0 && size < len(index)-footerSize-trailerSize {
			index = reseal(append([]byte(nil), index...), size)
		}
		checkRead(t, index)
	})
}

// FuzzEntries fuzzes the content of the one block of a table that is whole otherwise.
func FuzzEntries(f *testing.F) {
	b := &blockWriter{}
	b.add("", encodeHeader(), restartInterval)
	b.add("a", encodeEntry(entry{info: host.Info{DType: host.F32, Shape: []int{2}}, size: 8}), restartInterval)
	f.Add(b.finish())
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, block []byte) {
		w := &tableWriter{}
		content := append(append([]byte(nil), block...), plainBlock)
		h := binary.AppendUvarint(binary.AppendUvarint(nil, 0), uint64(len(block)))
		w.out.Write(binary.LittleEndian.AppendUint32(content, maskedCRC(content)))
		w.index.add("z", h, 1)
		checkRead(t, w.finish())
	})
}

func checkRead(t *testing.T, index []byte) {
	const data = "0123456789abcdef"
	f, err := New(index, strings.NewReader(data), int64(len(data)), "file")
	if err != nil {
		return
	}
	for _, info := range f.Tensors() {
		if info.Bytes() > len(data) {
			t.Fatalf("%s has %d bytes in a shard of %d", info.Name, info.Bytes(), len(data))
		}
		if err := f.Read(info.Name, make([]byte, info.Bytes())); err != nil && !strings.Contains(err.Error(), "checksum") {
			t.Fatalf("a tensor that was accepted cannot be read: %v", err)
		}
	}
}
