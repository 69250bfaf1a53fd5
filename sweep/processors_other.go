//go:build !linux

package sweep

import "os/exec"

// startOn starts cmd; which processors it runs on is the system's choice.
func startOn(cmd *exec.Cmd, slot, jobs int) error { return cmd.Start() }
