package hub_test

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/hub"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// repository is a stand-in for the hub: one model, whose large files are served by another server after a redirect.
type repository struct {
	files map[string]string
	large []string // through LFS

	hub, storage *httptest.Server

	mu         sync.Mutex
	requests   []string // METHOD PATH[ RANGE], storage's with a leading "storage"
	tokens     []string // Authorization at the storage
	refuse     func(path string) (status int, code string)
	retryAfter string
	mute       bool                         // storage says nothing
	breakOff   map[string]int               // file: bytes after which the connection ends, once
	stall      bool                         // storage ignores ranges
	each       int                          // bytes after which every connection to the storage ends; 0: none does
	hold       bool                         // such a connection does not end, but says nothing more
	change     func(listing map[string]any) // of the API's answer
}

func newRepository(t *testing.T) *repository {
	r := &repository{
		files: map[string]string{
			"config.json": `{"model_type":"bert"}`, "vocab.txt": "[PAD]\n[UNK]\n", "pytorch_model.bin": strings.Repeat("weights ", 5000),
			"flax_model.msgpack": "not read", "tokenizer_config.json": `{"do_lower_case":false}`, "extra/notes.txt": "not read",
		},
		large: []string{"pytorch_model.bin", "flax_model.msgpack"}, breakOff: map[string]int{},
	}
	r.storage = httptest.NewServer(http.HandlerFunc(r.serveStorage))
	r.hub = httptest.NewServer(http.HandlerFunc(r.serveHub))
	t.Cleanup(r.hub.Close)
	t.Cleanup(r.storage.Close)
	return r
}

func (r *repository) note(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, strings.TrimSpace(line))
}

// seen returns the requests since the last call.
func (r *repository) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.requests
	r.requests = nil
	return seen
}

func (r *repository) serveHub(w http.ResponseWriter, q *http.Request) {
	r.note(q.Method + " " + q.URL.Path + " " + q.Header.Get("Range"))
	if r.refuse != nil {
		if status, code := r.refuse(q.URL.Path); status != 0 {
			w.Header().Set("X-Error-Code", code)
			w.Header().Set("Retry-After", r.retryAfter)
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":"no: %s"}`, code)
			return
		}
	}
	if rest, ok := strings.CutPrefix(q.URL.Path, "/api/models/old/name/"); ok { // it was renamed
		http.Redirect(w, q, "/api/models/a/model/"+rest+"?"+q.URL.RawQuery, http.StatusTemporaryRedirect)
		return
	}
	if strings.HasPrefix(q.URL.Path, "/api/models/") {
		r.list(w)
		return
	}
	name := q.URL.Path[strings.LastIndex(q.URL.Path, "/")+1:]
	if slices.Contains(r.large, name) {
		http.Redirect(w, q, r.storage.URL+"/"+name+"?signature=x", http.StatusFound)
		return
	}
	http.ServeContent(w, q, "", time.Time{}, strings.NewReader(r.files[name]))
}

func (r *repository) list(w http.ResponseWriter) {
	var siblings []map[string]any
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		text := r.files[name]
		f := map[string]any{"rfilename": name, "size": len(text), "blobId": gitHash(text)}
		if slices.Contains(r.large, name) {
			f["lfs"] = map[string]any{"sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(text))), "size": len(text), "pointerSize": 134}
		}
		siblings = append(siblings, f)
	}
	listing := map[string]any{"id": "a/model", "sha": commit, "siblings": siblings}
	if r.change != nil {
		r.change(listing)
	}
	if err := json.NewEncoder(w).Encode(listing); err != nil {
		panic(err)
	}
}

func gitHash(text string) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)))
}

func (r *repository) serveStorage(w http.ResponseWriter, q *http.Request) {
	r.note("storage " + q.Method + " " + q.URL.Path + " " + q.Header.Get("Range"))
	r.mu.Lock()
	r.tokens = append(r.tokens, q.Header.Get("Authorization"))
	name := strings.TrimPrefix(q.URL.Path, "/")
	limit, cut := r.breakOff[name]
	delete(r.breakOff, name)
	r.mu.Unlock()
	text := r.files[name]
	if r.stall {
		q.Header.Del("Range")
	}
	if r.mute {
		<-q.Context().Done()
		return
	}
	if r.each > 0 {
		r.servePiece(w, q, text)
		return
	}
	if !cut {
		http.ServeContent(w, q, "", time.Time{}, strings.NewReader(text))
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	fmt.Fprint(w, text[:limit])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// servePiece begins an answer and does not end it.
func (r *repository) servePiece(w http.ResponseWriter, q *http.Request, text string) {
	var from int
	if _, err := fmt.Sscanf(q.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(text)-1, len(text)))
		w.WriteHeader(http.StatusPartialContent)
	}
	piece := text[from:]
	if len(piece) > r.each {
		defer func() {
			if r.hold {
				<-q.Context().Done()
			}
			panic(http.ErrAbortHandler)
		}()
		piece = piece[:r.each]
	}
	fmt.Fprint(w, piece)
	w.(http.Flusher).Flush()
}

func client(t *testing.T, r *repository) *hub.Client {
	return &hub.Client{Endpoint: r.hub.URL, Cache: t.TempDir(), Token: "secret", Log: slog.New(slog.DiscardHandler), Pause: time.Microsecond}
}

func reference(t *testing.T, name, revision string) hub.Reference {
	t.Helper()
	ref, err := hub.Parse(name, revision)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func pull(t *testing.T, c *hub.Client, name, revision string) *hub.Snapshot {
	t.Helper()
	s, err := c.Pull(t.Context(), reference(t, name, revision))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkFiles wants the model's files in dir, with their contents.
func checkFiles(t *testing.T, r *repository, dir string) {
	t.Helper()
	want, got := map[string]string{}, map[string]string{}
	for _, name := range []string{"config.json", "vocab.txt", "tokenizer_config.json", "pytorch_model.bin"} {
		want[name] = r.files[name]
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files in the snapshot (-want +got):\n%.500s", diff)
	}
}

func TestPull(t *testing.T) {
	r := newRepository(t)
	c := client(t, r)
	s := pull(t, c, "a/model", "")
	checkFiles(t, r, s.Dir)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(r.files["pytorch_model.bin"])))
	want := &hub.Snapshot{Repository: "a/model", Revision: "main", Commit: commit, Dir: filepath.Join(c.Cache, "models--a--model", "snapshots", commit), Files: []hub.File{
		{Name: "config.json", Bytes: 21, Hash: gitHash(r.files["config.json"]), Fetched: true},
		{Name: "vocab.txt", Bytes: 12, Hash: gitHash(r.files["vocab.txt"]), Fetched: true},
		{Name: "tokenizer_config.json", Bytes: 23, Hash: gitHash(r.files["tokenizer_config.json"]), Fetched: true},
		{Name: "pytorch_model.bin", Bytes: 40000, Hash: sum, Fetched: true},
	}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	// The layout of Python's library: refs, blobs by hash, relative links.
	if text, err := os.ReadFile(filepath.Join(c.Cache, "models--a--model", "refs", "main")); err != nil || string(text) != commit {
		t.Errorf("refs/main is %q, error %v", text, err)
	}
	if target, err := os.Readlink(filepath.Join(s.Dir, "pytorch_model.bin")); err != nil || target != "../../blobs/"+sum {
		t.Errorf("link to %q, error %v", target, err)
	}
	if want := []string{""}; !slices.Equal(r.tokens, want) {
		t.Errorf("the storage server saw tokens %q, want none", r.tokens)
	}
	r.seen()

	// Again: only the listing is asked for.
	for _, f := range pull(t, c, "a/model", "").Files {
		if f.Fetched {
			t.Errorf("%s was fetched again", f.Name)
		}
	}
	if diff := cmp.Diff([]string{"GET /api/models/a/model/revision/main"}, r.seen()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestRenamedRepository(t *testing.T) {
	r := newRepository(t)
	checkFiles(t, r, pull(t, client(t, r), "old/name", "").Dir)
}

func TestResume(t *testing.T) {
	r := newRepository(t)
	r.breakOff["pytorch_model.bin"] = 12345
	checkFiles(t, r, pull(t, client(t, r), "a/model", "").Dir)
	got := slices.DeleteFunc(r.seen(), func(s string) bool { return !strings.HasPrefix(s, "storage") })
	want := []string{"storage GET /pytorch_model.bin", "storage GET /pytorch_model.bin bytes=12345-"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestResumeAcrossCalls(t *testing.T) {
	for _, c := range []struct {
		name, left string // what an earlier process left
		deaf       bool   // the server ignores ranges
		wantErr    string
	}{
		{"some", strings.Repeat("weights ", 100), false, ""},
		{"all of it", strings.Repeat("weights ", 5000), false, ""},
		{"server sends everything", strings.Repeat("weights ", 100), true, ""},
		{"of another file", strings.Repeat("x", 800), false, "damaged: 40000 bytes with hash"},
		{"too much", strings.Repeat("weights ", 5001), false, "damaged: 40008 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			r.stall = c.deaf
			client := client(t, r)
			sum := fmt.Sprintf("%x", sha256.Sum256([]byte(r.files["pytorch_model.bin"])))
			blobs := filepath.Join(client.Cache, "models--a--model", "blobs")
			if err := os.MkdirAll(blobs, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(blobs, sum+".incomplete"), []byte(c.left), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := client.Pull(t.Context(), reference(t, "a/model", ""))
			if (err == nil) != (c.wantErr == "") || err != nil && !strings.Contains(err.Error(), c.wantErr) {
				t.Fatalf("error %v, want %q", err, c.wantErr)
			}
			checkFiles(t, r, pull(t, client, "a/model", "").Dir) // what was damaged starts anew
		})
	}
}

// TestLies: what the listing says and what is sent differ.
func TestLies(t *testing.T) {
	file := func(listing map[string]any, name string) map[string]any {
		for _, f := range listing["siblings"].([]map[string]any) {
			if f["rfilename"] == name {
				return f
			}
		}
		panic(name)
	}
	for _, c := range []struct {
		name   string
		change func(map[string]any)
		want   string
	}{
		{"hash", func(l map[string]any) {
			file(l, "pytorch_model.bin")["lfs"].(map[string]any)["sha256"] = strings.Repeat("0", 64)
		}, "pytorch_model.bin: damaged: 40000 bytes"},
		{"git hash", func(l map[string]any) { file(l, "vocab.txt")["blobId"] = strings.Repeat("0", 40) }, "vocab.txt: damaged: 12 bytes"},
		{"longer than said", func(l map[string]any) { file(l, "pytorch_model.bin")["lfs"].(map[string]any)["size"] = 39999 }, "damaged: 40000 bytes"},
		{"shorter than said", func(l map[string]any) { file(l, "pytorch_model.bin")["lfs"].(map[string]any)["size"] = 40001 }, ""},
		{"hash as a path", func(l map[string]any) { file(l, "vocab.txt")["blobId"] = "../../../../escape" }, "want a SHA-256 or git hash"},
		{"commit as a path", func(l map[string]any) { l["sha"] = "../../escape" }, "want 40 hexadecimal digits"},
		{"no weights", func(l map[string]any) { delete(file(l, "pytorch_model.bin"), "rfilename") }, "have flax_model.msgpack"},
		{"files as paths", func(l map[string]any) { file(l, "pytorch_model.bin")["rfilename"] = "../model.safetensors" }, "no readable weights"},
		{"empty", func(l map[string]any) { l["siblings"] = nil }, "no weights: want safetensors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			r.change = c.change
			client := client(t, r)
			_, err := client.Pull(t.Context(), reference(t, "a/model", ""))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := client.Pull(t.Context(), reference(t, "a/model", commit)); err == nil {
				t.Error("the second call succeeds")
			}
			client.Offline = true
			if s, err := client.Pull(t.Context(), reference(t, "a/model", "")); err == nil {
				t.Errorf("a model is in the cache: %v", s)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name       string
		status     int
		code       string
		want, hint string
	}{
		{"not there", 404, "RepoNotFound", "a/model@main: the server returned status 404: no: RepoNotFound", "check the name"},
		{"private", 401, "", "401", "HF_TOKEN"},
		{"gated", 403, "GatedRepo", "403", "accept the model's terms"},
		{"no such revision", 404, "RevisionNotFound", "404", "check --revision"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			r.refuse = func(string) (int, string) { return c.status, c.code }
			_, err := client(t, r).Pull(t.Context(), reference(t, "a/model", ""))
			var refused *hub.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || !strings.Contains(refused.Hint(), c.hint) {
				t.Errorf("error %v with %+v, want %q and hint %q", err, refused, c.want, c.hint)
			}
			if seen := r.seen(); len(seen) != 1 {
				t.Errorf("%d requests, want no second attempt", len(seen))
			}
		})
	}
}

func TestServerFailsForAWhile(t *testing.T) {
	r := newRepository(t)
	failures := map[string]int{}
	r.refuse = func(path string) (int, string) {
		if failures[path]++; failures[path] < 3 {
			return http.StatusServiceUnavailable, ""
		}
		return 0, ""
	}
	checkFiles(t, r, pull(t, client(t, r), "a/model", "").Dir)

	r.refuse = func(path string) (int, string) { return http.StatusServiceUnavailable, "" }
	r.seen()
	if _, err := client(t, r).Pull(t.Context(), reference(t, "a/model", "")); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v, want the server's", err)
	}
	if seen := r.seen(); len(seen) != 5 {
		t.Errorf("%d attempts, want 5", len(seen))
	}
}

func TestRedirectsForEver(t *testing.T) {
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, q.URL.String(), http.StatusFound) }))
	defer loop.Close()
	c := &hub.Client{Endpoint: loop.URL, Cache: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	if _, err := c.Pull(t.Context(), reference(t, "a/model", "")); err == nil || !strings.Contains(err.Error(), "more than 10 redirects") {
		t.Errorf("error %v", err)
	}
}

func TestOffline(t *testing.T) {
	r := newRepository(t)
	c := client(t, r)
	c.Offline = true
	var missing *hub.NotCachedError
	if _, err := c.Pull(t.Context(), reference(t, "a/model", "")); !errors.As(err, &missing) || missing.Hint() == "" {
		t.Errorf("an empty cache: error %v", err)
	}
	if seen := r.seen(); len(seen) != 0 {
		t.Errorf("offline asks %q", seen)
	}
	c.Offline = false
	online := pull(t, c, "a/model", "")

	// By branch and by commit; and when the server is gone, without being told so.
	r.hub.Close()
	for _, c := range []struct {
		revision string
		offline  bool
	}{{"", true}, {commit, true}, {"", false}} {
		client := *client(t, r)
		client.Cache, client.Offline = filepath.Dir(filepath.Dir(filepath.Dir(online.Dir))), c.offline
		s := pull(t, &client, "a/model", c.revision)
		if s.Dir != online.Dir || !s.Offline || len(s.Files) != len(online.Files) {
			t.Errorf("revision %q: %+v", c.revision, s)
		}
	}

	// Half a model is none.
	c.Offline = true
	if err := os.Remove(filepath.Join(online.Dir, "vocab.txt")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pull(t.Context(), reference(t, "a/model", "")); !errors.As(err, &missing) {
		t.Errorf("without a vocabulary: error %v", err)
	}
}

func TestInterrupted(t *testing.T) {
	r := newRepository(t)
	c := client(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	c.Progress = func(name string, done, total int64) {
		if name == "pytorch_model.bin" {
			cancel()
		}
	}
	if _, err := c.Pull(ctx, reference(t, "a/model", "")); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want none or that of the context", err) // the rest may have been in the buffer
	}
	checkFiles(t, r, pull(t, c, "a/model", "").Dir)
}

// TestTwoAtOnce: both have the model, and each blob is fetched once.
func TestTwoAtOnce(t *testing.T) {
	r := newRepository(t)
	c := client(t, r)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := c.Pull(t.Context(), hub.Reference{Repository: "a/model", Revision: "main"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := slices.DeleteFunc(r.seen(), func(s string) bool { return !strings.HasPrefix(s, "storage") })
	if diff := cmp.Diff([]string{"storage GET /pytorch_model.bin"}, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	for _, name := range hub.ShortNames() {
		if ref, err := hub.Parse(name, ""); err != nil || !strings.Contains(ref.Repository, "/") || len(ref.Revision) != 40 && ref.Revision != "main" {
			t.Errorf("%s: %v, error %v", name, ref, err)
		}
	}
	for _, c := range []struct{ name, revision, want string }{
		{"biobert-v1.2", "main", "dmis-lab/biobert-base-cased-v1.2@main"},
		{"bert-base-cased", "", "bert-base-cased@main"},
		{"a/b", "refs/pr/3", "a/b@refs/pr/3"},
		{"../up", "", ""}, {"a/b/c", "", ""}, {"a//b", "", ""}, {"", "", ""}, {"a/..", "", ""}, {"a--b/c", "", ""},
		{"a/b", "../../x", ""}, {"a/b", "/x", ""}, {"a/b", "x//y", ""},
	} {
		ref, err := hub.Parse(c.name, c.revision)
		if (err == nil) != (c.want != "") || err == nil && ref.String() != c.want {
			t.Errorf("Parse(%q, %q) = %v, error %v, want %q", c.name, c.revision, ref, err, c.want)
		}
	}
}
