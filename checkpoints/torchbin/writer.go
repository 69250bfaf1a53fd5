package torchbin

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strconv"

	"github.com/subbert/subbert/checkpoints/host"
)

const (
	folder       = "archive/"
	alignment    = 64 // of each storage in the file, as torch has it, for mapping into memory
	localHeader  = 30 // bytes of a zip file's header before name and extra field
	extraHeader  = 4
	paddingField = 0x4246 // "FB", the extra field that torch pads with
)

// Write writes c in the zip form, like torch.save of an OrderedDict of contiguous tensors on the CPU, in the order
// of c. Equal contents give equal bytes. One tensor at a time is held in memory.
func Write(w io.Writer, c host.Container) error {
	z := &zipWriter{}
	z.counted.w = w
	z.zip = zip.NewWriter(&z.counted)
	infos := c.Tensors()
	text, err := encodePickle(infos)
	if err != nil {
		return err
	}
	for _, f := range []struct{ name, content string }{
		{"data.pkl", string(text)}, {"byteorder", "little"}, {"version", "3\n"},
	} {
		if err := z.add(f.name, []byte(f.content)); err != nil {
			return err
		}
	}
	var buffer []byte
	for i, info := range infos {
		if n := info.Bytes(); cap(buffer) < n {
			buffer = make([]byte, n)
		}
		data := buffer[:info.Bytes()]
		if err := c.Read(info.Name, data); err != nil {
			return err
		}
		if err := z.add("data/"+strconv.Itoa(i), data); err != nil {
			return fmt.Errorf("tensor %q: %w", info.Name, err)
		}
	}
	return z.zip.Close()
}

// zipWriter writes files uncompressed, each at a multiple of alignment.
type zipWriter struct {
	counted counter
	zip     *zip.Writer
}

// counter counts the bytes written to a file.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (z *zipWriter) add(name string, data []byte) error {
	if int64(len(data)) >= math.MaxUint32 {
		return fmt.Errorf("%d bytes, want less than 4 GiB", len(data))
	}
	if err := z.zip.Flush(); err != nil { // so that the count is exact
		return err
	}
	name = folder + name
	begin := z.counted.n + int64(localHeader+len(name)+extraHeader)
	padding := int((alignment - begin%alignment) % alignment)
	extra := binary.LittleEndian.AppendUint16(nil, paddingField)
	extra = binary.LittleEndian.AppendUint16(extra, uint16(padding))
	f, err := z.zip.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(data), Extra: append(extra, make([]byte, padding)...),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
	})
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return err
}

// encodePickle encodes an OrderedDict of tensors; the key of each tensor's storage is its number.
func encodePickle(infos []host.Info) ([]byte, error) {
	p := &pickler{}
	p.WriteString("\x80\x02")
	p.global("collections", "OrderedDict")
	p.WriteString(")R(")
	for i, info := range infos {
		if err := info.Check(); err != nil {
			return nil, err
		}
		p.text(info.Name)
		p.tensor(info, strconv.Itoa(i))
	}
	p.WriteString("u.")
	if p.Len() > maxPickle {
		return nil, fmt.Errorf("%d tensors are too many", len(infos))
	}
	return p.Bytes(), nil
}

// pickler writes pickle opcodes.
type pickler struct{ bytes.Buffer }

func (p *pickler) tensor(info host.Info, key string) {
	class := map[host.DType]string{
		host.F32: "Float", host.F64: "Double", host.F16: "Half", host.BF16: "BFloat16", host.I64: "Long", host.I32: "Int",
		host.I16: "Short", host.I8: "Char", host.U8: "Byte", host.Bool: "Bool",
	}[info.DType]
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.WriteString("((") // arguments; the storage's id
	p.text("storage")
	p.global("torch", class+"Storage")
	p.text(key)
	p.text("cpu")
	p.integer(info.Elements())
	p.WriteString("tQ")
	p.integer(0) // offset
	p.integers(info.Shape)
	p.integers(strides(info.Shape))
	p.WriteByte(opNewFalse) // requires_grad
	p.global("collections", "OrderedDict")
	p.WriteString(")RtR") // no hooks
}

// strides returns torch's strides of row-major order: an axis without elements counts as one.
func strides(shape []int) []int {
	out := make([]int, len(shape))
	next := 1
	for i := len(shape) - 1; i >= 0; i-- {
		out[i] = next
		next *= max(shape[i], 1)
	}
	return out
}

func (p *pickler) global(module, name string) {
	p.WriteByte(opGlobal)
	p.WriteString(module + "\n" + name + "\n")
}

func (p *pickler) text(s string) {
	p.WriteByte(opBinUnicode)
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	p.WriteString(s)
}

func (p *pickler) integers(values []int) {
	p.WriteByte(opMark)
	for _, v := range values {
		p.integer(v)
	}
	p.WriteByte(opTuple)
}

// integer writes a number from 0.
func (p *pickler) integer(v int) {
	if v <= math.MaxInt32 {
		p.WriteByte(opBinInt)
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(v)))
		return
	}
	p.WriteString(string([]byte{opLong1, 8}))
	p.Write(binary.LittleEndian.AppendUint64(nil, uint64(v)))
}
