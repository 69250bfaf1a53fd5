package torchbin

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// legacyProtocol is the version of the plain form that torch wrote from 0.3 on.
const legacyProtocol = 1001

// magic is the beginning of the plain form: protocol 2, then an integer of ten bytes that torch chose, then
// the end.
func magic() []byte {
	return []byte{opProto, 2, opLong1, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, opStop}
}

// plain is the plain form: five pickles (magic, version, system, object, keys of storages), then each storage as its
// number of elements in eight bytes and the elements.
type plain struct {
	r  io.ReaderAt
	at map[string]stretch
}

// stretch is the range of a storage's bytes in the file.
type stretch struct{ offset, size int64 }

// readLegacy opens the plain form.
func readLegacy(r io.ReaderAt, size int64) (any, storages, error) {
	head := make([]byte, min(size, maxPickle))
	if err := readFull(r, head, 0); err != nil {
		return nil, nil, err
	}
	if !bytes.HasPrefix(head, magic()) {
		return nil, nil, errors.New("a pickle that torch.save did not write: refused")
	}
	pickles, offset, err := readPickles(head, len(magic()))
	if err != nil {
		return nil, nil, err
	}
	version, system, object, keys := pickles[0], pickles[1], pickles[2], pickles[3]
	if version.value != any(int64(legacyProtocol)) {
		return nil, nil, fmt.Errorf("legacy format version %v, want %d", version.value, legacyProtocol)
	}
	if err := checkSystem(system.value); err != nil {
		return nil, nil, err
	}
	p := &plain{r: r, at: make(map[string]stretch)}
	return object.value, p, p.locate(keys.value, object.storages, int64(offset), size)
}

// readPickles reads the four pickles that follow the magic number, and returns the offset of their end.
func readPickles(head []byte, offset int) (all [4]pickle, end int, err error) {
	for i := range all {
		if all[i], err = unpickle(head[offset:]); err != nil {
			return all, offset, fmt.Errorf("after byte %d: %w", offset, err)
		}
		offset += all[i].length
	}
	return all, offset, nil
}

// checkSystem requires that numbers are little endian.
func checkSystem(v any) error {
	d, ok := v.(*dict)
	if !ok {
		return fmt.Errorf("the system description is %s, want a dictionary", describe(v))
	}
	for _, item := range d.items {
		if item.key == any("little_endian") && item.value != any(true) {
			return errors.New("big-endian numbers, want little-endian")
		}
	}
	return nil
}

// locate walks over the storages in the order of keys.
func (p *plain) locate(keys any, known map[string]*storage, offset, size int64) error {
	l, ok := keys.(*list)
	if !ok {
		return fmt.Errorf("the storage keys are %s, want a list", describe(keys))
	}
	for _, k := range l.values {
		key, ok := k.(string)
		if !ok {
			return fmt.Errorf("a storage key is %s, want a string", describe(k))
		}
		s := known[key]
		if s == nil {
			return fmt.Errorf("storage %q has no type", key)
		}
		var length [8]byte
		if offset > size-int64(len(length)) {
			return fmt.Errorf("storage %q begins at byte %d of %d: truncated", key, offset, size)
		}
		if err := readFull(p.r, length[:], offset); err != nil {
			return err
		}
		offset += int64(len(length))
		n := binary.LittleEndian.Uint64(length[:])
		if n > math.MaxInt64 || int64(n) != s.elements {
			return fmt.Errorf("storage %q has %d elements, want %d", key, n, s.elements)
		}
		if s.bytes() > size-offset {
			return fmt.Errorf("storage %q: %d bytes at %d in a file of %d: truncated", key, s.bytes(), offset, size)
		}
		p.at[key] = stretch{offset, s.bytes()}
		offset += s.bytes()
	}
	if offset != size {
		return fmt.Errorf("%d bytes follow the last storage", size-offset)
	}
	return nil
}

func (p *plain) section(key string, size int64) (*io.SectionReader, error) {
	at, ok := p.at[key]
	if !ok {
		return nil, fmt.Errorf("storage %q is not in the file", key)
	}
	if at.size != size {
		return nil, fmt.Errorf("storage %q has %d bytes, want %d", key, at.size, size)
	}
	return io.NewSectionReader(p.r, at.offset, at.size), nil
}

// verify does nothing: the plain form has no checksums.
func (p *plain) verify(string) error { return nil }
