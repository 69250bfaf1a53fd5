package backend

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/process"
)

// workPrefix begins the name of a directory in which an installation is made: .new-PID@HOST-RANDOM.
const workPrefix = ".new-"

// abandonedAfter is the age at which an installation directory of another machine counts as abandoned.
const abandonedAfter = 24 * time.Hour

// newWork makes a directory for an installation by this process.
func newWork(home string) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(home, fmt.Sprintf("%s%d@%s-", workPrefix, os.Getpid(), host))
}

// removeAbandoned removes the installation directories of processes that no longer run.
func removeAbandoned(home string) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		owner, ok := strings.CutPrefix(e.Name(), workPrefix)
		info, err := e.Info()
		if !ok || err != nil { // not ours, or gone just now
			continue
		}
		if !abandoned(owner, host, info.ModTime()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(home, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// abandoned reports whether the process that owns a directory, PID@HOST-RANDOM, no longer works in it.
func abandoned(owner, host string, changed time.Time) bool {
	number, rest, _ := strings.Cut(owner, "@")
	pid, err := strconv.Atoi(number)
	if err != nil || pid <= 0 || !strings.HasPrefix(rest, host+"-") {
		return time.Since(changed) > abandonedAfter
	}
	return process.Gone(pid)
}
