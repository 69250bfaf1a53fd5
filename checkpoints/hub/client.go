package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/subbert/subbert/internal/remote"
)

// DefaultEndpoint is the public hub.
const DefaultEndpoint = "https://huggingface.co"

const (
	maxListing    = 16 << 20         // bytes of a repository's description
	attempts      = 5                // in a row that transfer nothing, the first included
	reachLimit    = 10 * time.Second // for all attempts to connect to a server
	connectLimit  = 10 * time.Second // for one attempt to connect
	stallLimit    = 20 * time.Second // a transfer without a byte for this long counts as broken off
	maxRedirects  = 10
	maxErrorBytes = 4 << 10
)

// Client fetches from one endpoint into one cache. It is safe for concurrent use.
type Client struct {
	Endpoint string // no slash at its end
	Cache    string // directory
	Token    string // sent to Endpoint, unless that is plain http to another machine; empty: none
	Offline  bool   // use only the cache
	Log      *slog.Logger
	// Checked is a directory of records of the blobs that were compared with their hashes, with size and modification
	// time; empty: there are no records, and every blob is read each time.
	Checked string
	// Progress, if set, is called with the progress of a file, in bytes.
	Progress func(name string, done, total int64)
	// Pause is the time before the second attempt at a request; it doubles with each further attempt.
	Pause time.Duration
	// Stall is the time without a byte after which a transfer counts as broken off; 0: 20 seconds.
	Stall time.Duration
}

// Pull returns the model of ref, and fetches the files that the cache lacks. Offline, or if the server cannot be
// reached, it uses the cache if that holds the whole model. Every file is compared with its hash before it is used.
func (c *Client) Pull(ctx context.Context, ref Reference) (*Snapshot, error) {
	if c.Offline {
		return c.cached(ref)
	}
	p, err := c.connect()
	if err != nil {
		return nil, err
	}
	s, err := p.list(ctx, ref)
	var unreachable *unreachableError
	if errors.As(err, &unreachable) && ctx.Err() == nil {
		s, cacheErr := c.cached(ref)
		if cacheErr == nil {
			c.Log.Warn("cannot reach the server, using the cache", "repository", ref.Repository, "commit", s.Commit, "error", unreachable)
			return s, nil
		}
		var missing *NotCachedError
		if !errors.As(cacheErr, &missing) {
			err = fmt.Errorf("%w; and in the cache: %w", err, cacheErr)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	f := c.folder(ref.Repository)
	if err := p.checkRoom(f, s); err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	for i := range s.Files {
		if err := p.fetch(ctx, s, &s.Files[i]); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", ref, s.Files[i].Name, err)
		}
		if err := f.link(s.Commit, s.Files[i].Name, s.Files[i].Hash); err != nil {
			return nil, err
		}
	}
	if err := f.remember(ref.Revision, s.Commit); err != nil { // the model is complete all the same
		c.Log.Warn("cannot record the commit of the revision", "revision", ref.Revision, "error", err)
	}
	return s, nil
}

// list requests the listing of the repository at the revision and selects the files of a model.
func (p *puller) list(ctx context.Context, ref Reference) (*Snapshot, error) {
	address := fmt.Sprintf("%s/api/models/%s/revision/%s?blobs=true", p.Endpoint, ref.Repository, url.PathEscape(ref.Revision))
	var info listing
	err := p.persist(ctx, func(*remote.Tries) error {
		text, err := p.read(ctx, address)
		if err != nil {
			return err
		}
		info = listing{}
		if err := json.Unmarshal(text, &info); err != nil {
			return fmt.Errorf("the server did not return the description of a repository: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !commitForm.MatchString(info.Commit) {
		return nil, fmt.Errorf("the server returned commit %q, want 40 hexadecimal digits", info.Commit)
	}
	if commitForm.MatchString(ref.Revision) && info.Commit != ref.Revision {
		return nil, fmt.Errorf("the server returned commit %s instead of the requested one; nothing was fetched", info.Commit)
	}
	return p.choose(ref, info)
}

// listing describes a repository at a revision, as the server's API for models has it.
type listing struct {
	Commit   string    `json:"sha"`
	Siblings []*listed `json:"siblings"`
}

// listed is a file of a listing.
type listed struct {
	Name string `json:"rfilename"`
	Size int64  `json:"size"`
	Blob string `json:"blobId"` // git's hash of the file, or of the pointer to a large one
	LFS  *struct {
		SHA256 string `json:"sha256"`
		Size   int64  `json:"size"`
	} `json:"lfs"` // of a large file, else nil
}

// read reads a description whole.
func (p *puller) read(ctx context.Context, address string) ([]byte, error) {
	body, _, err := p.get(ctx, address, 0)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxListing+1))
	if err != nil {
		return nil, &unreachableError{err}
	}
	if len(text) > maxListing {
		return nil, fmt.Errorf("the server returned a description of more than %d MB", maxListing>>20)
	}
	return text, nil
}

// choose selects the files of a model from a description.
func (p *puller) choose(ref Reference, info listing) (*Snapshot, error) {
	s := &Snapshot{Repository: ref.Repository, Revision: ref.Revision, Commit: info.Commit, Dir: p.folder(ref.Repository).snapshot(info.Commit)}
	byName := make(map[string]*listed)
	for _, f := range info.Siblings {
		if f == nil {
			return nil, errors.New("the server returned a file that is null")
		}
		byName[f.Name] = f
	}
	files, err := wanted(slices.Sorted(maps.Keys(byName)))
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

// describe reads a file's size and hash from the listing.
func describe(f *listed) (File, error) {
	file := File{Name: f.Name, Bytes: f.Size, Hash: f.Blob}
	if f.LFS != nil {
		file.Bytes, file.Hash = f.LFS.Size, f.LFS.SHA256
	}
	form := map[bool]interface{ MatchString(string) bool }{true: sha256Form, false: commitForm}[f.LFS != nil]
	if !form.MatchString(file.Hash) || file.Bytes < 0 {
		return file, fmt.Errorf("%s: the server returned hash %q and %d bytes, want a SHA-256 or git hash and a size", f.Name, file.Hash, file.Bytes)
	}
	return file, nil
}

// RefusedError says that the server refused a request.
type RefusedError struct {
	Status  int
	Code    string // X-Error-Code, such as RepoNotFound
	Message string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the server returned status %d: %s", e.Status, e.Message)
}

// Hint names a remedy if there is a known one.
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
