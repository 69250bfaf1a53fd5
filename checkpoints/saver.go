package checkpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Saver writes steps into a run's checkpoint directory. Only one process may save into a directory at a time, and
// only one goroutine may use a Saver at a time. To save in the background, call Save in a goroutine.
type Saver struct {
	root string
	fsys filesystem
	now  func() time.Time
}

// NewSaver opens the directory root, creates it if necessary, and removes the remains of killed saves.
func NewSaver(root string) (*Saver, error) { return newSaver(root, disk{}, time.Now) }

func newSaver(root string, fsys filesystem, now func() time.Time) (*Saver, error) {
	s := &Saver{root: root, fsys: fsys, now: now}
	if err := fsys.MkdirAll(root); err != nil {
		return nil, err
	}
	if err := fsys.SyncDir(filepath.Dir(root)); err != nil {
		return nil, err
	}
	entries, err := fsys.ReadDir(root)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if isLeftover(e) {
			if err := s.clean(e.Name()); err != nil {
				return nil, fmt.Errorf("remove the files of a killed save: %w", err)
			}
		}
	}
	return s, nil
}

// clean removes what a killed save left under a name, unless it is the old checkpoint of a step whose new one has not
// arrived: that gets its name back.
func (s *Saver) clean(name string) error {
	path := filepath.Join(s.root, name)
	if old, ok := strings.CutSuffix(name, asideSuffix); ok {
		final := filepath.Join(s.root, strings.TrimPrefix(old, temporaryPrefix))
		if _, err := s.fsys.ReadDir(final); errors.Is(err, fs.ErrNotExist) {
			return s.fsys.Rename(path, final)
		}
	}
	return s.fsys.RemoveAll(path)
}

// Saved says what a Save did.
type Saved struct {
	Step    int
	Dir     string
	Bytes   int64         // of all files, the manifest left out
	Took    time.Duration // until the checkpoint was durable
	Existed bool          // a valid checkpoint of this step existed; nothing was written
}

// Save writes the checkpoint of a step with the files that write creates. After any error, also of write, the
// step is as it was before and the temporary files are removed.
//
// Because the state at a step is always the same, Save keeps an existing valid checkpoint of the step without
// calling write; it replaces a damaged one.
func (s *Saver) Save(step int, write func(FileWriter) error) (Saved, error) {
	dir := filepath.Join(s.root, stepName(step))
	if old, err := OpenStep(dir); err == nil {
		return Saved{Step: step, Dir: dir, Existed: true, Bytes: old.Bytes}, nil
	}
	return s.Replace(step, write)
}

// Replace is Save for a step about which more is known than its checkpoint says: it also replaces a valid one. A
// process that is killed in it leaves the old checkpoint or the new one; the next NewSaver sees to it.
func (s *Saver) Replace(step int, write func(FileWriter) error) (Saved, error) {
	start := s.now()
	saved := Saved{Step: step, Dir: filepath.Join(s.root, stepName(step))}
	if step < 0 {
		return saved, fmt.Errorf("save: step %d, want 0 or more", step)
	}
	temporary := filepath.Join(s.root, temporaryName(step))
	bytes, err := s.fill(temporary, step, write)
	if err == nil {
		err = s.commit(temporary, saved.Dir)
	}
	if err != nil {
		return saved, errors.Join(fmt.Errorf("save step %d: %w", step, err), s.fsys.RemoveAll(temporary))
	}
	saved.Bytes, saved.Took = bytes, s.now().Sub(start)
	return saved, nil
}

// fill creates the temporary directory with all files, and syncs it.
func (s *Saver) fill(dir string, step int, write func(FileWriter) error) (int64, error) {
	if err := s.fsys.RemoveAll(dir); err != nil { // of a failed attempt that could not clean up
		return 0, err
	}
	if err := s.fsys.Mkdir(dir); err != nil {
		return 0, err
	}
	files := &stepFiles{fsys: s.fsys, dir: dir, seals: make(map[string]fileSeal)}
	if err := write(files); err != nil {
		return 0, errors.Join(err, files.abandon())
	}
	if files.open != nil && !files.open.closed {
		return 0, errors.Join(fmt.Errorf("%s was not closed", files.name), files.abandon())
	}
	m := manifest{Format: manifestFormat, Step: step, Saved: s.now().UTC(), Files: files.seals}
	if err := writeManifest(s.fsys, dir, m); err != nil {
		return 0, err
	}
	return m.size(), s.fsys.SyncDir(dir)
}

// commit renames the finished directory to its final name. It first renames a predecessor, because removing it in
// place could be interrupted, and renames it back if the new one does not arrive.
func (s *Saver) commit(temporary, final string) error {
	aside := temporary + asideSuffix
	err := s.fsys.Rename(final, aside)
	replaces := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = s.fsys.Rename(temporary, final)
	if err == nil {
		if err = s.fsys.SyncDir(s.root); err != nil {
			err = errors.Join(err, s.fsys.RemoveAll(final)) // not known to be durable: not saved
		}
	}
	switch {
	case err != nil && replaces:
		return errors.Join(err, s.fsys.Rename(aside, final))
	case replaces:
		return s.fsys.RemoveAll(aside)
	}
	return err
}

func writeManifest(fsys filesystem, dir string, m manifest) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := createIn(fsys, dir, manifestName, func(int64, uint32) {})
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	return errors.Join(err, f.Close())
}

// stepFiles is the FileWriter of a step being saved.
type stepFiles struct {
	fsys  filesystem
	dir   string
	seals map[string]fileSeal
	name  string       // of the file being written
	open  *checksummed // that file
}

func (s *stepFiles) Create(name string) (io.WriteCloser, error) {
	if err := plainName(name); err != nil {
		return nil, err
	}
	if name == manifestName {
		return nil, fmt.Errorf("file %q already exists", name)
	}
	if s.open != nil && !s.open.closed {
		return nil, fmt.Errorf("%s was not closed", s.name)
	}
	f, err := createIn(s.fsys, s.dir, name, func(size int64, crc uint32) {
		s.seals[name] = (&checksum{size: size, crc: crc}).seal()
	})
	if err != nil {
		return nil, err
	}
	s.name, s.open = name, f
	return f, nil
}

// abandon closes the file that a failed write left open; its contents do not matter.
func (s *stepFiles) abandon() error {
	if s.open == nil || s.open.closed {
		return nil
	}
	s.open.closed = true
	return s.open.file.Close()
}

const (
	stepPrefix      = "step-"
	temporaryPrefix = ".saving-"
	removingPrefix  = ".removing-"
	asideSuffix     = ".replaced"
)

// stepName is the directory of a step; seven digits keep a listing in order up to ten million.
func stepName(step int) string { return fmt.Sprintf("%s%07d", stepPrefix, step) }

func temporaryName(step int) string { return temporaryPrefix + stepName(step) }

// parseStep is the inverse of stepName and accepts nothing else.
func parseStep(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, stepPrefix)
	if !ok {
		return 0, false
	}
	step, err := strconv.Atoi(digits)
	return step, err == nil && step >= 0 && stepName(step) == name
}

func isLeftover(e fs.DirEntry) bool {
	return strings.HasPrefix(e.Name(), temporaryPrefix) || strings.HasPrefix(e.Name(), removingPrefix)
}

// steps lists the steps that have a directory under root, in ascending order, complete or not.
func steps(root string) ([]int, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	var found []int
	for _, e := range entries {
		if step, ok := parseStep(e.Name()); ok && e.IsDir() {
			found = append(found, step)
		}
	}
	slices.Sort(found)
	return found, nil
}
