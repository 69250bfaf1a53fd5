package ctxio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestSame: what is read is what there is, and all of it is told, whatever way it is read.
func TestSame(t *testing.T) {
	want := make([]byte, 300_000)
	for i := range want {
		want[i] = byte(rand.Uint32())
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, want, 0o644); err != nil {
		t.Fatal(err)
	}
	told := 0
	tell := func(n int) { told += n }
	plain := func() io.Reader { return bytes.NewReader(want) }
	for _, test := range []struct {
		name string
		r    func() (io.Reader, error)
	}{
		{"reader", func() (io.Reader, error) { return Reader(t.Context(), plain(), tell), nil }},
		{"waiting", func() (io.Reader, error) { return Waiting(t.Context(), plain(), tell), nil }},
		{"waiting, end and data together", func() (io.Reader, error) { return Waiting(t.Context(), iotest.DataErrReader(plain()), tell), nil }},
		{"file", func() (io.Reader, error) { return Open(t.Context(), name, tell) }},
		{"file system", func() (io.Reader, error) { return OpenIn(t.Context(), os.DirFS(filepath.Dir(name)), "file", tell) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			told = 0
			r, err := test.r()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes (%v), want the %d that there are", len(got), err, len(want))
			}
			if told != len(want) {
				t.Errorf("%d bytes told, want %d", told, len(want))
			}
		})
	}
	if err := iotest.TestReader(Waiting(t.Context(), plain(), nil), want); err != nil {
		t.Error(err)
	}
}

// TestErrors: the errors of the reader and of opening come through, after the data that came before.
func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	r := Waiting(t.Context(), io.MultiReader(strings.NewReader("some"), iotest.ErrReader(broken)), nil)
	if got, err := io.ReadAll(r); string(got) != "some" || !errors.Is(err, broken) {
		t.Errorf("%q and %v", got, err)
	}
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestEnds: reading ends with the context, at the next read or in the middle of one that waits.
func TestEnds(t *testing.T) {
	pipe, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	defer pipe.Close()
	reader, unread, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer unread.Close()
	for _, test := range []struct {
		name string
		read func(ctx context.Context) error
	}{
		{"reader", func(ctx context.Context) error {
			_, err := io.Copy(io.Discard, Reader(ctx, endless{}, nil))
			return err
		}},
		{"waiting", func(ctx context.Context) error {
			_, err := io.Copy(io.Discard, Waiting(ctx, endless{}, nil))
			return err
		}},
		{"a pipe that nobody writes to", func(ctx context.Context) error {
			_, err := Waiting(ctx, pipe, nil).Read(make([]byte, 1))
			return err
		}},
		{"opening what does not open", func(ctx context.Context) error {
			_, err := open(ctx, func() (fs.File, error) { select {} }, nil)
			return err
		}},
		{"opening for writing what does not open", func(ctx context.Context) error {
			_, err := OpenWriter(ctx, func() (*os.File, error) { select {} })
			return err
		}},
		{"a pipe that nobody reads", func(ctx context.Context) error {
			w, err := OpenWriter(ctx, func() (*os.File, error) { return unread, nil })
			if err == nil {
				_, err = io.Copy(w, endless{})
			}
			return err
		}},
		{"standard output that nobody reads", func(ctx context.Context) error {
			_, err := io.Copy(Writer(ctx, unread, time.Millisecond), endless{})
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			ended := make(chan error, 1)
			go func() { ended <- test.read(ctx) }()
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("ended with %v, want %v", err, context.Canceled)
				}
			case <-time.After(10 * time.Second):
				t.Error("it goes on")
			}
			if err := test.read(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("begun after the end: %v, want %v", err, context.Canceled)
			}
		})
	}
}

// endless is a file without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestWriterAfterTheEnd: what is written after the context ended arrives if somebody reads it, and the first write that
// nobody reads is the last.
func TestWriterAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b strings.Builder
	if n, err := io.WriteString(Writer(ctx, &b, time.Minute), "the reason"); n != 10 || err != nil || b.String() != "the reason" {
		t.Errorf("wrote %d bytes, %q, error %v", n, &b, err)
	}
	_, unread := io.Pipe()
	w := Writer(ctx, unread, 10*time.Millisecond)
	for range 2 {
		if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, ErrUnread) || !errors.Is(err, context.Canceled) {
			t.Errorf("wrote %d bytes that nobody reads, error %v", n, err)
		}
	}
}
