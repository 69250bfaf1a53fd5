// Package buckettest is the suite that every bucket.Store passes.
package buckettest

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/bucket"
)

// Run runs the suite on stores that open makes; each must be empty.
func Run(t *testing.T, open func(t *testing.T) bucket.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, bucket.Store)
	}{
		{"contents", contents}, {"ranges", ranges}, {"conditions", conditions}, {"a reader that fails", brokenReader},
		{"listing", listing}, {"one winner", oneWinner}, {"leases", leases},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func put(t *testing.T, s bucket.Store, name, text string, when bucket.Condition) bucket.Object {
	t.Helper()
	o, err := s.Write(t.Context(), name, strings.NewReader(text), when)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func get(t *testing.T, s bucket.Store, name string) (string, bucket.Object) {
	t.Helper()
	r, o, err := s.Read(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(data), o
}

func contents(t *testing.T, s bucket.Store) {
	if _, _, err := s.Read(t.Context(), "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading a missing object: %v, want fs.ErrNotExist", err)
	}
	text := strings.Repeat("weights ", 1000)
	o := put(t, s, "a/b", text, bucket.Condition{})
	if want := crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)); o.CRC32C != want || o.Size != int64(len(text)) {
		t.Errorf("got size %d checksum %08x, want %d %08x", o.Size, o.CRC32C, len(text), want)
	}
	got, seen := get(t, s, "a/b")
	if got != text || seen.Generation != o.Generation {
		t.Errorf("read %d bytes of generation %d, want %d of %d", len(got), seen.Generation, len(text), o.Generation)
	}
	for range 2 {
		if err := s.Delete(t.Context(), "a/b"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
}

func ranges(t *testing.T, s bucket.Store) {
	put(t, s, "r", "0123456789", bucket.Condition{})
	for _, test := range []struct {
		off  int64
		want string
	}{{0, "0123456789"}, {3, "345"}, {9, "9"}} {
		p := make([]byte, len(test.want))
		if err := s.ReadRange(t.Context(), "r", p, test.off); err != nil || string(p) != test.want {
			t.Errorf("from %d: %q, %v; want %q", test.off, p, err, test.want)
		}
	}
	for _, off := range []int64{8, 10, 100} {
		if err := s.ReadRange(t.Context(), "r", make([]byte, 5), off); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("5 bytes from %d of 10: %v, want io.ErrUnexpectedEOF", off, err)
		}
	}
	if err := s.ReadRange(t.Context(), "nowhere", make([]byte, 1), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("part of a missing object: %v, want fs.ErrNotExist", err)
	}
}

func conditions(t *testing.T, s bucket.Store) {
	first := put(t, s, "x", "1", bucket.Condition{Absent: true})
	refused := func(when bucket.Condition) {
		t.Helper()
		if _, err := s.Write(t.Context(), "x", strings.NewReader("no"), when); !errors.Is(err, bucket.ErrChanged) {
			t.Errorf("%+v: got %v, want ErrChanged", when, err)
		}
	}
	refused(bucket.Condition{Absent: true})
	second := put(t, s, "x", "2", bucket.Condition{Generation: first.Generation})
	refused(bucket.Condition{Generation: first.Generation})
	if got, o := get(t, s, "x"); got != "2" || o.Generation != second.Generation {
		t.Errorf("got %q of generation %d, want 2 of %d", got, o.Generation, second.Generation)
	}
}

func brokenReader(t *testing.T, s bucket.Store) {
	broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("disk")))
	if _, err := s.Write(t.Context(), "x", broken, bucket.Condition{}); err == nil {
		t.Error("a write succeeded although its reader failed")
	}
	if _, _, err := s.Read(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half an object exists: %v", err)
	}
}

func listing(t *testing.T, s bucket.Store) {
	for _, name := range []string{"b/2", "a/1", "b/1", "bb"} {
		put(t, s, name, name, bucket.Condition{})
	}
	found, err := s.List(t.Context(), "b/")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range found {
		names = append(names, o.Name)
	}
	if diff := cmp.Diff([]string{"b/1", "b/2"}, names); diff != "" {
		t.Errorf("names, want then got:\n%s", diff)
	}
}

// oneWinner checks that of many writers that demand the same generation exactly one succeeds.
func oneWinner(t *testing.T, s bucket.Store) {
	first := put(t, s, "x", "0", bucket.Condition{})
	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := s.Write(t.Context(), "x", strings.NewReader("1"), bucket.Condition{Generation: first.Generation}); err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d writers succeeded, want 1", won.Load())
	}
}

func leases(t *testing.T, s bucket.Store) {
	ctx := context.Background()
	a, err := bucket.Acquire(ctx, s, "lease.json", "a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var held *bucket.HeldError
	if _, err := bucket.Acquire(ctx, s, "lease.json", "b", time.Hour); !errors.As(err, &held) || held.Holder != "a" {
		t.Fatalf("a second holder: %v, want HeldError of a", err)
	}
	commit := func(step int) func(*bucket.Ledger) {
		return func(l *bucket.Ledger) { l.Steps = append(l.Steps, bucket.Committed{Step: step}) }
	}
	if err := a.Change(ctx, commit(1)); err != nil {
		t.Fatal(err)
	}
	again, err := bucket.Acquire(ctx, s, "lease.json", "a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Change(ctx, commit(2)); !errors.Is(err, bucket.ErrLost) {
		t.Errorf("a commit with token %d after %d was given: %v, want ErrLost", a.Token(), again.Token(), err)
	}
	if err := again.Release(ctx); err != nil {
		t.Fatal(err)
	}
	b, err := bucket.Acquire(ctx, s, "lease.json", "b", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]bucket.Committed{{Step: 1}}, b.Ledger().Steps); diff != "" || b.Token() != 3 {
		t.Errorf("token %d, want 3; steps, want then got:\n%s", b.Token(), diff)
	}
}
