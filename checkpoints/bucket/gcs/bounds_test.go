package gcs_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/internal/gapi"
)

// transport is a network that a test makes up.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// calls are all that a store is asked.
func calls() map[string]func(ctx context.Context, s *gcs.Store) error {
	return map[string]func(ctx context.Context, s *gcs.Store) error{
		"read": func(ctx context.Context, s *gcs.Store) error {
			_, _, err := s.Read(ctx, "x")
			return err
		},
		"read a range": func(ctx context.Context, s *gcs.Store) error { return s.ReadRange(ctx, "x", make([]byte, 9), 3) },
		"write": func(ctx context.Context, s *gcs.Store) error {
			_, err := s.Write(ctx, "x", strings.NewReader("text"), bucket.Condition{})
			return err
		},
		"write in pieces": func(ctx context.Context, s *gcs.Store) error {
			_, err := s.Write(ctx, "x", io.LimitReader(zeros{}, 17<<20), bucket.Condition{})
			return err
		},
		"list": func(ctx context.Context, s *gcs.Store) error {
			_, err := s.List(ctx, "")
			return err
		},
		"delete": func(ctx context.Context, s *gcs.Store) error { return s.Delete(ctx, "x") },
	}
}

// TestBounds: every call ends, soon where there is no connection, some time where there is one of which nothing comes,
// and at once when its context ends.
func TestBounds(t *testing.T) {
	refused := func(r *http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	lost := func(r *http.Request) (*http.Response, error) { // packets vanish
		time.Sleep(5 * time.Second)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}
	}
	mute := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	failing := func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 503, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	for _, c := range []struct {
		name        string
		network     transport
		cancel      time.Duration
		least, most time.Duration
		unreachable bool
	}{
		{"refused", refused, 0, 3 * time.Second, 15 * time.Second, true},
		{"packets vanish", lost, 0, 5 * time.Second, 15 * time.Second, true},
		{"nothing comes", mute, 0, time.Minute, 10 * time.Minute, false},
		{"503 for ever", failing, 0, 30 * time.Second, 2 * time.Minute, false},
		{"refused, cancelled", refused, 2500 * time.Millisecond, 2500 * time.Millisecond, 2500 * time.Millisecond, false},
		{"nothing comes, cancelled", mute, time.Second, time.Second, time.Second, false},
	} {
		for name, call := range calls() {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, err := gcs.Open(t.Context(), "gs://runs/one", gapi.Options{Anonymous: true, Transport: c.network})
					if err != nil {
						t.Fatal(err)
					}
					ctx, begin := t.Context(), time.Now()
					if c.cancel > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, c.cancel)
						defer cancel()
					}
					err = call(ctx, s)
					if spent := time.Since(begin); err == nil || spent < c.least || spent > c.most {
						t.Errorf("after %s: %v; want an error between %s and %s", spent, err, c.least, c.most)
					}
					if errors.Is(err, bucket.ErrUnreachable) != c.unreachable || strings.ContainsAny(err.Error(), "\n?") {
						t.Errorf("%v: want it in one line without a query, unreachable: %t", err, c.unreachable)
					}
				})
			})
		}
	}
}

// TestFlakyReads: connections that break again and again, each after some bytes, yield the object, all of one generation.
func TestFlakyReads(t *testing.T) { synctest.Test(t, flakyReads) }

func flakyReads(t *testing.T) {
	n := &network{}
	s := openThrough(t, n)
	text := bytes.Repeat([]byte("weights "), 40_000)
	if _, err := s.Write(t.Context(), "x", bytes.NewReader(text), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	generations := map[string]bool{}
	n.answer = func(r *http.Request, a *http.Response) {
		if r.URL.Query().Get("alt") == "media" {
			if r.Header.Get("Range") != "" {
				generations[r.URL.Query().Get("generation")] = true
			}
			a.Body = io.NopCloser(io.MultiReader(io.LimitReader(a.Body, 20_000), iotest.ErrReader(syscall.ECONNRESET)))
		}
	}
	r, o, err := s.Read(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes (%v), want the %d that were written", len(got), err, len(text))
	}
	if len(generations) != 1 || !generations[fmt.Sprint(o.Generation)] {
		t.Errorf("generations %v were asked for, want %d", generations, o.Generation)
	}
	p := make([]byte, 270_000)
	if err := s.ReadRange(t.Context(), "x", p, 4); err != nil || !bytes.Equal(p, text[4:270_004]) {
		t.Errorf("a range: %v", err)
	}
}

// session is a resumable upload of a server that keeps what it wants of each piece, and that demands what the protocol
// says: bytes it has may come again, none may be left out.
type session struct {
	t     *testing.T
	takes []int // of the next pieces, bytes; once they are used up all of each
	lose  int   // so many of the first answers are lost
	data  []byte
	puts  []string
	total int
}

func (s *session) RoundTrip(r *http.Request) (*http.Response, error) {
	header, status, answer := http.Header{}, http.StatusOK, "{}"
	switch {
	case r.Method == http.MethodPost:
		header.Set("Location", "https://store.invalid/session?upload_id=secret")
	case r.Method == http.MethodDelete:
		status = 499
	case s.put(r):
		text, err := json.Marshal(map[string]string{"generation": "7", "size": fmt.Sprint(len(s.data)), "crc32c": sumOf(s.data)})
		if err != nil {
			return nil, err
		}
		answer = string(text)
	default:
		status = http.StatusPermanentRedirect
		if len(s.data) > 0 {
			header.Set("Range", fmt.Sprintf("bytes=0-%d", len(s.data)-1))
		}
	}
	if r.Method == http.MethodPut && s.lose > 0 {
		s.lose--
		return nil, syscall.ECONNRESET
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

// put takes a piece, and says whether the upload is complete.
func (s *session) put(r *http.Request) bool {
	var from, to int
	var total string
	if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%s", &from, &to, &total); err != nil {
		s.t.Errorf("Content-Range %q: %v", r.Header.Get("Content-Range"), err)
	}
	s.puts = append(s.puts, fmt.Sprintf("%d-%d", from, to))
	piece, err := io.ReadAll(r.Body)
	if err != nil || len(piece) != to-from+1 || from > len(s.data) {
		s.t.Errorf("bytes %d-%d came with %d bytes (%v), %d are there", from, to, len(piece), err, len(s.data))
		return false
	}
	if fresh := to + 1 - len(s.data); fresh > 0 {
		take := fresh
		if len(s.takes) > 0 {
			take, s.takes = min(s.takes[0], fresh), s.takes[1:]
		}
		s.data = append(s.data, piece[len(piece)-fresh:][:take]...)
	}
	return total != "*" && len(s.data) == s.total
}

func sumOf(data []byte) string {
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

func TestResumableUploads(t *testing.T) {
	const size, piece = 40 << 20, 16 << 20
	text := make([]byte, size)
	for i := range text {
		text[i] = byte(i >> 16)
	}
	for _, c := range []struct {
		name  string
		takes []int
		lose  int
		puts  []string
	}{
		{"undisturbed", nil, 0, []string{"0-16777215", "16777216-33554431", "33554432-41943039"}},
		{"answers are lost", nil, 2, []string{"0-16777215", "0-16777215", "0-16777215", "16777216-33554431", "33554432-41943039"}},
		{"a part is taken", []int{1 << 20, piece, 0, 256 << 10}, 0, []string{
			"0-16777215", "1048576-16777215", "16777216-33554431", "16777216-33554431", "17039360-33554431", "33554432-41943039"}},
		{"nothing is taken at first", []int{0}, 0, []string{"0-16777215", "0-16777215", "16777216-33554431", "33554432-41943039"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &session{t: t, takes: c.takes, lose: c.lose, total: size}
				s, err := gcs.Open(t.Context(), "gs://runs/one", gapi.Options{Anonymous: true, Transport: server})
				if err != nil {
					t.Fatal(err)
				}
				o, err := s.Write(t.Context(), "big", bytes.NewReader(text), bucket.Condition{})
				if err != nil || o.Size != size || o.Generation != 7 || !bytes.Equal(server.data, text) {
					t.Errorf("wrote %d bytes (%v), the server has %d; want %d", o.Size, err, len(server.data), size)
				}
				if got := fmt.Sprint(server.puts); got != fmt.Sprint(c.puts) {
					t.Errorf("sent %s, want %s", got, c.puts)
				}
			})
		})
	}
}
