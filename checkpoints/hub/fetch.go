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
	"time"

	"github.com/subbert/subbert/internal/remote"
)

// lockPoll is the interval of attempts to lock a blob that another process fetches.
const lockPoll = 250 * time.Millisecond

// fetch makes sure that the cache has the blob of file.
func (p *puller) fetch(ctx context.Context, s *Snapshot, file *File) error {
	f := p.folder(s.Repository)
	if there, err := p.has(f, *file); err != nil || there {
		return err
	}
	lock := f.lock(file.Hash)
	for _, dir := range []string{filepath.Dir(lock.Path()), filepath.Dir(f.blob(file.Hash))} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	locked, err := lock.TryLock()
	if err == nil && !locked {
		p.Log.Info("waiting for another process that fetches the file", "file", file.Name)
		_, err = lock.TryLockContext(ctx, lockPoll)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", lock.Path(), err)
	}
	err = p.fetchLocked(ctx, f, s, file)
	return errors.Join(err, lock.Unlock())
}

func (p *puller) fetchLocked(ctx context.Context, f folder, s *Snapshot, file *File) error {
	blob := f.blob(file.Hash)
	there, err := p.has(f, *file) // another process may have fetched it
	if err != nil || there {
		return err
	}
	if err := os.Remove(blob); err != nil && !errors.Is(err, fs.ErrNotExist) { // it is damaged
		return err
	}
	address := fmt.Sprintf("%s/%s/resolve/%s/%s", p.Endpoint, s.Repository, s.Commit, url.PathEscape(file.Name))
	part := &part{path: blob + ".incomplete", file: *file}
	err = p.persist(ctx, func(tries *remote.Tries) error { return p.transfer(ctx, tries, address, part) })
	if err != nil {
		return err
	}
	file.Fetched = true
	if err := os.Rename(part.path, blob); err != nil {
		return err
	}
	p.remember(blob)
	return nil
}

// has reports whether the cache has an intact blob of file. A damaged one is fetched again.
func (p *puller) has(f folder, file File) (bool, error) {
	err := p.check(f.blob(file.Hash), file)
	var damaged *DamagedError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.As(err, &damaged):
		p.Log.Warn("fetching a file again", "file", file.Name, "because", damaged)
		return false, nil
	}
	return err == nil, err
}

// part is a blob that is being downloaded.
type part struct {
	path string
	file File
}

// open opens the partial file or creates it. It removes anything else at that path, such as a link.
func (p *part) open() (*os.File, error) {
	info, err := os.Lstat(p.path)
	if err == nil && !info.Mode().IsRegular() {
		if err = os.Remove(p.path); err == nil {
			err = fs.ErrNotExist
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return os.OpenFile(p.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666) // follows no link
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p.path, os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err == nil && !os.SameFile(info, opened) {
		err = fmt.Errorf("%s: replaced while it was opened", p.path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// transfer makes one attempt to download the rest of a part, and checks the whole.
func (p *puller) transfer(ctx context.Context, tries *remote.Tries, address string, part *part) (err error) {
	to, err := part.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	file := part.file
	sum := newSum(file)
	have, err := io.Copy(sum, to)
	if err != nil {
		return err
	}
	if have < file.Bytes {
		before := have
		if have, err = p.receive(ctx, address, file, to, sum, have); have > before {
			tries.Progress()
		}
		if err != nil {
			return err
		}
	}
	if have != file.Bytes || hex.EncodeToString(sum.Sum(nil)) != file.Hash {
		// The partial file is unusable; the next call starts from the beginning.
		return errors.Join(fmt.Errorf("damaged: %d bytes with hash %x, want %d with %s; try again", have, sum.Sum(nil), file.Bytes, file.Hash), os.Remove(part.path))
	}
	return to.Sync()
}

// receive appends the bytes from address to the have bytes of to, and to sum, and returns the new number of bytes.
func (p *puller) receive(ctx context.Context, address string, file File, to *os.File, sum hash.Hash, have int64) (int64, error) {
	body, response, err := p.get(ctx, address, have)
	if err != nil {
		return have, err
	}
	defer body.Close()
	if have > 0 && !continues(response, have) { // the server sends the file from its beginning
		if _, err := to.Seek(0, io.SeekStart); err != nil {
			return have, err
		}
		if err := to.Truncate(0); err != nil {
			return have, err
		}
		start(sum, file)
		have = 0
	}
	told := &meter{client: p.Client, file: file, done: have}
	n, err := io.Copy(io.MultiWriter(to, sum, told), io.LimitReader(body, file.Bytes-have+1)) // a surplus byte is an error
	have += n
	if err == nil && have < file.Bytes {
		err = io.ErrUnexpectedEOF
	}
	var disk *fs.PathError
	if err != nil && !errors.As(err, &disk) {
		err = &unreachableError{fmt.Errorf("connection lost after %d of %d bytes: %w", have, file.Bytes, err)}
	}
	return have, err
}

// continues reports whether the response starts at byte have.
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

// start resets sum to the beginning of file. Git hashes a header with the size before the contents.
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
