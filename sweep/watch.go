package sweep

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Watch tells what runs say in their logs while they are working. The zero value watches no run.
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

// Lines returns, in the order of their names, a line for each run that is working: its name and the newest line of its log that
// ends with the time left, or else the last line. A run whose log is empty or elsewhere has none.
func (w *Watch) Lines() (lines []string, err error) {
	w.lock.Lock()
	working := maps.Clone(w.working)
	w.lock.Unlock()
	for _, name := range slices.Sorted(maps.Keys(working)) {
		last, failed := newest(filepath.Join(working[name], LogFile))
		if failed != nil && !errors.Is(failed, os.ErrNotExist) {
			err = errors.Join(err, failed)
		}
		if last != "" {
			lines = append(lines, name+": "+last)
		}
	}
	return lines, err
}

// newest returns, of the whole lines in the last 4096 bytes of a file, the last one that ends with the time left, or else the
// last one that is not empty.
func newest(path string) (line string, err error) {
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
	whole := string(text[:bytes.LastIndexByte(text, '\n')+1])
	for one := range strings.Lines(whole) {
		one = strings.TrimSuffix(one, "\n")
		if strings.HasSuffix(one, " left") || one != "" && !strings.HasSuffix(line, " left") {
			line = one
		}
	}
	return line, nil
}
