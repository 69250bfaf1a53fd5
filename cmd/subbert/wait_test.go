package main

import (
	"os/exec"
	"testing"
	"time"
)

// eventually returns once done reports true. It fails the test after a minute; what describes what was awaited.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(200 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s after a minute", what)
		}
	}
}

// running is a started process. Its end is noticed while others look at its work.
type running struct {
	*exec.Cmd
	ended chan error
}

// begin starts c.
func begin(t *testing.T, c *exec.Cmd) *running {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{c, make(chan error, 1)}
	go func() { r.ended <- c.Wait() }()
	return r
}

// until returns once done reports true. It fails the test if the process ends before that.
func (r *running) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	eventually(t, what, func() bool {
		select {
		case err := <-r.ended:
			t.Fatalf("the process ended before there was %s: %v\n%s", what, err, r.Stderr)
		default:
		}
		return done()
	})
}

// kill kills the process and waits for its end.
func (r *running) kill(t *testing.T) {
	t.Helper()
	if err := r.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-r.ended; err == nil {
		t.Error("the process was over before it was killed")
	}
}
