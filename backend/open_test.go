package backend

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
)

func TestOpenGo(t *testing.T) {
	var h *Handle
	printed := captureStdout(t, func() {
		var err error
		if h, err = Open(t.Context(), Choice{Spec: Spec{Name: Go}}, Options{}); err != nil {
			t.Fatal(err)
		}
	})
	if printed != "" {
		t.Errorf("opening printed %q on standard output, want nothing", printed)
	}
	if !strings.Contains(h.Description, "parallelism=-1") {
		t.Errorf("description %q does not say parallelism=-1", h.Description)
	}
	if slow := strings.Contains(h.Description, slowNotice); slow == simd {
		t.Errorf("simd is %v, description is %q", simd, h.Description)
	}
	got, err := graph.CallOnce(h.Backend, func(x *graph.Node) *graph.Node { return graph.Add(x, x) }, float32(21))
	if err != nil {
		t.Fatal(err)
	}
	if got.Value() != float32(42) {
		t.Errorf("21+21 = %v", got.Value())
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := h.Close(); err == nil {
		t.Error("closing twice gave no error")
	}
}

// captureStdout returns what f prints on standard output.
func captureStdout(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	saved := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = saved }()
	f()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
