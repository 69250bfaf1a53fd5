package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInterruptedPip: when the context ends, pip and the processes that it started end at once, and nothing is left of
// what they kept for a while.
func TestInterruptedPip(t *testing.T) {
	home, pids := t.TempDir(), filepath.Join(t.TempDir(), "pids")
	// A pip that ignores SIGTERM and downloads in a child, which holds its output open.
	script := fmt.Sprintf(`trap '' TERM; touch $TMPDIR/part; case $TMPDIR in */.new-*) ;; *) exit 9;; esac; (trap '' TERM; echo x; sleep 60) & echo $$ $! > %[1]s.new; mv %[1]s.new %[1]s; wait`, pids)
	r := Release{Name: CPU, Version: "1", Wheels: []Wheel{{Project: "toy", Version: "1", Platform: "any"}}}
	ctx, cancel := context.WithCancelCause(t.Context())
	var progress bytes.Buffer
	ended := make(chan error)
	go func() {
		_, err := Install(ctx, home, r, InstallOptions{Fetch: Pip([]string{"sh", "-c", script, "pip"}, &progress), Log: slog.New(slog.DiscardHandler)})
		ended <- err
	}()
	var text []byte
	for begin := time.Now(); len(text) == 0; time.Sleep(5 * time.Millisecond) {
		text, _ = os.ReadFile(pids)
		if time.Since(begin) > 10*time.Second {
			t.Fatal("pip does not start")
		}
	}
	begin := time.Now()
	cancel(errors.New("signal"))
	if err := <-ended; !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want the context's in one line", err)
	}
	if spent := time.Since(begin); spent > 800*time.Millisecond {
		t.Errorf("it took %s to end", spent)
	}
	for _, field := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		if !gone(pid) {
			t.Errorf("process %d of %q goes on", pid, text)
		}
	}
	checkEmpty(t, filepath.Join(home, CPU))
}

// gone says whether a process ends within a second. One that nobody waited for is gone.
func gone(pid int) bool {
	for range 100 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || err == nil && strings.Contains(string(stat), ") Z ") {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("%s holds %v (%v), want nothing", dir, entries, err)
	}
}

// TestInterruptedUnpacking: an installation ends in the middle of a large file.
func TestInterruptedUnpacking(t *testing.T) {
	r, wheels := toyRelease(t)
	ctx, cancel := context.WithCancel(t.Context())
	home := t.TempDir()
	o := InstallOptions{Wheels: wheels, Log: slog.New(stopAt{slog.DiscardHandler, "unpacking", cancel})}
	if _, err := Install(ctx, home, r, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	checkEmpty(t, filepath.Join(home, CPU))
}

// stopAt calls stop at the first record of a message.
type stopAt struct {
	slog.Handler
	message string
	stop    func()
}

func (s stopAt) Enabled(context.Context, slog.Level) bool { return true }
func (s stopAt) Handle(_ context.Context, r slog.Record) error {
	if r.Message == s.message {
		s.stop()
	}
	return nil
}

// TestAbandoned: the next installation removes what killed ones have left, and nothing else.
func TestAbandoned(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	dead := deadProcess(t)
	long, short := -25*time.Hour, -time.Hour
	for _, c := range []struct {
		name  string // %d is a process that is dead
		age   time.Duration
		stays bool
	}{
		{fmt.Sprintf(".new-%d@%s-1", dead, host), 0, false},
		{fmt.Sprintf(".new-%d@%s-1", os.Getpid(), host), long, true},
		{fmt.Sprintf(".new-%d@%s-1", os.Getppid(), host), 0, true},
		{fmt.Sprintf(".new-%d@elsewhere-1", dead), short, true},
		{fmt.Sprintf(".new-%d@elsewhere-1", dead), long, false},
		{".new-123456", short, true}, // of an earlier release
		{".new-123456", long, false},
		{"0.9", long, true},
	} {
		t.Run(fmt.Sprintf("%s of %s", c.name, c.age), func(t *testing.T) {
			dir := t.TempDir()
			left := filepath.Join(dir, CPU, c.name)
			changed := time.Now().Add(c.age)
			if err := errors.Join(os.MkdirAll(filepath.Join(left, "tree"), 0o755), os.Chtimes(left, changed, changed)); err != nil {
				t.Fatal(err)
			}
			r, wheels := toyRelease(t)
			for range 2 { // also where there is nothing to install
				if _, err := Install(t.Context(), dir, r, InstallOptions{Wheels: wheels, Log: slog.New(slog.DiscardHandler)}); err != nil {
					t.Fatal(err)
				}
				if _, err := os.Stat(left); errors.Is(err, fs.ErrNotExist) == c.stays {
					t.Errorf("stat %v, want that it stays: %t", err, c.stays)
				}
			}
		})
	}
}

// deadProcess is the id of a process that has ended.
func deadProcess(t *testing.T) int {
	t.Helper()
	p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	return p.Pid
}
