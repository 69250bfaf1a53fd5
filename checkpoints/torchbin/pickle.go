package torchbin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Bounds of a pickle. BERT-large has some 400 tensors, 30 operations and 200 bytes each.
const (
	maxPickle     = 16 << 20 // bytes
	maxOperations = 1 << 19  // the entries of dictionaries that are copied count as one each
)

// The opcodes that dictionaries of tensors use; names as in Python's pickletools.
const (
	opMark            = '('
	opStop            = '.'
	opBinFloat        = 'G'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opNone            = 'N'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opBinString       = 'T'
	opShortBinString  = 'U'
	opBinUnicode      = 'X'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opAppends         = 'e'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opSetItems        = 'u'
	opEmptyList       = ']'
	opEmptyDict       = '}'
	opEmptyTuple      = ')'
	opProto           = 0x80
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opShortBinUnicode = 0x8c
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
)

// refused names the opcodes that exist but do not belong in a file of weights.
func refused(op byte) string {
	names := map[byte]string{
		'0': "POP", '1': "POP_MARK", '2': "DUP", 'F': "FLOAT", 'I': "INT", 'L': "LONG", 'P': "PERSID", 'S': "STRING",
		'V': "UNICODE", 'd': "DICT", 'g': "GET", 'i': "INST", 'l': "LIST", 'o': "OBJ", 'p': "PUT",
		'B': "BINBYTES", 'C': "SHORT_BINBYTES", 0x81: "NEWOBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x8b: "LONG4",
		0x8d: "BINUNICODE8", 0x8e: "BINBYTES8", 0x8f: "EMPTY_SET", 0x90: "ADDITEMS", 0x91: "FROZENSET", 0x92: "NEWOBJ_EX",
		0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
	}
	if name, ok := names[op]; ok {
		return name
	}
	return fmt.Sprintf("0x%02x", op)
}

// machine interprets one pickle.
type machine struct {
	in         []byte
	pos        int
	stack      []any
	marks      []int // depths of the stack
	memo       map[uint32]any
	storages   map[string]*storage
	operations int
}

// pickle is the value of a pickle.
type pickle struct {
	value    any
	storages map[string]*storage // all storages that it refers to, by key
	length   int                 // of its text, in bytes
}

// unpickle interprets the pickle at the start of in.
func unpickle(in []byte) (pickle, error) {
	m := &machine{in: in, memo: make(map[uint32]any), storages: make(map[string]*storage)}
	value, err := m.run()
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("ends early: truncated")
		}
		return pickle{}, fmt.Errorf("pickle: byte %d: %w", m.pos, err)
	}
	return pickle{value, m.storages, m.pos}, nil
}

func (m *machine) run() (any, error) {
	for {
		op, err := m.byte()
		if err != nil {
			return nil, err
		}
		if err := m.count(1); err != nil {
			return nil, err
		}
		if op == opStop {
			if len(m.marks) > 0 || len(m.stack) != 1 {
				return nil, fmt.Errorf("stops with %d values, want one", len(m.stack))
			}
			return m.stack[0], nil
		}
		if err := m.step(op); err != nil {
			return nil, err
		}
	}
}

// count counts n more operations against the limit.
func (m *machine) count(n int) error {
	if m.operations += n; m.operations > maxOperations {
		return fmt.Errorf("more than %d operations", maxOperations)
	}
	return nil
}

// step executes one operation.
func (m *machine) step(op byte) error {
	literal, known, err := m.literal(op)
	if known || err != nil {
		m.push(literal)
		return err
	}
	switch op {
	case opProto:
		return m.protocol()
	case opFrame:
		_, err := m.take(8) // a hint for buffering
		return err
	case opMark:
		m.marks = append(m.marks, len(m.stack))
		return nil
	case opBinPut, opLongBinPut, opMemoize:
		return m.remember(op)
	case opBinGet, opLongBinGet:
		return m.recall(op)
	}
	return m.build(op)
}

// literal reads the value of a literal opcode; known is false for other opcodes.
func (m *machine) literal(op byte) (value any, known bool, err error) {
	switch op {
	case opNone:
		return nil, true, nil
	case opNewTrue, opNewFalse:
		return op == opNewTrue, true, nil
	case opBinInt1, opBinInt2, opBinInt, opLong1:
		value, err = m.integer(op)
	case opBinFloat:
		var b []byte
		if b, err = m.take(8); err == nil {
			value = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
	case opBinUnicode, opBinString:
		value, err = m.text(4)
	case opShortBinUnicode, opShortBinString:
		value, err = m.text(1)
	case opEmptyTuple:
		return tuple{}, true, nil
	case opEmptyList:
		return &list{}, true, nil
	case opEmptyDict:
		return &dict{}, true, nil
	case opGlobal:
		value, err = m.global()
	default:
		return nil, false, nil
	}
	return value, true, err
}

func (m *machine) integer(op byte) (int64, error) {
	width := map[byte]int{opBinInt1: 1, opBinInt2: 2, opBinInt: 4}[op]
	if op == opLong1 {
		n, err := m.byte()
		if err != nil {
			return 0, err
		}
		width = int(n)
	}
	b, err := m.take(width)
	if err != nil {
		return 0, err
	}
	switch op {
	case opBinInt:
		return int64(int32(binary.LittleEndian.Uint32(b))), nil
	case opLong1:
		if width > 8 {
			return 0, fmt.Errorf("integer of %d bytes, want at most 8", width)
		}
		return twosComplement(b), nil
	}
	var v int64
	for i, x := range b {
		v |= int64(x) << (8 * i)
	}
	return v, nil
}

// twosComplement reads a little-endian integer of up to eight bytes, the highest bit of which is the sign.
func twosComplement(b []byte) int64 {
	var v uint64
	for i, x := range b {
		v |= uint64(x) << (8 * i)
	}
	if n := len(b); n > 0 && n < 8 && b[n-1]&0x80 != 0 {
		v |= math.MaxUint64 << (8 * n)
	}
	return int64(v)
}

// text reads a string after its length, which has width bytes.
func (m *machine) text(width int) (string, error) {
	b, err := m.take(width)
	if err != nil {
		return "", err
	}
	n := twosComplement(append(append([]byte(nil), b...), 0)) // lengths are unsigned
	if n > int64(len(m.in)-m.pos) {
		return "", io.ErrUnexpectedEOF
	}
	s, err := m.take(int(n))
	return string(s), err
}

func (m *machine) protocol() error {
	version, err := m.byte()
	if err == nil && (version < 2 || version > 5) {
		err = fmt.Errorf("protocol %d, want 2 to 5", version)
	}
	return err
}

// global reads the two lines that name an import.
func (m *machine) global() (any, error) {
	module, err := m.line()
	if err != nil {
		return nil, err
	}
	name, err := m.line()
	if err != nil {
		return nil, err
	}
	return importable(module + "." + name)
}

func (m *machine) line() (string, error) {
	text := string(m.in[m.pos:min(len(m.in), m.pos+200)])
	end := strings.IndexByte(text, '\n')
	if end < 0 {
		return "", errors.New("the name of an import does not end")
	}
	m.pos += end + 1
	return text[:end], nil
}

// remember stores the top of the stack under a number.
func (m *machine) remember(op byte) error {
	if len(m.stack) == 0 {
		return errStack
	}
	at := uint32(len(m.memo))
	if op != opMemoize {
		var err error
		if at, err = m.index(op == opLongBinPut); err != nil {
			return err
		}
	}
	m.memo[at] = m.stack[len(m.stack)-1]
	return nil
}

func (m *machine) recall(op byte) error {
	at, err := m.index(op == opLongBinGet)
	if err != nil {
		return err
	}
	value, ok := m.memo[at]
	if !ok {
		return fmt.Errorf("value %d is used before it is stored", at)
	}
	m.push(value)
	return nil
}

func (m *machine) index(long bool) (uint32, error) {
	width := 1
	if long {
		width = 4
	}
	b, err := m.take(width)
	if err != nil {
		return 0, err
	}
	return uint32(twosComplement(append(append([]byte(nil), b...), 0))), nil
}

func (m *machine) byte() (byte, error) {
	b, err := m.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (m *machine) take(n int) ([]byte, error) {
	if n > len(m.in)-m.pos {
		return nil, io.ErrUnexpectedEOF
	}
	b := m.in[m.pos : m.pos+n]
	m.pos += n
	return b, nil
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }
