package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	huggingface "github.com/gomlx/go-huggingface/hub"
)

// DefaultEndpoint is the public hub.
const DefaultEndpoint = "https://huggingface.co"

const (
	maxListing    = 64 << 20         // bytes of a repository's description
	attempts      = 5                // at a request, the first included
	stallLimit    = 60 * time.Second // without a byte, after which a transfer counts as broken off
	maxRedirects  = 10
	maxErrorBytes = 4 << 10
)

// Client fetches from one endpoint into one cache. It is safe for concurrent use.
type Client struct {
	Endpoint string // no slash at its end
	Cache    string // directory
	Token    string // sent to Endpoint; empty: none
	Offline  bool   // use the cache alone
	Log      *slog.Logger
	// Progress, if set, is told how far a file is, in bytes.
	Progress func(name string, done, total int64)
	// Pause is before the second attempt at a request; it doubles from one attempt to the next.
	Pause time.Duration
}

// Pull has the model of ref in the cache, fetching what it lacks. Offline, or if the server cannot be reached, what the
// cache has is used, if that is a whole model.
func (c *Client) Pull(ctx context.Context, ref Reference) (*Snapshot, error) {
	if c.Offline {
		return c.cached(ref)
	}
	s, err := c.list(ctx, ref)
	var unreachable *unreachableError
	if errors.As(err, &unreachable) && ctx.Err() == nil {
		if s, cacheErr := c.cached(ref); cacheErr == nil {
			c.Log.Warn("server not reached, using the cache", "repository", ref.Repository, "commit", s.Commit, "error", unreachable)
			return s, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	f := c.folder(ref.Repository)
	for i := range s.Files {
		if err := c.fetch(ctx, s, &s.Files[i]); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", ref, s.Files[i].Name, err)
		}
		if err := f.link(s.Commit, s.Files[i].Name, s.Files[i].Hash); err != nil {
			return nil, err
		}
	}
	return s, f.remember(ref.Revision, s.Commit)
}

// list asks what the repository holds at the revision and picks the files of a model.
func (c *Client) list(ctx context.Context, ref Reference) (*Snapshot, error) {
	address := fmt.Sprintf("%s/api/models/%s/revision/%s?blobs=true", c.Endpoint, ref.Repository, url.PathEscape(ref.Revision))
	var info huggingface.RepoInfo
	err := c.persist(ctx, func() error {
		body, _, err := c.get(ctx, address, 0)
		if err != nil {
			return err
		}
		defer body.Close()
		text, err := io.ReadAll(io.LimitReader(body, maxListing))
		if err != nil {
			return &unreachableError{err}
		}
		return json.Unmarshal(text, &info)
	})
	if err != nil {
		return nil, err
	}
	if !commitForm.MatchString(info.CommitHash) {
		return nil, fmt.Errorf("the server names commit %q, want 40 hexadecimal digits", info.CommitHash)
	}
	s := &Snapshot{Repository: ref.Repository, Revision: ref.Revision, Commit: info.CommitHash, Dir: c.folder(ref.Repository).snapshot(info.CommitHash)}
	byName := make(map[string]*huggingface.FileInfo)
	var names []string
	for _, f := range info.Siblings {
		if byName[f.Name] == nil {
			names = append(names, f.Name)
		}
		byName[f.Name] = f
	}
	slices.Sort(names)
	files, err := wanted(names)
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		file, err := describe(byName[name])
		if err != nil {
			return nil, err
		}
		s.Files = append(s.Files, file)
	}
	return s, nil
}

// describe takes a file's size and hash from the listing.
func describe(f *huggingface.FileInfo) (File, error) {
	file := File{Name: f.Name, Bytes: f.Size, Hash: f.BlobID}
	if f.LFS != nil {
		file.Bytes, file.Hash = f.LFS.Size, f.LFS.SHA256
	}
	form := map[bool]interface{ MatchString(string) bool }{true: sha256Form, false: commitForm}[f.LFS != nil]
	if !form.MatchString(file.Hash) || file.Bytes < 0 {
		return file, fmt.Errorf("%s: the server gives hash %q and %d bytes, want a SHA-256 or git hash and a size", f.Name, file.Hash, file.Bytes)
	}
	return file, nil
}

// get opens address from byte from on. The status is that of a success.
func (c *Client) get(ctx context.Context, address string, from int64) (io.ReadCloser, *http.Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	request.Header.Set("User-Agent", huggingface.DefaultHttpUserAgent())
	request.Header.Set("Accept-Encoding", "identity") // sizes and hashes are those of the file itself
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	watch := newWatch(stallLimit, cancel)
	response, err := (&http.Client{CheckRedirect: keepToken}).Do(request)
	if err != nil {
		watch.stop()
		return nil, nil, &unreachableError{err}
	}
	body := watch.body(response.Body)
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPartialContent {
		defer body.Close()
		return nil, nil, refused(response, body)
	}
	return body, response, nil
}

// keepToken takes the token off a request that a redirect sends to another host: the address it gets from the endpoint is
// its own permission, and storage servers refuse a second one.
func keepToken(next *http.Request, before []*http.Request) error {
	if len(before) >= maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if next.URL.Host != before[0].URL.Host || next.URL.Scheme != before[0].URL.Scheme {
		next.Header.Del("Authorization")
	}
	return nil
}

// unreachableError is a failure of the connection or of the server, which another attempt may not meet.
type unreachableError struct{ error }

func (e *unreachableError) Unwrap() error { return e.error }

// refused puts the server's no into words.
func refused(response *http.Response, body io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(body, maxErrorBytes))
	if err != nil {
		return &unreachableError{err}
	}
	var said struct{ Error string }
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = strings.TrimSpace(response.Header.Get("X-Error-Message"))
	}
	if said.Error == "" {
		said.Error = http.StatusText(response.StatusCode)
	}
	if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusRequestTimeout {
		return &unreachableError{fmt.Errorf("the server says %d: %s", response.StatusCode, said.Error)}
	}
	return &RefusedError{Status: response.StatusCode, Code: response.Header.Get("X-Error-Code"), Message: said.Error}
}

// RefusedError is the server's no.
type RefusedError struct {
	Status  int
	Code    string // X-Error-Code, such as RepoNotFound
	Message string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the server says %d: %s", e.Status, e.Message)
}

// Hint says what to do, where that is known.
func (e *RefusedError) Hint() string {
	switch {
	case e.Code == "GatedRepo":
		return "accept the model's terms on its page, and set HF_TOKEN to a token of that account"
	case e.Code == "RevisionNotFound":
		return "check --revision: want a branch, a tag or a whole commit"
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden || e.Code == "RepoNotFound":
		return "check the name; a private model needs a token in HF_TOKEN or in the file that `hf auth login` writes"
	}
	return ""
}

// persist repeats try while the connection is at fault.
func (c *Client) persist(ctx context.Context, try func() error) error {
	pause := c.Pause
	for attempt := 1; ; attempt++ {
		err := try()
		var unreachable *unreachableError
		if !errors.As(err, &unreachable) || attempt == attempts || ctx.Err() != nil {
			return err
		}
		c.Log.Info("trying again", "attempt", attempt+1, "of", attempts, "in", pause, "because", unreachable)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause *= 2
	}
}
