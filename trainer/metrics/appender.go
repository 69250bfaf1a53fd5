package metrics

import (
	"errors"
	"os"
)

// appender appends to a file. It keeps the bytes that a full disk did not take and writes them before the next ones,
// so that the file never has a gap.
type appender struct {
	file   *os.File
	behind []byte      // not written yet
	told   func(error) // receives the first failure in a row instead of the caller; nil: failures are errors
	failed bool
}

// Write implements io.Writer.
func (a *appender) Write(p []byte) (int, error) {
	a.behind = append(a.behind, p...)
	err := a.flush()
	if err != nil && a.told != nil {
		if !a.failed {
			a.told(err)
		}
		a.failed = true
		return len(p), nil
	}
	a.failed = false
	return len(p), err
}

func (a *appender) flush() error {
	n, err := a.file.Write(a.behind)
	a.behind = append(a.behind[:0], a.behind[n:]...)
	return err
}

// close writes the pending bytes, syncs and closes the file.
func (a *appender) close() error {
	var err error
	if len(a.behind) > 0 {
		err = a.flush()
	}
	return errors.Join(err, a.file.Sync(), a.file.Close())
}
