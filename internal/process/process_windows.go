package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// Lead makes cmd, once started, the leader of a group: Ctrl+C in a console does not reach it.
func Lead(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// KillGroup ends the process at once, but on Windows not those that it started.
func KillGroup(leader *os.Process) error { return leader.Kill() }

// Terminate returns an error: Windows has no such signal.
func Terminate(pid int) error {
	return fmt.Errorf("process %d: Windows cannot ask a process to end: %w", pid, errors.ErrUnsupported)
}

// Gone reports whether there is no process pid.
func Gone(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	return p.Release() != nil
}

// Become runs a program with args, the first of which is its name, and exits with its exit code. It returns only if
// the program cannot be started.
func Become(program string, args, env []string) error {
	cmd := exec.Cmd{Path: program, Args: args, Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	os.Exit(cmd.ProcessState.ExitCode())
	return nil
}

// LimitMemory returns an error: Windows has no such limit.
func LimitMemory(uint64) error { return fmt.Errorf("limit memory: Windows: %w", errors.ErrUnsupported) }
