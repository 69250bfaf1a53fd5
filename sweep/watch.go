package sweep

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Watch tells what runs say while they are working: the last lines of their logs. The zero value watches no run.
type Watch struct {
	lock    sync.Mutex
	working map[string]string // directories of runs by name
}

// Note notes the new status of a run; a function for Sweep.Tell.
func (w *Watch) Note(s Status) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.working == nil {
		w.working = map[string]string{}
	}
	if s.State == Running {
		w.working[s.Name] = s.Dir
	} else {
		delete(w.working, s.Name)
	}
}

// Lines returns, in the order of their names, a line for each run that is working: its name and the last line of its log. A run
// whose log is empty or elsewhere has none.
func (w *Watch) Lines() (lines []string, err error) {
	w.lock.Lock()
	working := maps.Clone(w.working)
	w.lock.Unlock()
	for _, name := range slices.Sorted(maps.Keys(working)) {
		last, failed := lastLine(filepath.Join(working[name], LogFile))
		if failed != nil && !errors.Is(failed, os.ErrNotExist) {
			err = errors.Join(err, failed)
		}
		if last != "" {
			lines = append(lines, name+": "+last)
		}
	}
	return lines, err
}

// lastLine returns the last whole line of a file that is not empty, of no more than its last 4096 bytes.
func lastLine(path string) (line string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-4096), 4096))
	if err != nil {
		return "", err
	}
	text = bytes.TrimRight(text[:bytes.LastIndexByte(text, '\n')+1], "\n")
	return string(text[bytes.LastIndexByte(text, '\n')+1:]), nil
}
