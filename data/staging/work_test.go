package staging

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWork(t *testing.T) {
	final := filepath.Join(t.TempDir(), "out")
	w, err := OpenWork(final)
	if err != nil {
		t.Fatal(err)
	}
	key, err := Key("a", 1)
	if other, _ := Key("a", 2); err != nil || key == other {
		t.Fatalf("keys %s and %s, %v", key, other, err)
	}
	var got struct{ Piece string }
	if found, err := w.Load(key, &got); found || err != nil || w.Done() {
		t.Fatalf("a manifest before there is one: %v, %v", found, err)
	}
	p, err := w.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	piece, err := p.Seal()
	if err != nil || piece != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Fatalf("sealed as %s, %v", piece, err)
	}
	if err := p.Discard(); err != nil || !w.Has(piece, 3) || w.Has(piece, 4) {
		t.Errorf("after Discard: %v, there: %v", err, w.Has(piece, 3))
	}
	if err := w.Store(key, map[string]string{"Piece": piece}); err != nil {
		t.Fatal(err)
	}
	w, err = OpenWork(final) // another process
	if err != nil {
		t.Fatal(err)
	}
	if found, err := w.Load(key, &got); !found || err != nil || got.Piece != piece || !w.Done() {
		t.Errorf("loaded %v, %+v, %v", found, got, err)
	}
	d, err := New(final)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Take(w, piece, "name"); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(final, "name")); string(content) != "abc" || err != nil {
		t.Errorf("taken %q, %v", content, err)
	}
	if p, err = (&Work{dir: t.TempDir()}).Create(); err != nil {
		t.Fatal(err)
	}
	if err := p.Discard(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(p.work.dir); len(left) > 0 || err != nil {
		t.Errorf("left after Discard: %v, %v", left, err)
	}
}

// TestKilledRemove expects no task, and nothing left over, after a process was killed while it removed its work.
func TestKilledRemove(t *testing.T) {
	final := filepath.Join(t.TempDir(), "out")
	w, err := OpenWork(final)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b"} {
		if err := w.Store(key, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(w.Dir(), w.removed()); err != nil { // as Remove begins
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(w.removed(), "task-a.json")); err != nil {
		t.Fatal(err)
	}
	w, err = OpenWork(final)
	if err != nil || w.Done() {
		t.Errorf("done: %v, %v", w.Done(), err)
	}
	if err := w.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(); err != nil {
		t.Errorf("removed twice: %v", err)
	}
	if left, err := filepath.Glob(final + "*"); len(left) > 0 || err != nil {
		t.Errorf("left over: %v, %v", left, err)
	}
}
