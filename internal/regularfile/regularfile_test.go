package regularfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 433286112\n"
	for _, c := range []struct {
		name, path, content, want string
	}{
		{"text", "", "a\nb\n", ""},
		{"empty", "", "", ""},
		{"as long as allowed", "", strings.Repeat("a", 100), ""},
		{"too long", "", strings.Repeat("a", 101), "more than 100 bytes"},
		{"pointer", "", pointer, "is a Git LFS pointer to 433286112 bytes: git lfs pull"},
		{"pointer without a size", "", pointer[:43], "is a Git LFS pointer to an unknown number of bytes: git lfs pull"},
		{"page", "", "<!DOCTYPE html>\n<html>", "is a web page (HTML)"},
		{"page after white space", "", "\ufeff\r\n <HTML lang=en>", "is a web page (HTML)"},
		{"page behind a comment", "", "<!-- saved -->\n<!doctype HTML>", "is a web page (HTML)"},
		{"page in XML", "", "<?xml version=\"1.0\"?>\n<html xmlns=\"x\">", "is a web page (HTML)"},
		{"a server's answer", "", "Entry not found", `is the error message of a server, "Entry not found"`},
		{"tokens that look like tags", "", "<s>\n<pad>\n</s>\n<unk>\n", ""},
		{"text about pages", "", "a <html> tag", ""},
		{"a token that begins like a tag", "", "<h>\n", ""},
		{"directory", dir, "", "is a directory, want a regular file"},
		{"pipe", pipe, "", "is a named pipe, want a regular file"},
		{"device", "/dev/zero", "", "is a device, want a regular file"},
		{"absent", filepath.Join(dir, "absent"), "", "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.path
			if path == "" {
				path = filepath.Join(t.TempDir(), "f")
				if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Read(path, 100)
			if c.want == "" && (err != nil || string(got) != c.content) {
				t.Fatalf("got %q, error %v", got, err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got error %v, want one of %s that says %q", err, path, c.want)
			}
		})
	}
}
