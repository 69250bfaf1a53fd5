package plan

import (
	"errors"
	"strings"
	"testing"
)

// TestLargest searches for every answer from several starts.
func TestLargest(t *testing.T) {
	for _, start := range []int{1, 3, 24, 200} {
		for _, limit := range []int{1, 2, 7, 24, 100, 777} {
			tries := 0
			best, err := largest(func(n int) (Plan, bool, error) {
				tries++
				return Plan{MicroBatch: n}, n <= limit, nil
			}, start)
			if got := best.MicroBatch; err != nil || got > limit || got < limit-max(1, limit/8) {
				t.Errorf("from %d with %d that fit: found %d, %v", start, limit, got, err)
			}
			if tries > 16 {
				t.Errorf("from %d with %d that fit: %d tries", start, limit, tries)
			}
		}
	}
	if _, err := largest(func(int) (Plan, bool, error) { return Plan{}, false, nil }, 4); err == nil {
		t.Error("nothing fits, and no error")
	}
	broken := errors.New("broken")
	if _, err := largest(func(int) (Plan, bool, error) { return Plan{}, false, broken }, 4); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if best, err := largest(func(n int) (Plan, bool, error) { return Plan{MicroBatch: n}, true, nil }, 4); err != nil || best.MicroBatch < maxRowsPerDevice {
		t.Errorf("everything fits: %d, %v", best.MicroBatch, err)
	}
}

// TestOutOfMemory: the compiler's page is one line.
func TestOutOfMemory(t *testing.T) {
	const text = "RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 27.04G of 15.48G hbm. Exceeded hbm capacity by 11.56G.\n\nTotal hbm usage >= 27.56G:\n"
	err := &OutOfMemoryError{Device: "v3-8", Graph: "train", Text: text}
	if got, want := err.Error(), "v3-8: the step does not fit: it needs 27.04GiB of the 15.48GiB of memory of a device"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	err.Text = "something else\nand more"
	if got := err.Error(); strings.Contains(got, "\n") || !strings.Contains(got, "something else") {
		t.Errorf("got %q", got)
	}
}
