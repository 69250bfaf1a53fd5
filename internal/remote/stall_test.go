package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// slowly yields n bytes, each after a pause.
type slowly struct {
	n     int
	pause time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.n == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	s.n--
	p[0] = 'x'
	return 1, nil
}

func TestDo(t *testing.T) {
	const limit = 200 * time.Millisecond
	end := make(chan struct{})
	defer close(end)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/mute":
			<-end
		case "/stops":
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			<-end
		case "/slow":
			for range 8 {
				time.Sleep(limit / 4)
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
			}
		default:
			io.Copy(w, r.Body)
		}
	}))
	defer server.CloseClientConnections()
	for _, c := range []struct {
		name, path string
		body       io.Reader
		want       string
		stalls     bool
	}{
		{"answers", "/", strings.NewReader("hello"), "hello", false},
		{"no answer", "/mute?secret=1", nil, "", true},
		{"stops in the answer", "/stops", nil, "half", true},
		{"slow, but moving", "/slow", nil, "xxxxxxxx", false},
		{"slow request", "/", &slowly{n: 8, pause: limit / 4}, "xxxxxxxx", false},
		{"request is not taken", "/mute", bytes.NewReader(make([]byte, 64<<20)), "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			method := http.MethodGet
			if c.body != nil {
				method = http.MethodPost
			}
			request, err := http.NewRequestWithContext(t.Context(), method, server.URL+c.path, c.body)
			if err != nil {
				t.Fatal(err)
			}
			var text []byte
			response, err := Do(http.DefaultClient, request, limit)
			if err == nil {
				text, err = io.ReadAll(response.Body)
				response.Body.Close()
			}
			var stalled *StallError
			if errors.As(err, &stalled) != c.stalls || !c.stalls && err != nil || !c.stalls && string(text) != c.want {
				t.Errorf("got %q, %v; want %q, stalled %t", text, err, c.want, c.stalls)
			}
			if err != nil && strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("the error holds the address: %v", err)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(limit/4, func() { cancel(errors.New("signal")) })
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/mute", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Do(http.DefaultClient, request, limit); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the context's error", err)
		}
	})
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                             "plain",
		"two\nlines\r\n":                    "two lines",
		"\x1b]0;title\x07\x1b[31mred":       "]0;title [31mred",
		"c1 \u009b31m, bidi \u202eabc":      "c1 31m, bidi abc",
		"not\xffUTF-8":                      "not\ufffdUTF-8",
		strings.Repeat("é", 400):            strings.Repeat("é", 250) + " ...",
		"Überprüfung – naïve \u03b1-kinase": "Überprüfung – naïve α-kinase",
	} {
		if got := Text(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
