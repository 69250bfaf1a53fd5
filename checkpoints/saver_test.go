package checkpoints

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// save writes a step of two files whose content tells the step.
func save(t testing.TB, s *Saver, step int) Saved {
	t.Helper()
	saved, err := s.Save(step, twoFiles(step))
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func twoFiles(step int) func(FileWriter) error {
	return func(w FileWriter) error {
		for _, name := range []string{"weights", "state"} {
			f, err := w.Create(name)
			if err != nil {
				return err
			}
			for range 20 {
				if _, err := fmt.Fprintf(f, "%s of step %d\n", name, step); err != nil {
					return errors.Join(err, f.Close())
				}
			}
			if err := f.Close(); err != nil {
				return err
			}
		}
		return nil
	}
}

// check reads a step back.
func check(t testing.TB, s *Step) {
	t.Helper()
	for _, name := range []string{"weights", "state"} {
		path, err := s.Path(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Repeat(fmt.Sprintf("%s of step %d\n", name, s.Step), 20); string(got) != want {
			t.Errorf("step %d: %s holds %q", s.Step, name, got)
		}
	}
}

func saver(t testing.TB, root string) *Saver {
	t.Helper()
	s, err := NewSaver(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// names lists a directory.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestSaveAndLatest(t *testing.T) {
	root := filepath.Join(t.TempDir(), "runs", "checkpoints")
	if _, _, err := Latest(root); !errors.Is(err, ErrNone) {
		t.Fatalf("no directory: error %v, want ErrNone", err)
	}
	s := saver(t, root)
	if _, _, err := Latest(root); !errors.Is(err, ErrNone) {
		t.Fatalf("empty directory: error %v, want ErrNone", err)
	}
	for _, step := range []int{9, 100, 20} {
		if saved := save(t, s, step); saved.Existed || saved.Bytes == 0 {
			t.Errorf("step %d: %+v", step, saved)
		}
	}
	step, passed, err := Latest(root)
	if err != nil || len(passed) > 0 {
		t.Fatalf("passed %v, error %v", passed, err)
	}
	if step.Step != 100 {
		t.Errorf("latest is %d, want 100", step.Step)
	}
	check(t, step)
	if _, err := step.Path("nothing"); err == nil {
		t.Error("a file that was not saved has a path")
	}
	want := []string{"step-0000009", "step-0000020", "step-0000100"}
	if diff := cmp.Diff(want, names(t, root)); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
}

func TestSaveAgain(t *testing.T) {
	s := saver(t, t.TempDir())
	save(t, s, 5)
	saved, err := s.Save(5, func(FileWriter) error { return errors.New("called") })
	if err != nil || !saved.Existed {
		t.Errorf("a valid step was written again: %+v, error %v", saved, err)
	}
	if err := os.Truncate(filepath.Join(saved.Dir, "weights"), 3); err != nil {
		t.Fatal(err)
	}
	if saved := save(t, s, 5); saved.Existed {
		t.Error("a damaged step was kept")
	}
	step, passed, err := Latest(s.root)
	if err != nil || len(passed) > 0 {
		t.Fatalf("passed %v, error %v", passed, err)
	}
	check(t, step)
	if diff := cmp.Diff([]string{"step-0000005"}, names(t, s.root)); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
}

func TestLatestFallsBack(t *testing.T) {
	damage := func(name string, change func([]byte) []byte) func(dir string) error {
		return func(dir string) error {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, change(data), 0o666)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		want   string
	}{
		{"a bit flipped", damage("weights", func(b []byte) []byte { b[7] ^= 4; return b }), "weights: checksum"},
		{"truncated", damage("state", func(b []byte) []byte { return b[:len(b)-1] }), "state: 319 bytes, want 320"},
		{"a file gone", func(dir string) error { return os.Remove(filepath.Join(dir, "state")) }, "state: missing"},
		{"no manifest", func(dir string) error { return os.Remove(filepath.Join(dir, manifestName)) }, "no manifest.json"},
		{"half a manifest", damage(manifestName, func(b []byte) []byte { return b[:len(b)/2] }), "manifest.json: unexpected end"},
		{"another format", damage(manifestName, func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"format": 1`), []byte(`"format": 2`), 1)
		}), "format 2, want 1"},
		{"a copy of another step", damage(manifestName, func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"step": 2`), []byte(`"step": 1`), 1)
		}), "is for step 1"},
		{"a name that leaves", damage(manifestName, func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"weights"`), []byte(`"../../weights"`), 1)
		}), "is not a plain file name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := saver(t, t.TempDir())
			save(t, s, 1)
			newest := save(t, s, 2)
			if err := c.damage(newest.Dir); err != nil {
				t.Fatal(err)
			}
			step, passed, err := Latest(s.root)
			if err != nil {
				t.Fatal(err)
			}
			if step.Step != 1 || len(passed) != 1 || passed[0].Step != 2 || !strings.Contains(passed[0].Err.Error(), c.want) {
				t.Errorf("latest %d, passed %v, want 1 and 2 for %q", step.Step, passed, c.want)
			}
			if err := os.RemoveAll(step.Dir); err != nil {
				t.Fatal(err)
			}
			_, _, err = Latest(s.root)
			if !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("nothing intact: error %v, want ErrNone and %q", err, c.want)
			}
		})
	}
}

func TestWriterMisused(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(FileWriter) error
		want  string
	}{
		{"error", func(FileWriter) error { return errors.New("no state") }, "no state"},
		{"manifest", func(w FileWriter) error { _, err := w.Create(manifestName); return err }, "already exists"},
		{"path", func(w FileWriter) error { _, err := w.Create("a/b"); return err }, "is not a plain file name"},
		{"parent", func(w FileWriter) error { _, err := w.Create(".."); return err }, "is not a plain file name"},
		{"not closed", func(w FileWriter) error { _, err := w.Create("a"); return err }, "a was not closed"},
		{"two at once", func(w FileWriter) error {
			if _, err := w.Create("a"); err != nil {
				return err
			}
			_, err := w.Create("b")
			return err
		}, "a was not closed"},
		{"twice", func(w FileWriter) error { return errors.Join(twoFiles(1)(w), twoFiles(1)(w)) }, "file exists"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := saver(t, t.TempDir())
			if _, err := s.Save(3, c.write); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
			if left := names(t, s.root); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// failing fails the nth call that changes the disk, and, if dead is set, all that follow.
type failing struct {
	disk
	n    int
	dead bool
}

func (f *failing) fail() error {
	f.n--
	if f.n == 0 || f.dead && f.n < 0 {
		return syscall.ENOSPC
	}
	return nil
}

func (f *failing) Mkdir(path string) error {
	return orElse(f.fail(), func() error { return f.disk.Mkdir(path) })
}
func (f *failing) Rename(from, to string) error {
	return orElse(f.fail(), func() error { return f.disk.Rename(from, to) })
}
func (f *failing) SyncDir(path string) error {
	return orElse(f.fail(), func() error { return f.disk.SyncDir(path) })
}

// RemoveAll works on a full disk, not on a dead one.
func (f *failing) RemoveAll(path string) error {
	if f.dead && f.n <= 0 {
		return syscall.EIO
	}
	return f.disk.RemoveAll(path)
}

func (f *failing) Create(path string) (file, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	opened, err := f.disk.Create(path)
	return &failingFile{opened, f}, err
}

type failingFile struct {
	file
	on *failing
}

func (f *failingFile) Write(p []byte) (int, error) {
	if err := f.on.fail(); err != nil {
		n, _ := f.file.Write(p[:len(p)/2]) // a full disk takes a part
		return n, err
	}
	return f.file.Write(p)
}
func (f *failingFile) Sync() error  { return orElse(f.on.fail(), f.file.Sync) }
func (f *failingFile) Close() error { return errors.Join(f.file.Close(), f.on.fail()) }

// orElse is err if there is one, else what next gives.
func orElse(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

// stride is how many operations to go on by: syncing takes its time, and -short has little.
func stride() int {
	if testing.Short() {
		return 5
	}
	return 1
}

// TestEveryFailure fails each operation of a save in turn: the save fails, says why, and leaves nothing.
func TestEveryFailure(t *testing.T) {
	for n := 1; ; n += stride() {
		root := t.TempDir()
		save(t, saver(t, root), 1)
		fsys := &failing{}
		s, err := newSaver(root, fsys, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		fsys.n = n
		_, err = s.Save(2, twoFiles(2))
		if fsys.n > 0 { // the save takes fewer than n operations
			if n < 50 {
				t.Errorf("only %d operations could fail", n)
			}
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("operation %d failed, the save says %v", n, err)
		}
		if diff := cmp.Diff([]string{"step-0000001"}, names(t, root)); diff != "" {
			t.Errorf("operation %d failed (-want +got):\n%s", n, diff)
		}
	}
}

// TestDeadDisk cuts a save short at each operation, cleaning up included, as a kill would.
func TestDeadDisk(t *testing.T) {
	for n := 1; n < 60; n += stride() {
		root := t.TempDir()
		save(t, saver(t, root), 1)
		fsys := &failing{}
		s, err := newSaver(root, fsys, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		fsys.n, fsys.dead = n, true
		_, _ = s.Save(2, twoFiles(2)) // whether it got through does not matter here
		step, passed, err := Latest(root)
		if err != nil || len(passed) > 0 {
			t.Fatalf("operation %d on failed: passed %v, error %v", n, passed, err)
		}
		check(t, step)
	}
}

// saying returns a write function for a checkpoint of one file that holds text.
func saying(text string) func(FileWriter) error {
	return func(w FileWriter) error {
		f, err := w.Create("said")
		if err != nil {
			return err
		}
		_, err = io.WriteString(f, text)
		return errors.Join(err, f.Close())
	}
}

// said opens the checkpoint of a directory that holds one, and returns the text of its file.
func said(t testing.TB, root string) string {
	t.Helper()
	step, passed, err := Latest(root)
	if err != nil || len(passed) > 0 {
		t.Fatalf("passed %v, error %v", passed, err)
	}
	path, err := step.Path("said")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"step-0000003"}, names(t, root)); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
	return string(text)
}

// TestReplace fails each operation of a replacement in turn, and the disk from each operation on: the old checkpoint or
// the new one is there, whole, and nothing else; the old one if Replace says that it failed.
func TestReplace(t *testing.T) {
	for _, dead := range []bool{false, true} {
		seen := map[string]int{}
		for n := 1; ; n++ {
			root := t.TempDir()
			if _, err := saver(t, root).Save(3, saying("old")); err != nil {
				t.Fatal(err)
			}
			fsys := &failing{}
			s, err := newSaver(root, fsys, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			fsys.n, fsys.dead = n, dead
			_, failed := s.Replace(3, saying("new"))
			if dead {
				saver(t, root) // the next process
			}
			got := said(t, root)
			seen[got]++
			if !dead && (got == "new") != (failed == nil) {
				t.Errorf("operation %d failed, Replace says %v, and the checkpoint is the %s one", n, failed, got)
			}
			if fsys.n > 0 {
				break
			}
		}
		if seen["old"] < 10 || seen["new"] == 0 || len(seen) != 2 {
			t.Errorf("dead disk %v: seen %v", dead, seen)
		}
	}
}

// recording notes what is done to the disk, in order, without the times of writing.
type recording struct {
	disk
	log []string
}

func (r *recording) note(what ...string) {
	for i, path := range what {
		what[i] = filepath.Base(path)
	}
	r.log = append(r.log, strings.Join(what, " "))
}

func (r *recording) Rename(from, to string) error {
	err := r.disk.Rename(from, to)
	if err == nil {
		r.note("rename", from, to)
	}
	return err
}

func (r *recording) SyncDir(path string) error {
	r.note("sync", path)
	return r.disk.SyncDir(path)
}

func (r *recording) Create(path string) (file, error) {
	r.note("create", path)
	f, err := r.disk.Create(path)
	return &recordingFile{f, r, path}, err
}

type recordingFile struct {
	file
	on   *recording
	path string
}

func (f *recordingFile) Sync() error {
	f.on.note("sync", f.path)
	return f.file.Sync()
}

// TestOrder holds the order that makes a step durable before it has its name: each file, the manifest last, the
// directory, the name, the name's directory.
func TestOrder(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	fsys := &recording{}
	s, err := newSaver(root, fsys, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	fsys.log = nil
	save(t, s, 1)
	want := []string{
		"create weights", "sync weights", "create state", "sync state", "create manifest.json", "sync manifest.json",
		"sync .saving-step-0000001", "rename .saving-step-0000001 step-0000001", "sync root",
	}
	if diff := cmp.Diff(want, fsys.log); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLeftoversGo(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{".saving-step-0000004", ".removing-step-0000001", "step-7", "notes"} {
		if err := os.MkdirAll(filepath.Join(root, name, "inside"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := Latest(root); !errors.Is(err, ErrNone) {
		t.Errorf("error %v, want ErrNone", err)
	}
	saver(t, root)
	if diff := cmp.Diff([]string{"notes", "step-7"}, names(t, root)); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
}

func TestPrune(t *testing.T) {
	all := []int{10, 20, 30, 40, 50, 60, 70}
	for _, c := range []struct {
		name   string
		keep   Retention
		pinned []int
		want   []int
	}{
		{"all", Retention{}, nil, all},
		{"last two", Retention{Last: 2}, nil, []int{60, 70}},
		{"newest always", Retention{EverySteps: 40}, nil, []int{40, 70}},
		{"last and every", Retention{Last: 1, EverySteps: 30}, nil, []int{30, 60, 70}},
		{"pinned", Retention{Last: 1}, []int{20}, []int{20, 70}},
		{"by time", Retention{Every: 3 * time.Minute}, nil, []int{10, 40, 70}},
		{"more than there are", Retention{Last: 99}, nil, all},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			s, err := newSaver(t.TempDir(), disk{}, func() time.Time { return clock })
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range all {
				save(t, s, step)
				clock = clock.Add(time.Minute)
			}
			removed, err := s.Prune(c.keep, c.pinned...)
			if err != nil {
				t.Fatal(err)
			}
			left, err := steps(s.root)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, left); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			if got := slices.Sorted(slices.Values(append(removed, left...))); !slices.Equal(got, all) {
				t.Errorf("removed %v and left %v, want all of %v", removed, left, all)
			}
		})
	}
}

func TestPruneLooksAtWhatIsComplete(t *testing.T) {
	s := saver(t, t.TempDir())
	for step := range 4 {
		save(t, s, step)
	}
	for _, step := range []string{"step-0000001", "step-0000003"} {
		if err := os.Remove(filepath.Join(s.root, step, manifestName)); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := s.Prune(Retention{Last: 1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, 1}, removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

func TestManifestText(t *testing.T) {
	s, err := newSaver(t.TempDir(), disk{}, func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) })
	if err != nil {
		t.Fatal(err)
	}
	saved := save(t, s, 7)
	data, err := os.ReadFile(filepath.Join(saved.Dir, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"format": 1.0, "step": 7.0, "saved": "2026-01-02T03:04:05Z",
		"files": map[string]any{ // checksums by a bitwise CRC-32C in another language
			"state":   map[string]any{"size": 320.0, "crc32c": "effbd049"},
			"weights": map[string]any{"size": 360.0, "crc32c": "8315f060"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

// TestKilled kills a process that saves and prunes in a loop, at random moments: what is left can always be
// continued, and never goes back.
func TestKilled(t *testing.T) {
	if root := os.Getenv("SUBBERT_TEST_SAVE_UNDER"); root != "" {
		saveForever(t, root)
	}
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	root := t.TempDir()
	last := -1
	for range rounds {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "SUBBERT_TEST_SAVE_UNDER="+root)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 1)); err != nil { // it has begun
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // killed, as it should be
		step, passed, err := Latest(root)
		if errors.Is(err, ErrNone) && last < 0 && len(passed) == 0 {
			continue // killed before the first was done
		}
		if err != nil || len(passed) > 0 {
			t.Fatalf("passed %v, error %v, directory %v", passed, err, names(t, root))
		}
		if step.Step < last {
			t.Fatalf("latest went from %d back to %d", last, step.Step)
		}
		last = step.Step
		check(t, step)
	}
	if last < 0 {
		t.Error("no round saved anything")
	}
	t.Logf("%d rounds, the last step was %d", rounds, last)
}

// saveForever is the child: it continues from the latest step, which it checks.
func saveForever(t *testing.T, root string) {
	s := saver(t, root)
	step := 0
	if latest, _, err := Latest(root); err == nil {
		step = latest.Step
	} else if !errors.Is(err, ErrNone) {
		t.Fatal(err)
	}
	if _, err := os.Stdout.WriteString(strconv.Itoa(step)[:1]); err != nil {
		t.Fatal(err)
	}
	for {
		step++
		save(t, s, step)
		if _, err := s.Prune(Retention{Last: 2, EverySteps: 50}); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
