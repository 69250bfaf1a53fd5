package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/subbert/subbert/backend/pjrt"
)

// probeLimit bounds the time in which a child loads a plugin and reads its table. Reading 700 MB from a slow
// disk takes seconds; a plugin may also hang.
const probeLimit = 60 * time.Second

// Probe loads a plugin in a child process, started with command and the path, and returns the plugin's
// description of itself. The child prints JSON (see [ProbeReport]) or one line on standard error.
func Probe(ctx context.Context, command []string, path string) (pjrt.Info, error) {
	var report ProbeReport
	if err := runChild(ctx, probeLimit, append(slices.Clone(command), path), &report); err != nil {
		return pjrt.Info{}, fmt.Errorf("plugin %s: %w", path, err)
	}
	if report.Error != "" {
		return pjrt.Info{}, fmt.Errorf("plugin %s: %s", path, report.Error)
	}
	return report.Info, nil
}

// ProbeReport is the output of the child of Probe.
type ProbeReport struct {
	Info  pjrt.Info `json:"info"`
	Error string    `json:"error,omitempty"`
}

// ProbeHere is the child's side of Probe: it loads the plugin into this process, which may not survive it.
func ProbeHere(path string) ProbeReport {
	info, err := pjrt.Inspect(path)
	if err != nil {
		return ProbeReport{Error: firstLine(err.Error())}
	}
	return ProbeReport{Info: info}
}

// runChild runs command for at most limit and decodes its standard output into result.
func runChild(ctx context.Context, limit time.Duration, command []string, result any) error {
	return runChildWith(ctx, limit, command, nil, result)
}

// runChildWith is runChild with in as the child's standard input.
func runChildWith(ctx context.Context, limit time.Duration, command []string, in []byte, result any) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(limited, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errOut
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case limited.Err() != nil:
		return fmt.Errorf("its child process did not answer within %s", limit)
	case err != nil:
		return childError(err, errOut.String())
	}
	if err := json.Unmarshal(out.Bytes(), result); err != nil {
		return fmt.Errorf("the child process that loaded it answered %q, want JSON", firstLine(out.String()))
	}
	return nil
}

// childError says how a child that loaded a plugin ended.
func childError(err error, stderr string) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("child process: %w", err)
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return fmt.Errorf("broken: it ended the child process that loaded it (%s)", status.Signal())
	}
	if line := firstLine(stderr); line != "" {
		return fmt.Errorf("broken: it ended the child process that loaded it (exit code %d): %s", exit.ExitCode(), line)
	}
	return fmt.Errorf("broken: it ended the child process that loaded it (exit code %d)", exit.ExitCode())
}
