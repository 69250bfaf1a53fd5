package staging

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCommitAndDiscard(t *testing.T) {
	final := filepath.Join(t.TempDir(), "deep", "o[u]t")
	for _, commit := range []bool{false, true} {
		d, err := New(final)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.WriteFile("a", []byte("text")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(final); err == nil {
			t.Error("the directory is there before Commit")
		}
		left, err := Leftovers(final)
		if err != nil || len(left) != 1 {
			t.Errorf("leftovers %v, %v; want the one under construction", left, err)
		}
		if commit {
			if err := d.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Discard(); err != nil {
			t.Fatal(err)
		}
		if left, err := Leftovers(final); err != nil || len(left) != 0 {
			t.Errorf("leftovers %v, %v after the end, want none", left, err)
		}
		if _, err := os.Stat(filepath.Join(final, "a")); (err == nil) != commit {
			t.Errorf("commit %v: stat says %v", commit, err)
		}
	}
	if _, err := New(final); !errors.Is(err, ErrExists) {
		t.Errorf("New over a full directory: %v, want ErrExists", err)
	}
}

func TestNewTakesAnEmptyDirectory(t *testing.T) {
	final := t.TempDir()
	d, err := New(final)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(); err != nil {
		t.Error(err)
	}
}
