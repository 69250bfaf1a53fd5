// Package gcs is the bucket.Store of gs:// addresses, by Google's own client.
//
// Credentials are the machine's: a service account on a TPU VM, `gcloud auth application-default login` or
// GOOGLE_APPLICATION_CREDENTIALS elsewhere. Tokens are asked for that can read and write objects and nothing else. The
// client repeats what is safe to repeat; uploads are resumable, in pieces of 16 MiB. What is written is compared with the
// store's CRC-32C, what is read whole is checked by the client.
package gcs

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/subbert/subbert/checkpoints/bucket"
)

// Store is the part of a bucket below a prefix.
type Store struct {
	client *storage.Client
	handle *storage.BucketHandle
	bucket string
	prefix string
}

var _ bucket.Store = (*Store)(nil)

// address is what we take: what a shell, systemd and a URL all leave as it is.
var address = regexp.MustCompile(`^gs://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])/([A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*)/?$`)

// Split takes a gs:// address apart.
func Split(at string) (bucket, prefix string, err error) {
	m := address.FindStringSubmatch(at)
	if m == nil {
		return "", "", fmt.Errorf("%q: want gs://BUCKET/PREFIX of letters, digits, '.', '_', '-'", at)
	}
	return m[1], m[2], nil
}

// Open opens the store at an address. Nothing is asked of the network yet.
func Open(ctx context.Context, at string, options ...option.ClientOption) (*Store, error) {
	name, prefix, err := Split(at)
	if err != nil {
		return nil, err
	}
	client, err := storage.NewClient(ctx, append([]option.ClientOption{storage.WithJSONReads(), option.WithScopes(storage.ScopeReadWrite)}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return &Store{client: client, handle: client.Bucket(name), bucket: name, prefix: prefix}, nil
}

// Close ends the client's connections.
func (s *Store) Close() error { return s.client.Close() }

func (s *Store) String() string { return "gs://" + s.bucket + "/" + s.prefix }

func (s *Store) object(name string) *storage.ObjectHandle {
	return s.handle.Object(path.Join(s.prefix, name))
}

// fault gives err the object's name and the meaning that callers look for.
func (s *Store) fault(name string, err error) error {
	var api *googleapi.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrObjectNotExist):
		return fmt.Errorf("%s/%s: %w", s, name, fs.ErrNotExist)
	case errors.As(err, &api) && api.Code == http.StatusPreconditionFailed:
		return fmt.Errorf("%s/%s: %w", s, name, bucket.ErrChanged)
	}
	return fmt.Errorf("%s/%s: %w", s, name, err)
}

// Read implements bucket.Store.
func (s *Store) Read(ctx context.Context, name string) (io.ReadCloser, bucket.Object, error) {
	r, err := s.object(name).NewReader(ctx)
	if err != nil {
		return nil, bucket.Object{}, s.fault(name, err)
	}
	o := bucket.Object{Name: name, Size: r.Attrs.Size, Generation: r.Attrs.Generation, CRC32C: r.Attrs.CRC32C, Updated: r.Attrs.LastModified}
	return r, o, nil
}

// ReadRange implements bucket.Store.
func (s *Store) ReadRange(ctx context.Context, name string, p []byte, off int64) error {
	r, err := s.object(name).NewRangeReader(ctx, off, int64(len(p)))
	var api *googleapi.Error
	if errors.As(err, &api) && api.Code == http.StatusRequestedRangeNotSatisfiable {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return s.fault(name, err)
	}
	_, err = io.ReadFull(r, p)
	return s.fault(name, errors.Join(err, r.Close()))
}

// Write implements bucket.Store.
func (s *Store) Write(ctx context.Context, name string, r io.Reader, when bucket.Condition) (bucket.Object, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before Close: nothing appears
	o := s.object(name)
	if when.Absent || when.Generation != 0 {
		o = o.If(storage.Conditions{DoesNotExist: when.Absent, GenerationMatch: when.Generation})
	}
	w := o.NewWriter(ctx)
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if _, err := io.Copy(io.MultiWriter(w, sum), r); err != nil {
		cancel()
		return bucket.Object{}, errors.Join(s.fault(name, err), s.ended(w))
	}
	if err := w.Close(); err != nil {
		return bucket.Object{}, s.fault(name, err)
	}
	made := s.known(name, w.Attrs())
	if made.CRC32C != sum.Sum32() {
		err := s.object(name).Generation(made.Generation).Delete(ctx)
		return bucket.Object{}, errors.Join(fmt.Errorf("%s/%s: checksum %08x arrived, %08x was sent", s, name, made.CRC32C, sum.Sum32()), err)
	}
	return made, nil
}

// ended closes a writer whose context is cancelled; that this fails is its purpose.
func (s *Store) ended(w *storage.Writer) error {
	if err := w.Close(); err == nil {
		return errors.New("an upload that was given up appeared all the same")
	}
	return nil
}

func (s *Store) known(name string, a *storage.ObjectAttrs) bucket.Object {
	return bucket.Object{Name: name, Size: a.Size, Generation: a.Generation, CRC32C: a.CRC32C, Updated: a.Updated}
}

// List implements bucket.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]bucket.Object, error) {
	var found []bucket.Object
	all := s.handle.Objects(ctx, &storage.Query{Prefix: s.prefix + "/" + prefix})
	for {
		a, err := all.Next()
		if errors.Is(err, iterator.Done) {
			slices.SortFunc(found, func(a, b bucket.Object) int { return strings.Compare(a.Name, b.Name) })
			return found, nil
		}
		if err != nil {
			return nil, s.fault(prefix, err)
		}
		found = append(found, s.known(strings.TrimPrefix(a.Name, s.prefix+"/"), a))
	}
}

// Delete implements bucket.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	err := s.object(name).Delete(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return nil
	}
	return s.fault(name, err)
}
