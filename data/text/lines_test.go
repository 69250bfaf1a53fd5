package text

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// read collects what next returns, faults included.
func read(t *testing.T, next func() ([]byte, error)) (out []string) {
	t.Helper()
	for {
		line, err := next()
		var broken *LineError
		switch {
		case err == io.EOF:
			return out
		case errors.As(err, &broken):
			out = append(out, "fault: "+err.Error())
		case err != nil:
			return append(out, "error: "+err.Error())
		default:
			out = append(out, string(line))
		}
	}
}

func TestLines(t *testing.T) {
	const in = "\ufeffa\r\n\nb\x00\n\xff\nc"
	want := []string{"a", "", "b\x00", "fault: line 4: invalid UTF-8 at column 1; convert the text to UTF-8, or leave the line out", "c"}
	if diff := cmp.Diff(want, read(t, NewLines(iotest.OneByteReader(strings.NewReader(in))).Next)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = []string{"\ufeffa\r\n", "\n", "b\x00\n", want[3], "c"}
	if diff := cmp.Diff(want, read(t, NewLines(strings.NewReader(in)).NextWhole)); diff != "" {
		t.Errorf("whole (-want +got):\n%s", diff)
	}
}

// TestLongLine reads a line of exactly MaxLine bytes, and passes over longer ones.
func TestLongLine(t *testing.T) {
	long := strings.Repeat("x", MaxLine-1) + "\n"
	got := read(t, NewLines(strings.NewReader(long+"x"+long+"a\n"+long+long[1:]+"x"+long)).Next)
	for i := range got {
		got[i] = got[i][:min(len(got[i]), 60)]
	}
	x := long[:60]
	want := []string{x, "fault: line 2: line longer than 16 MiB", "a", x, x, "fault: line 6: line longer than 16 MiB"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLinesTellWhatFailed(t *testing.T) {
	failing := io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(errors.New("the disk is gone")))
	if diff := cmp.Diff([]string{"a", "error: the disk is gone"}, read(t, NewLines(failing).Next)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\n\xff\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := NewLines(bytes.NewReader(data))
		var whole []byte
		for {
			line, err := l.NextWhole()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			whole = append(whole, line...)
		}
		if !bytes.Equal(whole, data) {
			t.Errorf("lines of %q are %q", data, whole)
		}
	})
}
