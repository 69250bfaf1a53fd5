package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/bucket"
)

// localStep saves a step of two files on disk and returns its directory.
func localStep(t *testing.T, step int) string {
	t.Helper()
	saver, err := NewSaver(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	saved, err := saver.Save(step, func(w FileWriter) error {
		for _, name := range []string{"model.safetensors", "trainer.json"} {
			f, err := w.Create(name)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(f, "%s at %d", name, step); err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return saved.Dir
}

func remote(t *testing.T, s bucket.Store, holder string) (*Remote, *bucket.Lease) {
	t.Helper()
	lease, err := bucket.Acquire(t.Context(), s, "lease.json", holder, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRemote(t.Context(), s, "checkpoints", lease, 2)
	if err != nil {
		t.Fatal(err)
	}
	return r, lease
}

// downloaded is the step that a fresh machine finds.
func downloaded(t *testing.T, s bucket.Store) (int, error) {
	t.Helper()
	ledger, err := bucket.Peek(t.Context(), s, "lease.json")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	saver, err := NewSaver(root)
	if err != nil {
		t.Fatal(err)
	}
	step, err := Download(t.Context(), s, ledger, saver)
	if err == nil && step >= 0 {
		if latest, _, err := Latest(root); err != nil || latest.Step != step {
			t.Errorf("on disk: %+v, %v; want step %d", latest, err, step)
		}
	}
	return step, err
}

func TestRemote(t *testing.T) {
	s := &bucket.Memory{}
	r, lease := remote(t, s, "a")
	if step, err := downloaded(t, s); step != -1 || err != nil {
		t.Fatalf("an empty run: step %d, %v", step, err)
	}
	for _, step := range []int{10, 20, 30, 30} {
		if err := r.Upload(t.Context(), localStep(t, step)); err != nil {
			t.Fatal(err)
		}
	}
	want := []bucket.Committed{{Step: 20, Prefix: "checkpoints/step-0000020/t00001"}, {Step: 30, Prefix: "checkpoints/step-0000030/t00001"}}
	if diff := cmp.Diff(want, lease.Ledger().Steps); diff != "" {
		t.Errorf("steps, want then got:\n%s", diff)
	}
	if objects, err := s.List(t.Context(), "checkpoints/"); err != nil || len(objects) != 6 {
		t.Errorf("%d objects (%v), want 6: three for each of two steps", len(objects), err)
	}
	if step, err := downloaded(t, s); step != 30 || err != nil {
		t.Errorf("downloaded step %d, %v; want 30", step, err)
	}
}

// ordered notes the names that are written.
type ordered struct {
	*bucket.Memory
	names []string
}

func (o *ordered) Write(ctx context.Context, name string, r io.Reader, when bucket.Condition) (bucket.Object, error) {
	o.names = append(o.names, path.Base(name))
	return o.Memory.Write(ctx, name, r, when)
}

// TestManifestComesLast: whoever finds a manifest in the store finds all that it names, and the ledger names it after that.
func TestManifestComesLast(t *testing.T) {
	s := &ordered{Memory: &bucket.Memory{}}
	r, _ := remote(t, s, "a")
	s.names = nil
	if err := r.Upload(t.Context(), localStep(t, 10)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"model.safetensors", "trainer.json", "manifest.json", "lease.json"}, s.names); diff != "" {
		t.Errorf("written, want then got:\n%s", diff)
	}
}

// cutOff fails the nth write and every later one, as a machine that was taken away does.
type cutOff struct {
	*bucket.Memory
	left int
}

var errGone = errors.New("machine gone")

func (f *cutOff) Write(ctx context.Context, name string, r io.Reader, when bucket.Condition) (bucket.Object, error) {
	if f.left--; f.left < 0 {
		return bucket.Object{}, errGone
	}
	return f.Memory.Write(ctx, name, r, when)
}

// TestUploadCutShort: wherever an upload ends, the step is complete or absent, and the next machine finds and leaves
// nothing of it.
func TestUploadCutShort(t *testing.T) {
	second := localStep(t, 20)
	for left := range 5 {
		t.Run(fmt.Sprint(left), func(t *testing.T) {
			s := &cutOff{Memory: &bucket.Memory{}, left: 100}
			r, _ := remote(t, s, "a")
			if err := r.Upload(t.Context(), localStep(t, 10)); err != nil {
				t.Fatal(err)
			}
			s.left = left
			err := r.Upload(t.Context(), second)
			want := 10
			if left >= 4 { // three objects and the ledger
				want = 20
			}
			if (err == nil) != (want == 20) {
				t.Fatalf("after %d writes: %v", left, err)
			}
			if step, err := downloaded(t, s); step != want || err != nil {
				t.Errorf("after %d writes: step %d, %v; want %d", left, step, err, want)
			}
			s.left = 100
			r, lease := remote(t, s, "a")
			if err := r.Upload(t.Context(), second); err != nil {
				t.Fatal(err)
			}
			if objects, err := s.List(t.Context(), "checkpoints/"); err != nil || len(objects) != 6 || len(lease.Ledger().Steps) != 2 {
				t.Errorf("%d objects (%v) of %d steps, want 6 of 2", len(objects), err, len(lease.Ledger().Steps))
			}
		})
	}
}

// replacing replaces the checkpoint in dir when its first file was uploaded.
type replacing struct {
	*bucket.Memory
	dir string
}

func (r *replacing) Write(ctx context.Context, name string, from io.Reader, when bucket.Condition) (o bucket.Object, err error) {
	o, err = r.Memory.Write(ctx, name, from, when)
	if r.dir == "" || err != nil {
		return o, err
	}
	saver, err := NewSaver(filepath.Dir(r.dir))
	if err == nil {
		_, err = saver.Replace(10, saying("more"))
	}
	r.dir = ""
	return o, err
}

// TestReplacedWhileUploaded: a checkpoint that was replaced during its upload is absent, and the next upload is the new one.
func TestReplacedWhileUploaded(t *testing.T) {
	dir := localStep(t, 10)
	s := &replacing{Memory: &bucket.Memory{}}
	r, _ := remote(t, s, "a")
	s.dir = dir
	if err := r.Upload(t.Context(), dir); err == nil {
		t.Error("the upload says nothing")
	}
	if step, err := downloaded(t, s); step != -1 || err != nil {
		t.Errorf("step %d, error %v; want none", step, err)
	}
	if err := r.Upload(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if step, err := downloaded(t, s); step != 10 || err != nil {
		t.Errorf("step %d, error %v; want 10", step, err)
	}
}

func TestFencedWriterCommitsNothing(t *testing.T) {
	s := &bucket.Memory{}
	old, _ := remote(t, s, "a")
	_, _ = remote(t, s, "a") // the machine started again; the first process has not noticed
	if err := old.Upload(t.Context(), localStep(t, 10)); !errors.Is(err, bucket.ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
	if step, err := downloaded(t, s); step != -1 || err != nil {
		t.Errorf("step %d, %v: want none", step, err)
	}
}

func TestDownloadRefusesDamage(t *testing.T) {
	s := &bucket.Memory{}
	r, _ := remote(t, s, "a")
	dir := localStep(t, 10)
	if err := r.Upload(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(t.Context(), "checkpoints/step-0000010/t00001/trainer.json", strings.NewReader("trainer.json at 11"), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := downloaded(t, s); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("got %v, want a checksum that differs", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "trainer.json"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Upload(t.Context(), dir); err == nil {
		t.Error("a checkpoint damaged on disk was uploaded")
	}
}
