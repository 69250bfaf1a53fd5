package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHubToken(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "token"), []byte("of the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want  string
		environment map[string]string
	}{
		{"of the environment", "x", map[string]string{"HF_TOKEN": " x\n", "HUGGING_FACE_HUB_TOKEN": "y"}},
		{"by its older name", "y", map[string]string{"HUGGING_FACE_HUB_TOKEN": "y"}},
		{"of the file", "of the file", nil},
		{"of no file", "", map[string]string{"HF_TOKEN_PATH": filepath.Join(home, "nowhere")}},
		{"not unless asked for", "", map[string]string{"HF_TOKEN": "x", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}},
		{"asked for", "x", map[string]string{"HF_TOKEN": "x", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := hubToken(&console{getenv: func(name string) string { return c.environment[name] }}, home)
			if err != nil || got != c.want {
				t.Errorf("got %q (%v), want %q", got, err, c.want)
			}
		})
	}
}
