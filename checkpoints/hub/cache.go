package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/internal/ctxio"
)

// Snapshot is a local copy of a repository at one commit: the files that a model needs.
type Snapshot struct {
	Repository string `json:"repository"`
	Revision   string `json:"revision"` // as requested
	Commit     string `json:"commit"`
	Dir        string `json:"dir"`
	Offline    bool   `json:"offline,omitempty"` // no request was sent to the server
	Files      []File `json:"files"`
}

// File is a file of a snapshot. Hash is its SHA-256, or for a small file its git blob hash.
type File struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	Hash    string `json:"hash"`
	Fetched bool   `json:"fetched"` // downloaded by this call; false: it was in the cache
}

// Write copies the snapshot's files to w.
func (s *Snapshot) Write(ctx context.Context, w host.FileWriter) error {
	for _, f := range s.Files {
		if err := s.copyFile(ctx, w, f.Name); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

func (s *Snapshot) copyFile(ctx context.Context, w host.FileWriter, name string) error {
	from, err := ctxio.Open(ctx, filepath.Join(s.Dir, name), nil)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := w.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// folder is the cache directory of one repository.
type folder struct{ cache, name string }

func (c *Client) folder(repository string) folder {
	return folder{cache: c.Cache, name: "models--" + strings.ReplaceAll(repository, "/", "--")}
}

func (f folder) ref(revision string) string {
	return filepath.Join(f.cache, f.name, "refs", filepath.FromSlash(revision))
}
func (f folder) blob(hash string) string { return filepath.Join(f.cache, f.name, "blobs", hash) }
func (f folder) snapshot(commit string) string {
	return filepath.Join(f.cache, f.name, "snapshots", commit)
}

// lock is the lock that Python's library takes for the same blob.
func (f folder) lock(hash string) *flock.Flock {
	return flock.New(filepath.Join(f.cache, ".locks", f.name, hash+".lock"), flock.SetPermissions(0o666)) // others may share the cache
}

// commit looks up the commit to which a revision was last resolved; empty if it never was.
func (f folder) commit(revision string) (string, error) {
	if commitForm.MatchString(revision) {
		return revision, nil
	}
	text, err := os.ReadFile(f.ref(revision))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	commit := strings.TrimSpace(string(text))
	if err == nil && !commitForm.MatchString(commit) {
		err = fmt.Errorf("%s: %q is not a commit", f.ref(revision), commit)
	}
	return commit, err
}

// remember records the commit of a branch or tag.
func (f folder) remember(revision, commit string) error {
	if was, err := f.commit(revision); err == nil && was == commit {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.ref(revision)), 0o777); err != nil {
		return err
	}
	return atomicfile.WriteBytes(f.ref(revision), []byte(commit))
}

// link links a blob under its name in a snapshot. The link is relative, so that the cache can be moved.
func (f folder) link(commit, name, hash string) error {
	at, to := filepath.Join(f.snapshot(commit), name), filepath.Join("..", "..", "blobs", hash)
	if was, err := os.Readlink(at); err == nil && was == to {
		return nil // the cache may belong to another user
	}
	if err := os.MkdirAll(f.snapshot(commit), 0o777); err != nil {
		return err
	}
	return atomicfile.Symlink(to, at)
}

// cached is the snapshot of ref in the cache. It fails unless the files are a whole model.
func (c *Client) cached(ref Reference) (*Snapshot, error) {
	f := c.folder(ref.Repository)
	commit, err := f.commit(ref.Revision)
	if err != nil {
		return nil, err
	}
	missing := &NotCachedError{Reference: ref, Cache: c.Cache}
	if commit == "" {
		return nil, missing
	}
	s := &Snapshot{Repository: ref.Repository, Revision: ref.Revision, Commit: commit, Dir: f.snapshot(commit), Offline: true}
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sizes := make(map[string]int64)
	var names []string
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(s.Dir, e.Name())) // of the blob, if it exists
		if err == nil && info.Mode().IsRegular() {
			names, sizes[e.Name()] = append(names, e.Name()), info.Size()
		}
	}
	files, err := wanted(names)
	if err != nil || sizes["config.json"]+sizes["bert_config.json"] == 0 || sizes["vocab.txt"] == 0 {
		return nil, missing
	}
	for _, name := range files {
		file := File{Name: name, Bytes: sizes[name]}
		blob, err := filepath.EvalSymlinks(filepath.Join(s.Dir, name))
		if err != nil {
			return nil, err
		}
		if hash := filepath.Base(blob); commitForm.MatchString(hash) || sha256Form.MatchString(hash) { // a copy without links has none
			file.Hash = hash
			if err := c.check(blob, file); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", ref, name, err)
			}
		}
		s.Files = append(s.Files, file)
	}
	return s, nil
}

// NotCachedError says that the cache lacks a model, and that the client is offline or the server cannot be
// reached.
type NotCachedError struct {
	Reference Reference
	Cache     string
}

func (e *NotCachedError) Error() string {
	return fmt.Sprintf("%s is missing or incomplete in %s", e.Reference, e.Cache)
}

// Hint says how to get the model.
func (e *NotCachedError) Hint() string {
	return "fetch it once with a connection (subbert model pull without --offline and HF_HUB_OFFLINE), or copy the cache from another machine"
}
