package bucket_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/buckettest"
)

func TestMemory(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Store { return &bucket.Memory{} })
}

func TestLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := context.Background(), &bucket.Memory{}
		a, err := bucket.Acquire(ctx, s, "lease", "a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Second)
		if err := a.Renew(ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Second)
		var held *bucket.HeldError
		if _, err := bucket.Acquire(ctx, s, "lease", "b", time.Minute); !errors.As(err, &held) {
			t.Fatalf("a renewed lease was taken: %v", err)
		}
		time.Sleep(11 * time.Second)
		if _, err := bucket.Acquire(ctx, s, "lease", "b", time.Minute); err != nil {
			t.Fatalf("a lease that ran out: %v", err)
		}
		if err := a.Renew(ctx); !errors.Is(err, bucket.ErrLost) {
			t.Errorf("renewing it: %v, want ErrLost", err)
		}
	})
}

// deaf makes one write and loses the answer; the client's repetition then fails its condition.
type deaf struct{ *bucket.Memory }

func (d deaf) Write(ctx context.Context, name string, r io.Reader, when bucket.Condition) (bucket.Object, error) {
	if _, err := d.Memory.Write(ctx, name, r, when); err != nil {
		return bucket.Object{}, err
	}
	return bucket.Object{}, bucket.ErrChanged
}

func TestLostAnswerIsNotALostLease(t *testing.T) {
	s := &bucket.Memory{}
	l, err := bucket.Acquire(t.Context(), deaf{s}, "lease", "a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// hasty is a store whose next write arrives, but whose caller does not wait for the answer.
type hasty struct {
	*bucket.Memory
	leave bool
}

func (h *hasty) Write(ctx context.Context, name string, r io.Reader, when bucket.Condition) (bucket.Object, error) {
	o, err := h.Memory.Write(ctx, name, r, when)
	if h.leave {
		h.leave = false
		return bucket.Object{}, context.Canceled
	}
	return o, err
}

// TestCancelledWriteIsNotALostLease: a renewal that was given up but arrived does not make the release that follows
// believe that somebody else has the lease; and what it committed stays.
func TestCancelledWriteIsNotALostLease(t *testing.T) {
	s := &hasty{Memory: &bucket.Memory{}}
	l, err := bucket.Acquire(t.Context(), s, "lease", "a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s.leave = true
	if err := l.Note(t.Context(), "arrived"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := bucket.Peek(t.Context(), s, "lease")
	if err != nil || !got.Until.IsZero() || string(got.Notes) != `"arrived"` {
		t.Errorf("ledger %+v, %v; want it released, with the note", got, err)
	}
	if _, err := bucket.Acquire(t.Context(), s, "lease", "b", time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := l.Renew(t.Context()); !errors.Is(err, bucket.ErrLost) {
		t.Errorf("%v, want ErrLost once another has it", err)
	}
}

// names are those of all that is in a store.
func names(t *testing.T, s bucket.Store) (all []string) {
	t.Helper()
	found, err := s.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range found {
		all = append(all, o.Name)
	}
	return all
}

// TestTreeOfHiddenDirectory: the tree that is asked for is sent though its own name begins with a dot.
func TestTreeOfHiddenDirectory(t *testing.T) {
	s, dir := &bucket.Memory{}, filepath.Join(t.TempDir(), ".models")
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, ".git"), 0o755), os.WriteFile(filepath.Join(dir, "a"), nil, 0o644), os.WriteFile(filepath.Join(dir, ".git", "b"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for prefix, local := range map[string]string{"absolute": dir, "here": "."} {
		if err := bucket.PutTree(t.Context(), s, prefix, local); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"absolute/a", "absolute/tree.json", "here/a", "here/tree.json"}, names(t, s)); diff != "" {
		t.Errorf("in the store, want then got:\n%s", diff)
	}
}

func TestTrees(t *testing.T) {
	s, from, to := &bucket.Memory{}, t.TempDir(), t.TempDir()
	from = filepath.Join(from, ".cache", "model") // that it lies in a hidden directory does not hide it
	for name, text := range map[string]string{
		"config.json": "{}", "deep/vocab.txt": "[PAD]\n", "deep/.lock": "x", ".env": "x", ".git/config": "x", ".ssh/id_rsa": "x",
		"deep/.ipynb_checkpoints/more/vocab.txt": "x", ".config.json": "x",
	} {
		file := filepath.Join(from, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("config.json", filepath.Join(from, "link.json")); err != nil { // as in the cache of hub models
		t.Fatal(err)
	}
	if err := bucket.PutTree(t.Context(), s, "in", from); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "config.json"), []byte("[]"), 0o644); err != nil { // the same size
		t.Fatal(err)
	}
	if err := bucket.GetTree(t.Context(), s, "in", to); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(to, "config.json")); err != nil || string(text) != "{}" {
		t.Errorf("config.json is %q (%v), want {}", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(to, "link.json")); err != nil || string(text) != "{}" {
		t.Errorf("link.json is %q (%v), want what it links to", text, err)
	}
	want := []string{"in/config.json", "in/deep/vocab.txt", "in/link.json", "in/tree.json"}
	if diff := cmp.Diff(want, names(t, s)); diff != "" { // nothing hidden, at whatever depth
		t.Errorf("in the store, want then got:\n%s", diff)
	}
	if _, err := s.Write(t.Context(), "in/deep/vocab.txt", strings.NewReader("[pad]\n"), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := bucket.GetTree(t.Context(), s, "in", t.TempDir()); err == nil || !strings.Contains(err.Error(), "differs from the uploaded file") {
		t.Errorf("a changed file: %v", err)
	}
	evil := `{"files":{"../x":{"size":1,"crc32c":"00000000"}}}`
	if _, err := s.Write(t.Context(), "in/tree.json", strings.NewReader(evil), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := bucket.GetTree(t.Context(), s, "in", t.TempDir()); err == nil || !strings.Contains(err.Error(), "leaves the tree") {
		t.Errorf("a path that leaves the tree: %v", err)
	}
}
