package gcs_test

import (
	"io"
	"strings"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/buckettest"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/internal/gapi"
)

// open starts a server of the store's protocol and opens an empty bucket of it with the real client.
func open(t *testing.T) (*fakestorage.Server, *gcs.Store) {
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", Writer: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "runs"})
	s, err := gcs.Open(t.Context(), "gs://runs/ppi/one", gapi.Options{Endpoint: server.URL(), Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, s
}

func TestStore(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Store {
		_, s := open(t)
		return s
	})
}

// TestResumableUpload sends more than one piece of an upload.
func TestResumableUpload(t *testing.T) {
	_, s := open(t)
	const size = 17 << 20
	o, err := s.Write(t.Context(), "big", io.LimitReader(zeros{}, size), bucket.Condition{Absent: true})
	if err != nil || o.Size != size {
		t.Fatalf("wrote %d bytes (%v), want %d", o.Size, err, size)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestSplit(t *testing.T) {
	for _, bad := range []string{"gs://runs", "runs/x", "gs://runs/a b", "gs://runs/$(x)", "gs://runs/../x", "gs://runs//x", "gs://R/x", "gs://runs/x'y", "gs://runs/%n"} {
		if _, _, err := gcs.Split(bad); err == nil || !strings.Contains(err.Error(), "want gs://") {
			t.Errorf("%q: got %v, want it refused", bad, err)
		}
	}
	if b, p, err := gcs.Split("gs://my-runs/ppi/seed-1/"); err != nil || b != "my-runs" || p != "ppi/seed-1" {
		t.Errorf("got %q %q %v", b, p, err)
	}
}
