//go:build unix

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Lead makes cmd, once started, the leader of a process group: signals that a terminal sends to this process do not
// reach it, and KillGroup ends it with all processes that it started.
func Lead(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// KillGroup ends the group of leader at once.
func KillGroup(leader *os.Process) error { return syscall.Kill(-leader.Pid, syscall.SIGKILL) }

// Terminate asks the process pid to save its state and end.
func Terminate(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }

// Gone reports whether there is no process pid.
func Gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// Become replaces this process by a program with args, the first of which is its name. It returns only if that
// fails.
func Become(program string, args, env []string) error {
	return fmt.Errorf("%s: %w", program, syscall.Exec(program, args, env))
}

// LimitMemory limits the memory of this process, and of those that it starts, to a number of bytes.
func LimitMemory(bytes uint64) error {
	limit := syscall.Rlimit{Cur: bytes, Max: bytes}
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		return fmt.Errorf("limit memory: %w", err)
	}
	return nil
}
