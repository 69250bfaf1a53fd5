package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Tries decides whether and when to retry an operation. Its fields must be set before its first use.
type Tries struct {
	Most  int           // attempts in a row without progress, the first included
	Pause time.Duration // before the second attempt in a row; it doubles from one to the next
	// Reach bounds the time of attempts to connect to a server; 0: only Most bounds them.
	Reach time.Duration
	// Told, if set, is called before every pause.
	Told func(attempt int, wait time.Duration, because error)

	made  int       // attempts in a row
	since time.Time // of the first of them
}

// Progress records that the last attempt made progress, so that the next one counts as the first.
func (t *Tries) Progress() { t.made = 0 }

// Begin records the start of an attempt.
func (t *Tries) Begin() {
	if t.made++; t.made == 1 {
		t.since = time.Now()
	}
}

// Again waits before the next attempt and returns nil, or returns the error to end with: that of ctx if it ended, else
// err, the last attempt's.
func (t *Tries) Again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !Passing(err) {
		return err
	}
	if t.made >= t.Most {
		return fmt.Errorf("tried %d times: %w", t.made, err)
	}
	wait := t.Pause << max(0, t.made-1)
	wait += time.Duration((rand.Float64() - 0.5) / 2 * float64(wait)) // so that many clients do not come back together
	var later interface{ RetryAfter() time.Duration }
	if errors.As(err, &later) && later.RetryAfter() > wait {
		if wait = later.RetryAfter(); wait > longestWait {
			return fmt.Errorf("asked to wait for %s: %w", wait, err)
		}
	}
	if spent := time.Since(t.since); t.Reach > 0 && Unreachable(err) && spent+wait > t.Reach {
		return fmt.Errorf("tried for %s: %w", spent.Round(time.Second), err)
	}
	if t.Told != nil {
		t.Told(t.made+1, wait, err)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// longestWait is the longest pause that a server may request.
const longestWait = 5 * time.Minute

// FinalError is an error that another attempt would return again.
type FinalError struct{ error }

// Final marks err as an error that another attempt would return again.
func Final(err error) error { return &FinalError{err} }

func (e *FinalError) Unwrap() error { return e.error }

// Passing reports whether another attempt may succeed after err. An error with a method Passing decides itself; of the
// others only a cancelled context and faults of certificates and protocols are final.
func Passing(err error) bool {
	var known interface{ Passing() bool }
	var final *FinalError
	switch {
	case err == nil, errors.As(err, &final), errors.Is(err, context.Canceled): // a deadline may be that of one connection
		return false
	case errors.As(err, &known):
		return known.Passing()
	}
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return !errors.As(err, &certificate) && !errors.As(err, &record) && !errors.As(err, &authority) && !errors.As(err, &host)
}

// Unreachable reports whether err occurred before there was a connection, or whether its method of that name says
// so.
func Unreachable(err error) bool {
	var known interface{ Unreachable() bool }
	if errors.As(err, &known) {
		return known.Unreachable()
	}
	var dns *net.DNSError
	var op *net.OpError
	return errors.As(err, &dns) || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// RetryAfter is the time that a response asks to wait before the next request; 0 if it does not.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// PassingStatus reports whether a server that answers with status may answer differently later.
func PassingStatus(status int) bool {
	return status >= http.StatusInternalServerError && status != http.StatusNotImplemented || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

// WithoutAddress removes the address from an error of net/http: a signed address is as secret as a
// password.
func WithoutAddress(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
