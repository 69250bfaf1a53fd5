package hub_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/subbert/subbert/checkpoints/hub"
)

// said is a log that a test reads while it is written.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// TestFaults: what servers do wrong, and how soon a pull says so. Nothing of it leaves a model in the cache.
func TestFaults(t *testing.T) {
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, to, http.StatusFound) }
	}
	answer := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	listing := func(text string) http.HandlerFunc {
		return answer(http.StatusOK, `{"sha":"`+commit+`",`+text+`}`)
	}
	for _, c := range []struct {
		name     string
		serve    http.HandlerFunc
		change   func(*hub.Client)
		revision string
		requests int // at most
		want     string
		never    string // in the error and the log
	}{
		{"another commit than the pinned one", listing(`"siblings":[]`), nil, strings.Repeat("ab", 20), 1, "the server returned commit " + commit + " instead of the requested one", ""},
		{"a null file", listing(`"siblings":[null]`), nil, "", 1, "a file that is null", ""},
		{"null files", listing(`"siblings":null`), nil, "", 1, "no weights", ""},
		{"no JSON", answer(200, "<html>log in"), nil, "", 1, "did not return the description of a repository", ""},
		{"redirects for ever", redirect("/again?signature=hush"), nil, "", 10, "more than 10 redirects", "hush"},
		{"redirect to a file", redirect("file:///etc/passwd"), nil, "", 1, `scheme "file"`, "passwd"},
		{"redirect into nothing", redirect("http://127.0.0.1:1/x?signature=hush"), nil, "", 5, "connection refused", "hush"},
		{"unauthorized", answer(401, `{"error":"Invalid credentials"}`), nil, "", 1, "401: Invalid credentials", "secret"},
		{"forbidden", answer(403, ""), nil, "", 1, "403: Forbidden", "secret"},
		{"escapes", answer(404, "{\"error\":\"\\u001b]0;owned\\u0007no\\nsuch\"}"), nil, "", 1, "404: ]0;owned no such", "\x1b"},
		{"asks to wait for an hour", func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}, nil, "", 1, "asked to wait for 1h0m0s: the server returned status 429", ""},
		{"a listing without an end", func(w http.ResponseWriter, q *http.Request) {
			fmt.Fprint(w, `{"siblings":[`)
			for q.Context().Err() == nil {
				if _, err := fmt.Fprint(w, strings.Repeat(`{"rfilename":"x"},`, 1000)); err != nil {
					return
				}
			}
		}, nil, "", 1, "more than 16 MB", ""},
		{"nothing comes", func(w http.ResponseWriter, q *http.Request) { <-q.Context().Done() }, func(c *hub.Client) { c.Stall = 50 * time.Millisecond }, "", 5, "tried 5 times: no data for 50ms", "context"},
		{"a token of two lines", answer(200, ""), func(c *hub.Client) { c.Token = "hush\nhush" }, "", 0, "the token contains spaces or other characters", "hush"},
		{"an endpoint that is none", answer(200, ""), func(c *hub.Client) { c.Endpoint = "ftp://me:hush@example.org" }, "", 0, "the endpoint is not an address", "hush"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var requests sync.Map
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				requests.Store(time.Now(), true)
				c.serve(w, q)
			}))
			defer server.Close()
			defer server.CloseClientConnections()
			var log said
			client := &hub.Client{Endpoint: server.URL, Cache: t.TempDir(), Token: "secret", Pause: time.Microsecond,
				Log: slog.New(slog.NewTextHandler(&log, nil))}
			if c.change != nil {
				c.change(client)
			}
			begin := time.Now()
			_, err := client.Pull(t.Context(), reference(t, "a/model", c.revision))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, c.want)
			}
			if c.never != "" && strings.Contains(fmt.Sprint(err)+log.String(), c.never) {
				t.Errorf("%q in error or log:\n%v\n%s", c.never, err, &log)
			}
			count := 0
			requests.Range(func(any, any) bool { count++; return true })
			if spent := time.Since(begin); count > c.requests || spent > 5*time.Second {
				t.Errorf("%d requests in %s, want at most %d and no wait", count, spent, c.requests)
			}
			if left := filesBelow(t, client.Cache); len(left) > 0 {
				t.Errorf("written: %q", left)
			}
		})
	}
}

// TestPinnedRevision: a server that has another commit than the one asked for gives nothing, whole as its model may be.
func TestPinnedRevision(t *testing.T) {
	r := newRepository(t)
	c := client(t, r)
	pinned := strings.Repeat("ab", 20)
	if _, err := c.Pull(t.Context(), reference(t, "a/model", pinned)); err == nil || !strings.Contains(err.Error(), "returned commit "+commit) {
		t.Errorf("error %v, want it refused", err)
	}
	if left := filesBelow(t, c.Cache); len(left) > 0 {
		t.Errorf("written: %q", left)
	}
	if s := pull(t, c, "a/model", commit); s.Commit != commit {
		t.Errorf("commit %s, want %s", s.Commit, commit)
	}
	if _, err := os.Stat(filepath.Join(c.Cache, "models--a--model", "refs")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("refs: %v, want none of a commit", err)
	}
}

// filesBelow lists what is in a directory, at any depth.
func filesBelow(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestRetryAfter: a server that is busy is left alone as long as it asks.
func TestRetryAfter(t *testing.T) {
	r := newRepository(t)
	var first time.Time
	r.refuse = func(string) (int, string) {
		if first.IsZero() {
			first = time.Now()
			return http.StatusTooManyRequests, ""
		}
		if spent := time.Since(first); spent < time.Second {
			t.Errorf("asked again after %s, want a second", spent)
		}
		return 0, ""
	}
	r.retryAfter = "1"
	checkFiles(t, r, pull(t, client(t, r), "a/model", "").Dir)
}

// TestFlakyTransfer: connections that break again and again, each after some bytes, yield the file.
func TestFlakyTransfer(t *testing.T) {
	r := newRepository(t)
	r.each = 3000 // of 40000
	checkFiles(t, r, pull(t, client(t, r), "a/model", "").Dir)
	if n := len(r.seen()); n < 13 {
		t.Errorf("%d requests, want one for each 3000 bytes", n)
	}
}

// TestStalledTransfer: a connection that is there and says nothing is told from one that the caller ended.
func TestStalledTransfer(t *testing.T) {
	r := newRepository(t)
	r.each, r.hold = 39_999, true
	c := client(t, r)
	c.Stall = 50 * time.Millisecond
	r.files["pytorch_model.bin"] = strings.Repeat("weights ", 5000)
	_, err := c.Pull(t.Context(), reference(t, "a/model", ""))
	if err != nil { // one byte is left, and the second connection gives it
		t.Fatal(err)
	}
	r.each = 0
	r.mute = true
	c.Cache = t.TempDir()
	if _, err = c.Pull(t.Context(), reference(t, "a/model", "")); err == nil || !strings.Contains(err.Error(), "no data for 50ms") {
		t.Errorf("error %v, want no data for 50ms", err)
	}
}

// TestLinkInTheWay: a link where a blob is to arrive is taken away, and what it links to stays.
func TestLinkInTheWay(t *testing.T) {
	r := newRepository(t)
	c := client(t, r)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	part := blobOf(r, c, "pytorch_model.bin") + ".incomplete"
	if err := errors.Join(os.MkdirAll(filepath.Dir(part), 0o777), os.Symlink(victim, part)); err != nil {
		t.Fatal(err)
	}
	checkFiles(t, r, pull(t, c, "a/model", "").Dir)
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("the link's target holds %.20q (%v), want it as it was", text, err)
	}
	if info, err := os.Lstat(strings.TrimSuffix(part, ".incomplete")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the blob is %v (%v), want a file", info, err)
	}
}

// blobOf is where the cache has a large file.
func blobOf(r *repository, c *hub.Client, name string) string {
	return filepath.Join(c.Cache, "models--a--model", "blobs", fmt.Sprintf("%x", sha256.Sum256([]byte(r.files[name]))))
}

// TestDamagedBlob: a blob of the right size that is not what its name says is fetched again, or refused offline. It is
// read once for each size and time of change.
func TestDamagedBlob(t *testing.T) {
	r := newRepository(t)
	c := client(t, r)
	c.Checked = filepath.Join(t.TempDir(), "checked")
	s := pull(t, c, "a/model", "")
	blob := blobOf(r, c, "pytorch_model.bin")
	info, err := os.Stat(blob)
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(changed time.Time) {
		t.Helper()
		bad := strings.Repeat("WEIGHTS ", 5000)
		if err := errors.Join(os.WriteFile(blob, []byte(bad), 0o644), os.Chtimes(blob, changed, changed)); err != nil {
			t.Fatal(err)
		}
	}
	spoil(info.ModTime())
	offline := *c
	offline.Offline = true
	if _, err := offline.Pull(t.Context(), reference(t, "a/model", "")); err != nil {
		t.Errorf("a blob that is remembered was read again: %v", err)
	}
	spoil(info.ModTime().Add(time.Second))
	var damaged *hub.DamagedError
	_, err = offline.Pull(t.Context(), reference(t, "a/model", ""))
	if !errors.As(err, &damaged) || damaged.Path != blob || damaged.Hint() == "" {
		t.Errorf("offline: %v, want DamagedError of %s", err, blob)
	}
	checkFiles(t, r, pull(t, c, "a/model", "").Dir)
	spoil(info.ModTime().Add(2 * time.Second))
	r.hub.Close()
	if _, err = c.Pull(t.Context(), reference(t, "a/model", "")); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("without a server: %v, want both faults", err)
	}
	if text, err := os.ReadFile(filepath.Join(s.Dir, "config.json")); err != nil || string(text) != r.files["config.json"] {
		t.Errorf("config.json is %q (%v)", text, err)
	}
}

// TestFullDisk: what does not fit is not begun.
func TestFullDisk(t *testing.T) {
	r := newRepository(t)
	r.change = func(l map[string]any) {
		for _, f := range l["siblings"].([]map[string]any) {
			if f["rfilename"] == "pytorch_model.bin" {
				f["lfs"].(map[string]any)["size"] = int64(1) << 60
			}
		}
	}
	c := client(t, r)
	_, err := c.Pull(t.Context(), reference(t, "a/model", ""))
	var full *hub.FullError
	if !errors.As(err, &full) || full.Needed <= 1<<60 || full.Free <= 0 || full.Hint() == "" {
		t.Errorf("error %v, want FullError", err)
	}
	if seen := r.seen(); len(seen) != 1 {
		t.Errorf("requests %q, want the listing alone", seen)
	}
	if left := filesBelow(t, c.Cache); len(left) > 0 {
		t.Errorf("written: %q", left)
	}
}

// TestWaitsForAnother: a pull that waits for another process says so.
func TestWaitsForAnother(t *testing.T) {
	r := newRepository(t)
	c := client(t, r)
	var log said
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	lock := flock.New(filepath.Join(c.Cache, ".locks", "models--a--model", filepath.Base(blobOf(r, c, "pytorch_model.bin"))+".lock"))
	if err := os.MkdirAll(filepath.Dir(lock.Path()), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, err := c.Pull(t.Context(), hub.Reference{Repository: "a/model", Revision: "main"}); err != nil {
			t.Error(err)
		}
	})
	for begin := time.Now(); !strings.Contains(log.String(), "waiting for another process that fetches the file"); time.Sleep(time.Millisecond) {
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("not said:\n%s", &log)
		}
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	waiting.Wait()
}
