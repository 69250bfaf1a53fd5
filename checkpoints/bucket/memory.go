package bucket

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a Store in memory. The zero value is empty and ready to use.
type Memory struct {
	mu      sync.Mutex
	objects map[string]kept
	written int64 // the last generation given
}

type kept struct {
	Object
	data []byte
}

func (m *Memory) String() string { return "memory:" }

// Read implements Store.
func (m *Memory) Read(ctx context.Context, name string) (io.ReadCloser, Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.objects[name]
	if !ok {
		return nil, Object{}, absent(m, name)
	}
	return io.NopCloser(bytes.NewReader(k.data)), k.Object, ctx.Err()
}

// ReadRange implements Store.
func (m *Memory) ReadRange(ctx context.Context, name string, p []byte, off int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.objects[name]
	if !ok {
		return absent(m, name)
	}
	if off < 0 || off+int64(len(p)) > k.Size {
		return fmt.Errorf("%s/%s: bytes %d-%d of %d: %w", m, name, off, off+int64(len(p)), k.Size, io.ErrUnexpectedEOF)
	}
	copy(p, k.data[off:])
	return ctx.Err()
}

// Write implements Store.
func (m *Memory) Write(ctx context.Context, name string, r io.Reader, when Condition) (Object, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Object{}, err
	}
	if err := ctx.Err(); err != nil {
		return Object{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.objects[name]
	if when.Absent && ok || when.Generation != 0 && when.Generation != old.Generation {
		return Object{}, fmt.Errorf("%s/%s: %w", m, name, ErrChanged)
	}
	if m.objects == nil {
		m.objects = make(map[string]kept)
	}
	m.written++
	o := Object{Name: name, Size: int64(len(data)), Generation: m.written, CRC32C: crc32.Checksum(data, castagnoli()), Updated: time.Now()}
	m.objects[name] = kept{o, data}
	return o, nil
}

// List implements Store.
func (m *Memory) List(ctx context.Context, prefix string) ([]Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Object
	for name, k := range m.objects {
		if strings.HasPrefix(name, prefix) {
			found = append(found, k.Object)
		}
	}
	slices.SortFunc(found, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return found, ctx.Err()
}

// Delete implements Store.
func (m *Memory) Delete(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, name)
	return ctx.Err()
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }
