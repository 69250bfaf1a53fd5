package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a hostile input may cost beyond a small model: memory in bytes, three times the tensors that a file really has
// added, and processor time.
const (
	hostileMemory = 64 << 20
	headerMemory  = 512 << 20 // for files that describe tensors, words, settings or documents
	hostileTime   = 20 * time.Second
	tooMuch       = 2 << 30 // bytes with which a process is killed, to spare the machine
)

// hostile is an input that costs its reader much or misleads it. Files, models, corpora and configs come from anyone's
// download.
type hostile struct {
	name    string
	cheap   bool                           // -short runs it
	make    func(t *testing.T, dir string) // writes the input to dir
	input   string                         // standard input
	args    []string                       // the verb, which runs in dir
	tensors int64                          // bytes of tensors that are there
	header  bool                           // headerMemory is the limit
	code    int                            // exit code; 0: the input is sound, or read as far as it is bounded
	says    string                         // part of what is said on standard error
	keeps   string                         // pattern of the paths that may remain; empty: none
	several bool                           // it has many faults, each said in a line of its own
}

// TestHostile runs a verb on each hostile input in a process of its own. The process stays within its memory and time,
// says in one line what is wrong, and leaves no file behind.
func TestHostile(t *testing.T) {
	least := hostile{name: "a small model", make: smallModel, args: []string{"model", "inspect", "m"}}.try(t)
	for _, h := range slices.Concat(hostileModels(), hostileData(), hostileConfigs()) {
		t.Run(h.name, func(t *testing.T) {
			if testing.Short() && !h.cheap {
				t.Skip("-short: large inputs are made for it")
			}
			t.Parallel()
			limit := hostileMemory + 3*h.tensors
			if h.header {
				limit = headerMemory
			}
			if took := h.try(t); took-least > limit {
				t.Errorf("%d MB more than for a small model, want at most %d", (took-least)>>20, limit>>20)
			}
		})
	}
}

// try runs the verb of h and checks all but the memory, which it returns: that which was resident at most, in bytes.
func (h hostile) try(t *testing.T) int64 {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "tmp/empty"), nil)
	if h.make != nil {
		h.make(t, dir)
	}
	before := paths(t, dir)
	var said bytes.Buffer
	c := exec.CommandContext(t.Context(), "subbert", append([]string{"--quiet", "--backend", "go"}, h.args...)...)
	c.Dir, c.Stdin, c.Stderr, c.WaitDelay = dir, strings.NewReader(h.input), &said, time.Second
	c.Env = append(os.Environ(), "TMPDIR="+filepath.Join(dir, "tmp"), "HOME="+filepath.Join(dir, "tmp"), "STORAGE_EMULATOR_HOST=127.0.0.1:1")
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c.Stdout = out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	most := residentMost(c.Process.Pid)
	patience := time.AfterFunc(6*hostileTime, func() { _ = c.Process.Signal(syscall.SIGQUIT) }) // it prints its goroutines
	defer patience.Stop()
	if err := c.Wait(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	state, peak := c.ProcessState, <-most
	worked := state.UserTime() + state.SystemTime()
	t.Logf("%d MB, %v: %s", peak>>20, worked.Round(time.Millisecond), shorten(last(said.String())))
	if worked > hostileTime {
		t.Errorf("it took %v of the processor, want at most %v", worked, hostileTime)
	}
	h.judge(t, state.ExitCode(), said.String(), out.Name())
	for _, path := range paths(t, dir) {
		if !slices.Contains(before, path) && !(h.code == 0 && path == "out.tsv") && !(h.keeps != "" && regexp.MustCompile(h.keeps).MatchString(path)) {
			t.Errorf("left behind: %s", path)
		}
	}
	return peak
}

// residentMost returns the most memory that was resident of a process, in bytes, once the process has ended. The figure of
// wait4 is of no use here: it counts the memory of the process that started it.
func residentMost(pid int) <-chan int64 {
	most := make(chan int64, 1)
	go func() {
		kilobytes := int64(0)
		for ; kilobytes < tooMuch>>10; time.Sleep(5 * time.Millisecond) {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, rest, found := bytes.Cut(status, []byte("VmHWM:"))
			if err != nil || !found { // it has ended
				break
			}
			if _, err := fmt.Sscan(string(rest), &kilobytes); err != nil {
				break
			}
		}
		if kilobytes >= tooMuch>>10 {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
		most <- kilobytes << 10
	}()
	return most
}

// judge checks the exit code of h, what it says on standard error and what it printed to the file out.
func (h hostile) judge(t *testing.T, code int, said, out string) {
	t.Helper()
	if code != h.code || !strings.Contains(said, h.says) {
		t.Errorf("exit code %d, said %s; want %d and %q", code, shorten(said), h.code, h.says)
	}
	wrong := 0
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "error: ") {
			wrong++
		} else if h.code != 0 && !h.several && !strings.HasPrefix(line, "hint: ") && !warned.MatchString(line) {
			t.Errorf("it also says %s", shorten(line))
		}
	}
	if want := min(h.code, 1); wrong != want {
		t.Errorf("%d lines with error:, want %d: %s", wrong, want, shorten(said))
	}
	text, err := os.ReadFile(out)
	if err := errors.Join(err); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(said+string(text), "\x1b\a\b") {
		t.Errorf("it prints control characters: %q", shorten(said+string(text)))
	}
}

// warned matches the warnings that may precede an error.
var warned = regexp.MustCompile(`^level=WARN `)

// shorten cuts text for a message.
func shorten(text string) string {
	text = strings.TrimSpace(text)
	return text[:min(len(text), 400)]
}
