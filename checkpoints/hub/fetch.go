package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// lockPoll is how often a blob that another process fetches is asked for.
const lockPoll = 250 * time.Millisecond

// fetch has the blob of file in the cache.
func (c *Client) fetch(ctx context.Context, s *Snapshot, file *File) error {
	f := c.folder(s.Repository)
	if there, err := hasBlob(f.blob(file.Hash), file.Bytes); err != nil || there {
		return err
	}
	lock := f.lock(file.Hash)
	for _, dir := range []string{filepath.Dir(lock.Path()), filepath.Dir(f.blob(file.Hash))} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("%s: %w", lock.Path(), err)
	}
	err := c.fetchLocked(ctx, f, s, file)
	return errors.Join(err, lock.Unlock())
}

func (c *Client) fetchLocked(ctx context.Context, f folder, s *Snapshot, file *File) error {
	blob := f.blob(file.Hash)
	if there, err := hasBlob(blob, file.Bytes); err != nil || there { // another process was faster
		return err
	}
	address := fmt.Sprintf("%s/%s/resolve/%s/%s", c.Endpoint, s.Repository, s.Commit, url.PathEscape(file.Name))
	part := &part{path: blob + ".incomplete", file: *file}
	err := c.persist(ctx, func() error { return c.transfer(ctx, address, part) })
	if err != nil {
		return errors.Join(err, ctx.Err())
	}
	file.Fetched = true
	return os.Rename(part.path, blob)
}

// hasBlob says whether the blob is there with the right size. Its name says what is in it; one of another size is
// damaged and removed.
func hasBlob(path string, size int64) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Size() == size:
		return true, nil
	}
	return false, os.Remove(path)
}

// part is a blob on its way.
type part struct {
	path string
	file File
}

// transfer makes one attempt at the rest of p, and checks the whole.
func (c *Client) transfer(ctx context.Context, address string, p *part) (err error) {
	to, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	sum := newSum(p.file)
	have, err := io.Copy(sum, to)
	if err != nil {
		return err
	}
	if have < p.file.Bytes {
		if have, err = c.receive(ctx, address, p.file, to, sum, have); err != nil {
			return err
		}
	}
	if have != p.file.Bytes || hex.EncodeToString(sum.Sum(nil)) != p.file.Hash {
		// What is there cannot be continued; the next call starts anew.
		return errors.Join(fmt.Errorf("damaged: %d bytes with hash %x, want %d with %s; try again", have, sum.Sum(nil), p.file.Bytes, p.file.Hash), os.Remove(p.path))
	}
	return to.Sync()
}

// receive appends what comes from address to the have bytes of to, and to sum, and returns how many there are then.
func (c *Client) receive(ctx context.Context, address string, file File, to *os.File, sum hash.Hash, have int64) (int64, error) {
	body, response, err := c.get(ctx, address, have)
	if err != nil {
		return have, err
	}
	defer body.Close()
	if have > 0 && !continues(response, have) { // the server sends the whole file
		if _, err := to.Seek(0, io.SeekStart); err != nil {
			return have, err
		}
		if err := to.Truncate(0); err != nil {
			return have, err
		}
		start(sum, file)
		have = 0
	}
	told := &meter{client: c, file: file, done: have}
	n, err := io.Copy(io.MultiWriter(to, sum, told), io.LimitReader(body, file.Bytes-have+1)) // one byte more would be wrong
	have += n
	if err == nil && have < file.Bytes {
		err = io.ErrUnexpectedEOF
	}
	var disk *fs.PathError
	if err != nil && !errors.As(err, &disk) {
		err = &unreachableError{fmt.Errorf("broken off after %d of %d bytes: %w", have, file.Bytes, err)}
	}
	return have, err
}

// continues says whether the response starts at byte have.
func continues(response *http.Response, have int64) bool {
	var from int64
	_, err := fmt.Sscanf(response.Header.Get("Content-Range"), "bytes %d-", &from)
	return response.StatusCode == http.StatusPartialContent && err == nil && from == have
}

// newSum is the hash that names a blob: SHA-256 of large files, git's of small ones.
func newSum(file File) hash.Hash {
	if sha256Form.MatchString(file.Hash) {
		return sha256.New()
	}
	sum := sha1.New()
	start(sum, file)
	return sum
}

// start puts sum at the beginning of file. Git hashes a header with the size before the contents.
func start(sum hash.Hash, file File) {
	sum.Reset()
	if sum.Size() == sha1.Size {
		fmt.Fprintf(sum, "blob %d\x00", file.Bytes) // a hash.Hash never fails
	}
}

// meter reports progress.
type meter struct {
	client *Client
	file   File
	done   int64
}

func (m *meter) Write(p []byte) (int, error) {
	m.done += int64(len(p))
	if m.client.Progress != nil {
		m.client.Progress(m.file.Name, m.done, m.file.Bytes)
	}
	return len(p), nil
}

// watch cancels a request whose response has stopped coming.
type watch struct {
	limit  time.Duration
	timer  *time.Timer
	cancel func()
	once   sync.Once
}

func newWatch(limit time.Duration, cancel func()) *watch {
	return &watch{limit: limit, timer: time.AfterFunc(limit, cancel), cancel: cancel}
}

func (w *watch) stop() {
	w.once.Do(func() {
		w.timer.Stop()
		w.cancel()
	})
}

// body is the response's body, under watch until it is closed.
func (w *watch) body(from io.ReadCloser) io.ReadCloser { return &watched{from, w} }

type watched struct {
	io.ReadCloser
	watch *watch
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.watch.timer.Reset(b.watch.limit)
	return n, err
}

func (b *watched) Close() error {
	b.watch.stop()
	return b.ReadCloser.Close()
}
