package sweep

import (
	"fmt"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// startOn starts cmd on the share of this process's processors for slot.
//
// A process uses as many threads as it may use processors. Two processes that each use all of them slow each other
// down: two fine-tunings on two processors took a third longer than with one processor each (docs/performance.md).
func startOn(cmd *exec.Cmd, slot, jobs int) error {
	if jobs <= 1 {
		return cmd.Start()
	}
	// A process inherits the processors of the thread that starts it.
	runtime.LockOSThread()
	var all, some unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("processors of this process: %w", err)
	}
	var processors []int
	for i := 0; len(processors) < all.Count(); i++ {
		if all.IsSet(i) {
			processors = append(processors, i)
		}
	}
	for _, i := range share(processors, slot, jobs) {
		some.Set(i)
	}
	if err := unix.SchedSetaffinity(0, &some); err != nil {
		runtime.UnlockOSThread()
		return cmd.Start() // not permitted here: slower, but the same result
	}
	started := cmd.Start()
	if err := unix.SchedSetaffinity(0, &all); err != nil {
		return started // the thread stays locked, and ends with this goroutine
	}
	runtime.UnlockOSThread()
	return started
}
