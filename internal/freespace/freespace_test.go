package freespace

import (
	"path/filepath"
	"testing"
)

func TestOf(t *testing.T) {
	dir := t.TempDir()
	free, err := Of(dir)
	if err != nil || free <= 0 {
		t.Errorf("%d bytes free (%v), want some", free, err)
	}
	if _, err := Of(filepath.Join(dir, "not", "there", "yet")); err != nil {
		t.Errorf("a directory that is not there yet: %v", err)
	}
}
