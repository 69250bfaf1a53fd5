package splitmix

import "testing"

// TestMix has the first numbers of SplitMix64 from 0, as its authors' code gives them.
func TestMix(t *testing.T) {
	state := uint64(0)
	for _, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		state += Golden
		if got := Mix(state); got != want {
			t.Errorf("got %#x, want %#x", got, want)
		}
	}
}
