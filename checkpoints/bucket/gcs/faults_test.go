package gcs_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/internal/gapi"
)

// network lies between the client and the server, and does to requests and answers what a test wants.
type network struct {
	to      http.RoundTripper
	mu      sync.Mutex
	seen    []string // methods and paths
	request func(r *http.Request) (*http.Response, error)
	answer  func(r *http.Request, a *http.Response)
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.seen = append(n.seen, fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, r.Header.Get("Content-Range")))
	request, answer := n.request, n.answer
	n.mu.Unlock()
	if request != nil {
		if a, err := request(r); a != nil || err != nil {
			return a, err
		}
	}
	a, err := n.to.RoundTrip(r)
	if err == nil && answer != nil {
		answer(r, a)
	}
	return a, err
}

func (n *network) count(part string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	found := 0
	for _, s := range n.seen {
		if strings.Contains(s, part) {
			found++
		}
	}
	return found
}

func openThrough(t *testing.T, n *network) *gcs.Store {
	t.Helper()
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, Writer: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	n.to = server.HTTPClient().Transport
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "runs"})
	s, err := gcs.Open(t.Context(), "gs://runs/ppi/one", gapi.Options{Anonymous: true, Transport: n})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestUploadDamagedOnTheWay: what arrives is not what was sent; the write is an error and nothing is there.
func TestUploadDamagedOnTheWay(t *testing.T) {
	n := &network{}
	s := openThrough(t, n)
	n.request = func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte("weights"), []byte("wEights"), 1)))
		}
		return nil, nil
	}
	if _, err := s.Write(t.Context(), "x", strings.NewReader("the weights"), bucket.Condition{}); err == nil || !strings.Contains(err.Error(), "CRC32C") {
		t.Errorf("got %v, want a checksum that differs", err)
	}
	if _, _, err := s.Read(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what arrived damaged is there: %v", err)
	}
}

// TestStoreOfAnotherChecksum: the store says that it keeps something else than was sent; that goes again.
func TestStoreOfAnotherChecksum(t *testing.T) {
	n := &network{}
	s := openThrough(t, n)
	n.answer = func(r *http.Request, a *http.Response) {
		if r.Method != http.MethodPost {
			return
		}
		var o map[string]any
		if err := json.NewDecoder(a.Body).Decode(&o); err != nil {
			t.Error(err)
		}
		o["crc32c"] = "AAAAAA=="
		text, err := json.Marshal(o)
		if err != nil {
			t.Error(err)
		}
		a.Body, a.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	}
	if _, err := s.Write(t.Context(), "x", strings.NewReader("the weights"), bucket.Condition{}); err == nil || !strings.Contains(err.Error(), "received checksum 00000000") {
		t.Errorf("got %v, want a checksum that differs", err)
	}
	if _, _, err := s.Read(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not right is there: %v", err)
	}
}

// TestDownloadDamagedOnTheWay: reading to the end fails.
func TestDownloadDamagedOnTheWay(t *testing.T) {
	n := &network{}
	s := openThrough(t, n)
	if _, err := s.Write(t.Context(), "x", strings.NewReader("the weights"), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	n.answer = func(r *http.Request, a *http.Response) {
		if r.URL.Query().Get("alt") != "media" {
			return
		}
		body, err := io.ReadAll(a.Body)
		if err != nil {
			t.Error(err)
		}
		a.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte("weights"), []byte("wEights"), 1)))
	}
	r, _, err := s.Read(t.Context(), "x")
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "CRC") {
		t.Errorf("got %v, want a checksum that differs", err)
	}
}

// TestUploadGoesOn: the server fails in the middle of an upload; the piece alone is sent again, and the object is whole.
func TestUploadGoesOn(t *testing.T) {
	n := &network{}
	s := openThrough(t, n)
	failures := 2
	n.request = func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.Header.Get("Content-Range"), "bytes 16777216-") && failures > 0 {
			failures--
			_, err := io.Copy(io.Discard, r.Body)
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody, Request: r}, err
		}
		return nil, nil
	}
	const size = 17 << 20
	o, err := s.Write(t.Context(), "big", io.LimitReader(zeros{}, size), bucket.Condition{Absent: true})
	if err != nil || o.Size != size || failures != 0 {
		t.Fatalf("wrote %d bytes (%v), %d failures to come; want %d and none", o.Size, err, failures, size)
	}
	if first, second := n.count("bytes 0-16777215/*"), n.count("bytes 16777216-"); first != 1 || second != 3 {
		t.Errorf("the first piece was sent %d times and the second %d; want once and three times\n%s", first, second, strings.Join(n.seen, "\n"))
	}
}

// TestUploadGivenUp: an upload that is cut off in the middle leaves nothing.
func TestUploadGivenUp(t *testing.T) {
	s := openThrough(t, &network{})
	broken := io.MultiReader(io.LimitReader(zeros{}, 17<<20), brokenReader{})
	if _, err := s.Write(t.Context(), "big", broken, bucket.Condition{}); err == nil {
		t.Error("a write succeeded although its reader failed")
	}
	if found, err := s.List(t.Context(), ""); err != nil || len(found) > 0 {
		t.Errorf("%d objects are there (%v), want none", len(found), err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("disk") }

// TestScope: the client asks for a token that can read and write objects, and do nothing else.
func TestScope(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Value
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			http.NotFound(w, r)
			return
		}
		asked.Store(r.PostFormValue("assertion"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"t","expires_in":3599,"token_type":"Bearer"}`)
	}))
	defer api.Close()
	text, err := json.Marshal(map[string]string{"type": "service_account", "project_id": "p", "client_email": "me@p.iam.gserviceaccount.com", "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), "token_uri": api.URL + "/token"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	s, err := gcs.Open(t.Context(), "gs://runs/one", gapi.Options{Endpoint: api.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Read(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("reading: %v", err)
	}
	request, _ := asked.Load().(string)
	parts := strings.Split(request, ".")
	if len(parts) != 3 {
		t.Fatalf("a token was asked for with %q, want a signed request", request)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Scope string }
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Scope != "https://www.googleapis.com/auth/devstorage.read_write" {
		t.Errorf("claims %s, %v: want the scope to read and write alone", payload, err)
	}
}
