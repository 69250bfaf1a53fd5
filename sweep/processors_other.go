//go:build !linux

package sweep

import "os/exec"

// startOn starts cmd; the system chooses its processors.
func startOn(cmd *exec.Cmd, slot, jobs int) error { return cmd.Start() }
