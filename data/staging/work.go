package staging

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/subbert/subbert/internal/atomicfile"
)

// Work is a directory beside a result, DIR.work, which keeps pieces of the result until it is complete. A piece is a
// file named by the sha256 of its content. A manifest says that a task is done and names its pieces; it is complete or
// absent. A process that stops for any reason loses only its unfinished tasks. Many goroutines may use a Work at once.
type Work struct {
	dir string

	// Resume is the flag with which the same command continues the work; empty if it needs none.
	Resume string
}

// OpenWork opens the Work of earlier attempts at the directory final, or creates it. It clears away what a killed Remove left.
func OpenWork(final string) (*Work, error) {
	w := &Work{dir: filepath.Clean(final) + ".work"}
	return w, errors.Join(os.RemoveAll(w.removed()), os.MkdirAll(w.dir, 0o777))
}

// Dir is the name of the directory.
func (w *Work) Dir() string { return w.dir }

// Key is the name of a task, made from everything that its result depends on.
func Key(parts ...any) (string, error) {
	content, err := json.Marshal(parts)
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16]), err
}

// Load reads the manifest of a task into v and reports whether there is one.
func (w *Work) Load(key string, v any) (bool, error) {
	content, err := os.ReadFile(w.manifest(key))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(content, v); err != nil {
		return false, fmt.Errorf("%s: damaged: %w; remove it", w.manifest(key), err)
	}
	return true, nil
}

// Store writes the manifest of a task, whose pieces must be sealed.
func (w *Work) Store(key string, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(w.manifest(key), append(content, '\n'))
}

func (w *Work) manifest(key string) string { return filepath.Join(w.dir, "task-"+key+".json") }

// Path is the path of a sealed piece.
func (w *Work) Path(piece string) string { return filepath.Join(w.dir, piece) }

// Has reports whether a piece exists with its full size.
func (w *Work) Has(piece string, size int64) bool {
	info, err := os.Stat(w.Path(piece))
	return err == nil && info.Size() == size
}

// Done reports whether any task is done.
func (w *Work) Done() bool {
	found, err := filepath.Glob(filepath.Join(escape(w.dir), "task-*.json"))
	return err == nil && len(found) > 0
}

// Remove removes the directory. It is renamed first, so that a kill cannot leave some of its tasks, which a later attempt
// would take for the work of another request.
func (w *Work) Remove() error {
	if err := os.Rename(w.dir, w.removed()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(w.removed())
}

func (w *Work) removed() string { return w.dir + ".removed" }

// KeptError is the error of a run that kept finished work for the next attempt.
type KeptError struct {
	Dir    string
	Resume string // see Work
	Err    error
}

func (e *KeptError) Error() string { return e.Err.Error() }
func (e *KeptError) Unwrap() error { return e.Err }

// Hint says how to continue.
func (e *KeptError) Hint() string {
	again := "again"
	if e.Resume != "" {
		again = "with " + e.Resume
	}
	return "finished work is kept in " + e.Dir + "; run the same command " + again + " to continue, or remove the directory"
}

// Keep ends an attempt that failed with err. It returns a *KeptError if any task is done, else it removes
// the directory.
func (w *Work) Keep(err error) error {
	if w.Done() {
		return &KeptError{Dir: w.dir, Resume: w.Resume, Err: err}
	}
	return errors.Join(err, w.Remove())
}

// Piece is a file being written.
type Piece struct {
	work *Work
	file *os.File
	sum  hash.Hash
	size int64
}

// Create begins a piece. The caller must call Discard at the end.
func (w *Work) Create() (*Piece, error) {
	f, err := os.CreateTemp(w.dir, "partial-*")
	if err != nil {
		return nil, err
	}
	return &Piece{work: w, file: f, sum: sha256.New()}, nil
}

// Add makes a piece of a file's content and returns the piece's name.
func (w *Work) Add(path string) (_ string, err error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close() // only read from
	piece, err := w.Create()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, piece.Discard()) }()
	if _, err := io.Copy(piece, in); err != nil {
		return "", err
	}
	return piece.Seal()
}

// Write appends to the piece.
func (p *Piece) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	return n, err
}

// Size is the number of bytes written.
func (p *Piece) Size() int64 { return p.size }

// Seal makes the piece durable and returns its name, the sha256 of its content.
func (p *Piece) Seal() (string, error) {
	f := p.file
	p.file = nil
	name := hex.EncodeToString(p.sum.Sum(nil))
	if err := errors.Join(f.Chmod(0o644), Seal(f)); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), p.work.Path(name)); err != nil {
		return "", err
	}
	return name, syncDir(p.work.dir)
}

// Discard removes the piece unless it is sealed.
func (p *Piece) Discard() error {
	if p.file == nil {
		return nil
	}
	f := p.file
	p.file = nil
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Take puts a sealed piece into the directory under another name, by a link if possible, else by a copy.
func (d *Dir) Take(w *Work, piece, name string) error {
	if err := os.Link(w.Path(piece), d.Path(name)); err == nil {
		return nil
	}
	content, err := os.Open(w.Path(piece))
	if err != nil {
		return err
	}
	defer content.Close() // only read from
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = f.ReadFrom(content)
	return errors.Join(err, Seal(f))
}
