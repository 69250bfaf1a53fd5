// Package bucket defines the object store in which a run can be kept, and builds on it: leases with fencing tokens,
// and trees of files.
//
// A [Store] is a flat set of named objects, each written whole or not at all, each with a generation that changes with
// every write. A write may demand a generation, so that several machines can agree through one object. Package gcs is
// the store of gs:// addresses; [Memory] is a store in memory. Names have "/" between their parts.
package bucket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Object is a store's description of an object.
type Object struct {
	Name       string
	Size       int64 // bytes
	Generation int64 // never 0; another one after every write
	CRC32C     uint32
	Updated    time.Time
}

// Store keeps objects. Its methods may be called from several goroutines. Callers test errors with errors.Is for
// fs.ErrNotExist, ErrChanged and ErrUnreachable. No method waits longer than 15 seconds for a store that cannot be
// reached, or longer than some minutes for a store that sends nothing.
type Store interface {
	// Read opens an object. Reading to the end fails if the contents differ from those that were written.
	Read(ctx context.Context, name string) (io.ReadCloser, Object, error)
	// ReadRange fills p with the object's bytes from off on; io.ErrUnexpectedEOF if it has fewer. Stores keep no
	// checksums of parts: callers must compare them.
	ReadRange(ctx context.Context, name string, p []byte, off int64) error
	// Write stores the content of r as the object of that name, provided that the condition when holds at that moment;
	// ErrChanged if it does not. After an error the object is unchanged or, if the answer of the store was lost,
	// complete.
	Write(ctx context.Context, name string, r io.Reader, when Condition) (Object, error)
	// List returns the objects whose names begin with prefix, by name.
	List(ctx context.Context, prefix string) ([]Object, error)
	// Delete removes an object; it is not an error if the object does not exist.
	Delete(ctx context.Context, name string) error
	// String is the store's address, such as gs://bucket/run.
	String() string
}

// ErrChanged says that a write's condition did not hold: another process wrote the object.
var ErrChanged = errors.New("changed by another process")

// ErrUnreachable says that there is no connection to the store. A later attempt may succeed.
var ErrUnreachable = errors.New("cannot reach the store")

// Condition is a requirement of a write on the object that it replaces. The zero value requires nothing.
type Condition struct {
	Absent     bool  // the object must not exist
	Generation int64 // the object must have this generation; 0: any
}

// MaxJSON bounds the objects that ReadJSON reads, in bytes.
const MaxJSON = 4 << 20

// ReadJSON decodes the object of that name into v and returns its generation.
func ReadJSON(ctx context.Context, s Store, name string, v any) (generation int64, err error) {
	data, object, err := readAll(ctx, s, name)
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return 0, fmt.Errorf("%s/%s: %w", s, name, err)
	}
	return object.Generation, nil
}

func readAll(ctx context.Context, s Store, name string) (data []byte, o Object, err error) {
	r, o, err := s.Read(ctx, name)
	if err != nil {
		return nil, o, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if o.Size > MaxJSON {
		return nil, o, fmt.Errorf("%s/%s: %d bytes, want at most %d", s, name, o.Size, MaxJSON)
	}
	data, err = io.ReadAll(r)
	return data, o, err
}

// WriteJSON writes v as the object of that name and returns its generation. If the store's answer to a successful
// write is lost, the repeated write fails its condition; WriteJSON recognises this by the object's content.
func WriteJSON(ctx context.Context, s Store, name string, v any, when Condition) (int64, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return 0, err
	}
	data = append(data, '\n')
	o, err := s.Write(ctx, name, bytes.NewReader(data), when)
	if errors.Is(err, ErrChanged) {
		if there, now, readErr := readAll(ctx, s, name); readErr == nil && bytes.Equal(there, data) {
			return now.Generation, nil
		}
	}
	return o.Generation, err
}

// DeleteAll removes every object whose name begins with prefix and for which doomed returns true; a nil doomed
// accepts all.
func DeleteAll(ctx context.Context, s Store, prefix string, doomed func(name string) bool) error {
	objects, err := s.List(ctx, prefix)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if doomed != nil && !doomed(o.Name) {
			continue
		}
		if err := s.Delete(ctx, o.Name); err != nil {
			return err
		}
	}
	return nil
}

func absent(s Store, name string) error {
	return fmt.Errorf("%s/%s: %w", s, name, fs.ErrNotExist)
}
