package checkpoints

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// ErrNone says that a directory holds no usable checkpoint.
var ErrNone = errors.New("no checkpoint")

// Step is a complete checkpoint whose files were verified when it was opened.
type Step struct {
	Step  int
	Dir   string
	Saved time.Time
	Bytes int64 // of all files, the manifest left out
	files map[string]fileSeal
}

// Path is the path of the checkpoint's file of that name; an error if there is none.
func (s *Step) Path(name string) (string, error) {
	if _, ok := s.files[name]; !ok {
		return "", fmt.Errorf("%s: no file %s", s.Dir, name)
	}
	return filepath.Join(s.Dir, name), nil
}

// OpenStep checks every file of the step directory dir against its manifest.
func OpenStep(dir string) (*Step, error) {
	m, err := readManifest(dir)
	if err == nil {
		err = m.verify(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &Step{Step: m.Step, Dir: dir, Saved: m.Saved, Bytes: m.size(), files: m.Files}, nil
}

// Passed is a checkpoint that Latest skipped.
type Passed struct {
	Step int
	Err  error // what is wrong with it
}

// Latest opens the newest intact checkpoint under root. It also returns the newer, damaged ones, newest first, for
// the caller to report. If there is no intact one, the error is or wraps ErrNone.
func Latest(root string) (*Step, []Passed, error) {
	found, err := steps(root)
	if err != nil {
		return nil, nil, err
	}
	var passed []Passed
	for _, step := range slices.Backward(found) {
		s, err := OpenStep(filepath.Join(root, stepName(step)))
		if err == nil {
			return s, passed, nil
		}
		passed = append(passed, Passed{Step: step, Err: err})
	}
	if len(passed) == 0 {
		return nil, nil, fmt.Errorf("%s: %w", root, ErrNone)
	}
	return nil, passed, fmt.Errorf("%s: %w of %d is intact; the newest: %w", root, ErrNone, len(passed), passed[0].Err)
}
