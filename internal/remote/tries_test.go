package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// later asks to be left alone for a while.
type later time.Duration

func (l later) Error() string             { return "busy" }
func (l later) RetryAfter() time.Duration { return time.Duration(l) }

func TestTries(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	for _, c := range []struct {
		name     string
		err      error
		progress int           // of every so many attempts one gets further
		takes    time.Duration // of an attempt
		attempts int
		most     time.Duration // in all
	}{
		{"broken connection", errors.New("connection reset"), 0, 0, 4, 10 * time.Second},
		{"no connection, refused", dial, 0, 0, 4, 10 * time.Second},
		{"no connection, nothing comes", dial, 0, 5 * time.Second, 2, 12 * time.Second},
		{"no such host", &net.DNSError{Err: "no such host"}, 0, 6 * time.Second, 2, 14 * time.Second},
		{"progress now and then", errors.New("connection reset"), 2, 0, 100, time.Hour},
		{"final", Final(errors.New("no")), 0, 0, 1, 0},
		{"certificate", &tls.CertificateVerificationError{Err: errors.New("expired")}, 0, 0, 1, 0},
		{"asked to wait", later(20 * time.Second), 0, 0, 4, 70 * time.Second},
		{"asked to wait for an hour", later(time.Hour), 0, 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := &Tries{Most: 4, Pause: time.Second, Reach: 9 * time.Second}
				made, begin := 0, time.Now()
				for made < 100 {
					tries.Begin()
					made++
					time.Sleep(c.takes)
					if c.progress > 0 && made%c.progress == 0 {
						tries.Progress()
					}
					if err := tries.Again(t.Context(), c.err); err != nil {
						if !errors.Is(err, c.err) {
							t.Errorf("ends with %v, want the attempt's error", err)
						}
						break
					}
				}
				if spent := time.Since(begin); made != c.attempts || spent > c.most {
					t.Errorf("%d attempts in %s, want %d in at most %s", made, spent, c.attempts, c.most)
				}
			})
		})
	}
}

func TestTriesAreCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errors.New("signal")) })
		tries, begin := &Tries{Most: 9, Pause: time.Minute}, time.Now()
		tries.Begin()
		if err := tries.Again(ctx, errors.New("reset")); !errors.Is(err, context.Canceled) || time.Since(begin) != time.Second {
			t.Errorf("after %s: %v, want the context's error as soon as it ends", time.Since(begin), err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
