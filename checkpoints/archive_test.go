package checkpoints

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packed makes an archive by its name's ending, of files in order: name, content.
func packed(t testing.TB, name string, files ...[2]string) string {
	t.Helper()
	var b bytes.Buffer
	var err error
	if strings.HasSuffix(name, ".zip") || strings.HasSuffix(name, ".whl") {
		err = writeZip(&b, files)
	} else {
		err = writeTar(&b, files)
	}
	if err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	if strings.HasSuffix(name, "gz") {
		var packed bytes.Buffer
		g := gzip.NewWriter(&packed)
		if _, err := g.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		data = packed.Bytes()
	}
	dir := t.TempDir()
	put(t, dir, name, data)
	return filepath.Join(dir, name)
}

func writeZip(w io.Writer, files [][2]string) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		e, err := z.Create(f[0])
		if err != nil {
			return err
		}
		if _, err := io.WriteString(e, f[1]); err != nil {
			return err
		}
	}
	return z.Close()
}

func writeTar(w io.Writer, files [][2]string) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		h := &tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1])), Typeflag: tar.TypeReg}
		if target, ok := strings.CutPrefix(f[1], "-> "); ok {
			h.Typeflag, h.Linkname, h.Size, f[1] = tar.TypeSymlink, target, 0, ""
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.WriteString(t, f[1]); err != nil {
			return err
		}
	}
	return t.Close()
}

// googleFiles are the files of an archive as BioBERT's is: everything in a folder.
func googleFiles(t testing.TB) [][2]string {
	var files [][2]string
	for _, name := range []string{"bert_config.json", "vocab.txt", "model.ckpt-1000.index", "model.ckpt-1000.data-00000-of-00001"} {
		files = append(files, [2]string{"biobert/" + name, string(fixture(t, "tf1/"+name))})
	}
	return append(files, [2]string{"biobert/model.ckpt-1000.meta", "a graph"}, [2]string{"biobert/._vocab.txt", "junk"}, [2]string{"notes.txt", "read me"})
}

func TestArchives(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	for _, name := range []string{"m.tar.gz", "m.tgz", "m.tar", "m.zip", "m.whl"} {
		t.Run(name, func(t *testing.T) {
			m, err := OpenModel(t.Context(), packed(t, name, googleFiles(t)...))
			if err != nil {
				t.Fatal(err)
			}
			got, _ := sums(t, m, wants(t), nil)
			for name, e := range expectations(t, "f32") {
				if got[name] != e.SHA256 {
					t.Errorf("%s differs", name)
				}
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			checkScratch(t, scratch)
		})
	}
}

// checkScratch wants nothing unpacked to be left.
func checkScratch(t testing.TB, scratch string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(scratch, "subbert-model-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (error %v)", left, err)
	}
}

func TestArchivesRefused(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	zeros := strings.Repeat("\x00", 4<<20)
	for _, c := range []struct {
		name  string
		file  string
		files [][2]string
		want  string
	}{
		{"upwards", "m.tar.gz", [][2]string{{"../../vocab.txt", "x"}}, "leaves the archive"},
		{"upwards in the middle", "m.zip", [][2]string{{"a/../../vocab.txt", "x"}}, "leaves the archive"},
		{"absolute", "m.tar", [][2]string{{"/etc/vocab.txt", "x"}}, "leaves the archive"},
		{"backslashes", "m.zip", [][2]string{{`..\vocab.txt`, "x"}}, "leaves the archive"},
		{"link", "m.tar.gz", [][2]string{{"vocab.txt", "-> /etc/passwd"}}, "neither a file nor a directory"},
		{"link to a folder", "m.tar", [][2]string{{"a", "-> /tmp"}, {"a/vocab.txt", "x"}}, "neither a file nor a directory"},
		{"bomb in tar", "m.tar.gz", [][2]string{{"model.safetensors", zeros}}, "unpacks to more than 30 times"},
		{"bomb in zip", "m.zip", [][2]string{{"model.safetensors", zeros}}, "unpacks to more than 30 times"},
		{"bomb that is skipped", "m.tar.gz", [][2]string{{"notes.txt", zeros}}, "unpacks to more than 30 times"},
		{"file twice", "m.tar", [][2]string{{"vocab.txt", "x"}, {"./vocab.txt", "y"}}, "file exists"},
		{"no model", "m.zip", [][2]string{{"notes.txt", "x"}}, "has 0 models"},
		{"two models", "m.zip", [][2]string{{"a/x.index", "x"}, {"b/x.index", "x"}}, "has 2 models"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenModel(t.Context(), packed(t, c.file, c.files...))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
			checkScratch(t, scratch)
		})
	}
}

func TestArchiveDamaged(t *testing.T) {
	for _, name := range []string{"m.tar.gz", "m.zip"} {
		path := packed(t, name, googleFiles(t)...)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
			if err := os.WriteFile(path, data[:n], 0o666); err != nil {
				t.Fatal(err)
			}
			if m, err := OpenModel(t.Context(), path); err == nil {
				t.Errorf("%s cut to %d of %d bytes was opened: %v", name, n, len(data), m.Close())
			}
		}
	}
}

// FuzzUnpack holds that no archive writes beyond its directory or its allowance.
func FuzzUnpack(f *testing.F) {
	for _, name := range []string{"m.tar", "m.zip"} {
		for _, files := range [][][2]string{{{"a/vocab.txt", "x"}}, {{"../vocab.txt", "x"}}, {{"vocab.txt", "-> /etc/passwd"}}} {
			data, err := os.ReadFile(packed(f, name, files...))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, name == "m.zip")
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, isZip bool) {
		parent := t.TempDir()
		t.Setenv("TMPDIR", parent)
		name := filepath.Join(parent, map[bool]string{true: "m.zip", false: "m.tar"}[isZip])
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
		dir, err := unpack(t.Context(), name)
		if left := names(t, parent); err != nil && len(left) != 1 || err == nil && len(left) != 2 {
			t.Fatalf("error %v, left %v", err, left)
		}
		if err != nil {
			return
		}
		var total int64
		err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err == nil && !info.IsDir() {
				total += info.Size()
				if !info.Mode().IsRegular() {
					t.Errorf("%s is %v", path, info.Mode())
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if limit := int64(len(data))*maxRatio + ratioSlack; total > limit {
			t.Fatalf("unpacked %d bytes of %d", total, len(data))
		}
	})
}
