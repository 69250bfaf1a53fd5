package gcs

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/internal/gapi"
	"github.com/subbert/subbert/internal/remote"
)

// Read implements bucket.Store.
func (s *Store) Read(ctx context.Context, name string) (io.ReadCloser, bucket.Object, error) {
	r := &reader{ctx: ctx, store: s, name: name, tries: newTries()}
	for {
		r.tries.Begin()
		response, err := s.client.Do(ctx, gapi.Request{Method: http.MethodGet, Path: s.objectPath(name, media(0))})
		if err == nil {
			r.body = response.Body
			if r.object, err = describe(name, response); err != nil {
				return nil, r.object, s.fault(name, errors.Join(err, r.body.Close()))
			}
			return r, r.object, nil
		}
		if err = r.tries.Again(ctx, err); err != nil {
			return nil, bucket.Object{}, s.missing(name, err)
		}
	}
}

// media is the query for an object's contents, in that generation unless it is 0.
func media(generation int64) url.Values {
	query := url.Values{"alt": {"media"}}
	if generation != 0 {
		query.Set("generation", strconv.FormatInt(generation, 10))
	}
	return query
}

// describe reads an object's description from the response headers.
func describe(name string, response *http.Response) (o bucket.Object, err error) {
	o.Name, o.Size = name, response.ContentLength
	if o.Size < 0 {
		return o, errors.New("the store returned no size")
	}
	if o.Generation, err = strconv.ParseInt(response.Header.Get("X-Goog-Generation"), 10, 64); err != nil {
		return o, fmt.Errorf("the store returned generation %q, want a number", response.Header.Get("X-Goog-Generation"))
	}
	for _, hash := range strings.Split(strings.Join(response.Header.Values("X-Goog-Hash"), ","), ",") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(hash), "crc32c="); ok {
			o.CRC32C, err = parseSum(text)
			o.Updated, _ = http.ParseTime(response.Header.Get("Last-Modified")) // for people
			return o, err
		}
	}
	return o, errors.New("the store returned no CRC-32C")
}

// reader reads an object to its end, over several connections if necessary, and compares the checksum at the end.
type reader struct {
	ctx    context.Context
	store  *Store
	name   string
	object bucket.Object
	tries  *remote.Tries
	body   io.ReadCloser // of the response that is being read; nil after a failure
	done   int64         // bytes
	sum    uint32
}

func (r *reader) Read(p []byte) (int, error) {
	for {
		if r.done == r.object.Size {
			return 0, r.compare()
		}
		n, err := r.readSome(p)
		if n > 0 || err == nil {
			return n, nil
		}
		if err = r.tries.Again(r.ctx, err); err != nil {
			return 0, r.store.fault(r.name, fmt.Errorf("connection lost after %d of %d bytes: %w", r.done, r.object.Size, err))
		}
		r.tries.Begin()
	}
}

// readSome reads from the open connection, or opens a new one where the last one broke off.
func (r *reader) readSome(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.body == nil {
		if err := r.reopen(); err != nil {
			return 0, err
		}
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.object.Size-r.done)])
	if n > 0 {
		r.sum = crc32.Update(r.sum, crc32.MakeTable(crc32.Castagnoli), p[:n])
		r.done += int64(n)
		r.tries.Progress()
	}
	if err != nil && r.done < r.object.Size {
		err = errors.Join(noEOF(err), r.body.Close())
		r.body = nil
		return n, err
	}
	return n, nil
}

// noEOF is err, or io.ErrUnexpectedEOF in place of io.EOF.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *reader) reopen() error {
	response, err := r.store.open(r.ctx, r.name, r.object.Generation, r.done, r.object.Size)
	if err != nil {
		return err
	}
	r.body = response.Body
	return nil
}

func (r *reader) compare() error {
	if r.sum != r.object.CRC32C {
		return fmt.Errorf("%s/%s: bad CRC-32C: got %08x, want %08x", r.store, r.name, r.sum, r.object.CRC32C)
	}
	return io.EOF
}

func (r *reader) Close() error {
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}

// open opens the bytes [from, to) of an object, in that generation unless it is 0. The response is shorter only if
// the object is.
func (s *Store) open(ctx context.Context, name string, generation, from, to int64) (*http.Response, error) {
	header := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", from, to-1)}}
	response, err := s.client.Do(ctx, gapi.Request{Method: http.MethodGet, Path: s.objectPath(name, media(generation)), Header: header})
	if err != nil {
		return nil, err
	}
	var start int64
	_, err = fmt.Sscanf(response.Header.Get("Content-Range"), "bytes %d-", &start)
	if response.StatusCode != http.StatusPartialContent || err != nil || start != from {
		err = fmt.Errorf("requested the bytes from %d, the store returned %q", from, response.Header.Get("Content-Range"))
		return nil, errors.Join(remote.Final(err), response.Body.Close())
	}
	return response, nil
}

// ReadRange implements bucket.Store.
func (s *Store) ReadRange(ctx context.Context, name string, p []byte, off int64) error {
	done, tries := 0, newTries()
	for {
		tries.Begin()
		n, err := s.readRange(ctx, name, p[done:], off+int64(done))
		if n > 0 {
			done += n
			tries.Progress()
		}
		if err == nil {
			return nil
		}
		if err = tries.Again(ctx, err); err != nil {
			return s.missing(name, err)
		}
	}
}

// readRange makes one attempt to fill p from off on.
func (s *Store) readRange(ctx context.Context, name string, p []byte, off int64) (n int, err error) {
	response, err := s.open(ctx, name, 0, off, off+int64(len(p)))
	var api *gapi.Error
	if errors.As(err, &api) && api.Status == http.StatusRequestedRangeNotSatisfiable {
		return 0, remote.Final(io.ErrUnexpectedEOF)
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.ContentLength < int64(len(p)) { // the object ends there
		return 0, remote.Final(io.ErrUnexpectedEOF)
	}
	return io.ReadFull(response.Body, p)
}
