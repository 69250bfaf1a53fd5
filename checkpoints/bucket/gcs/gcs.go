// Package gcs is the bucket.Store of gs:// addresses, by the JSON API of Google Cloud Storage.
//
// Credentials are the machine's: a service account on a TPU VM, `gcloud auth application-default login` or
// GOOGLE_APPLICATION_CREDENTIALS elsewhere. The scope of the tokens is reading and writing objects, and nothing
// else.
//
// A failed call is repeated as package remote's Tries define: for about ten seconds while the store cannot be reached,
// for a minute while it answers with errors. A read that breaks off continues where it stopped, in the same generation
// of the object. An upload of more than 16 MiB is sent in parts of that size, and a failed part is sent again. The
// CRC-32C of a written object is compared by the store and again here; that of an object read whole is compared at its
// end.
package gcs

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/internal/gapi"
	"github.com/subbert/subbert/internal/remote"
)

const (
	endpoint = "https://storage.googleapis.com"
	scope    = "https://www.googleapis.com/auth/devstorage.read_write"

	reachLimit = 10 * time.Second
)

// Store is the part of a bucket below a prefix.
type Store struct {
	client *gapi.Client
	bucket string
	prefix string
}

var _ bucket.Store = (*Store)(nil)

// address matches the accepted addresses: they contain only characters that a shell, systemd and a URL
// leave unchanged.
var address = regexp.MustCompile(`^gs://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])/([A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*)/?$`)

// Split splits a gs:// address into bucket and prefix.
func Split(at string) (bucket, prefix string, err error) {
	m := address.FindStringSubmatch(at)
	if m == nil {
		return "", "", fmt.Errorf("%q: want gs://BUCKET/PREFIX of letters, digits, '.', '_', '-'", at)
	}
	return m[1], m[2], nil
}

// Open opens the store at an address. It sends no request yet.
func Open(ctx context.Context, at string, o gapi.Options) (*Store, error) {
	name, prefix, err := Split(at)
	if err != nil {
		return nil, err
	}
	client, err := gapi.Open(ctx, endpoint, scope, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return &Store{client: client, bucket: name, prefix: prefix}, nil
}

// Close ends the client's connections.
func (s *Store) Close() error {
	s.client.Close()
	return nil
}

func (s *Store) String() string { return "gs://" + s.bucket + "/" + s.prefix }

// objectsPath is the API's path of the bucket's objects.
func (s *Store) objectsPath() string { return "/storage/v1/b/" + s.bucket + "/o" }

// objectPath is the API's path of the object of that name; query may be empty.
func (s *Store) objectPath(name string, query url.Values) string {
	return s.objectsPath() + "/" + url.PathEscape(path.Join(s.prefix, name)) + "?" + query.Encode()
}

// fault adds to err the object's name and the sentinel error that callers test for.
func (s *Store) fault(name string, err error) error {
	var api *gapi.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &api) && api.Status == http.StatusPreconditionFailed:
		return fmt.Errorf("%s/%s: %w", s, name, bucket.ErrChanged)
	case remote.Unreachable(err):
		return fmt.Errorf("%s/%s: %w: %w", s, name, bucket.ErrUnreachable, err)
	}
	return fmt.Errorf("%s/%s: %w", s, name, err)
}

// missing is fault for a read, where status 404 means that the object does not exist.
func (s *Store) missing(name string, err error) error {
	var api *gapi.Error
	if errors.As(err, &api) && api.Status == http.StatusNotFound {
		return fmt.Errorf("%s/%s: %w: %s", s, name, fs.ErrNotExist, api.Message)
	}
	return s.fault(name, err)
}

// newTries returns the limits for repeating a call.
func newTries() *remote.Tries {
	return &remote.Tries{Most: 7, Pause: time.Second, Reach: reachLimit}
}

// persist repeats try while its error may be temporary.
func persist(ctx context.Context, try func() error) error {
	tries := newTries()
	for {
		tries.Begin()
		err := try()
		if err == nil {
			return nil
		}
		if err = tries.Again(ctx, err); err != nil {
			return err
		}
	}
}

// resource is the API's description of an object.
type resource struct {
	Name       string    `json:"name"`
	Size       int64     `json:"size,string"`
	Generation int64     `json:"generation,string"`
	CRC32C     string    `json:"crc32c"` // base64 of four bytes, the highest first
	Updated    time.Time `json:"updated"`
}

const resourceFields = "name,size,generation,crc32c,updated"

// object is r as a bucket.Object under its name in the store.
func (r resource) object(name string) (bucket.Object, error) {
	sum, err := parseSum(r.CRC32C)
	return bucket.Object{Name: name, Size: r.Size, Generation: r.Generation, CRC32C: sum, Updated: r.Updated}, err
}

func sumText(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

func parseSum(text string) (uint32, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 4 {
		return 0, fmt.Errorf("the store returned checksum %q, want four bytes in base64", text)
	}
	return binary.BigEndian.Uint32(raw), nil
}

// List implements bucket.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]bucket.Object, error) {
	query := url.Values{"prefix": {s.prefix + "/" + prefix}, "fields": {"items(" + resourceFields + "),nextPageToken"}}
	var found []bucket.Object
	for {
		var page struct {
			Items         []resource `json:"items"`
			NextPageToken string     `json:"nextPageToken"`
		}
		err := persist(ctx, func() error {
			return s.client.JSON(ctx, http.MethodGet, s.objectsPath()+"?"+query.Encode(), nil, &page)
		})
		if err != nil {
			return nil, s.fault(prefix, err)
		}
		for _, r := range page.Items {
			o, err := r.object(strings.TrimPrefix(r.Name, s.prefix+"/"))
			if err != nil {
				return nil, s.fault(o.Name, err)
			}
			found = append(found, o)
		}
		if page.NextPageToken == "" {
			slices.SortFunc(found, func(a, b bucket.Object) int { return strings.Compare(a.Name, b.Name) })
			return found, nil
		}
		query.Set("pageToken", page.NextPageToken)
	}
}

// Delete implements bucket.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.fault(name, s.remove(ctx, name, 0))
}

// remove deletes an object, of that generation unless it is 0. It is not an error if the object does not exist.
func (s *Store) remove(ctx context.Context, name string, generation int64) error {
	query := url.Values{}
	if generation != 0 {
		query.Set("generation", strconv.FormatInt(generation, 10))
	}
	err := persist(ctx, func() error {
		return s.client.JSON(ctx, http.MethodDelete, s.objectPath(name, query), nil, nil)
	})
	var api *gapi.Error
	if errors.As(err, &api) && api.Status == http.StatusNotFound {
		return nil
	}
	return err
}
