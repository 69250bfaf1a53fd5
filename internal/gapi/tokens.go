package gapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"

	"github.com/subbert/subbert/internal/remote"
)

// tokenLimit bounds the search for credentials and the request for a token.
const tokenLimit = 8 * time.Second

// tokens signs requests with the machine's credentials.
type tokens struct {
	credentials *auth.Credentials
	quota       string // project that requests count for; empty: that of the credentials
}

// findTokens looks for the machine's credentials: GOOGLE_APPLICATION_CREDENTIALS, the file of `gcloud auth
// application-default login`, the metadata server.
func findTokens(ctx context.Context, scope string) (*tokens, error) {
	return within(ctx, "credentials", func(ctx context.Context) (*tokens, error) {
		found, err := credentials.DetectDefault(&credentials.DetectOptions{
			Scopes: []string{scope}, Client: &http.Client{Transport: newTransport(), Timeout: tokenLimit},
		})
		if err != nil {
			return nil, remote.Final(errors.New(strings.TrimPrefix(err.Error(), "credentials: ")))
		}
		quota, err := found.QuotaProjectID(ctx)
		return &tokens{credentials: found, quota: quota}, err
	})
}

// sign adds the token to a request.
func (t *tokens) sign(ctx context.Context, request *http.Request) error {
	token, err := within(ctx, "token", func(ctx context.Context) (*auth.Token, error) { return t.credentials.Token(ctx) })
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token.Value)
	if t.quota != "" {
		request.Header.Set("X-Goog-User-Project", t.quota)
	}
	return nil
}

// within calls get and waits no longer than tokenLimit and ctx allow. It is needed because package auth holds a lock
// during requests, and ignores contexts during its search.
func within[T any](ctx context.Context, what string, get func(context.Context) (T, error)) (T, error) {
	soon, cancel := context.WithTimeout(ctx, tokenLimit)
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer cancel()
		value, err := get(soon)
		done <- result{value, err}
	}()
	var r result
	select {
	case r = <-done:
	case <-soon.Done():
		select {
		case r = <-done: // get returned first
		default:
			r.err = silence{}
		}
	}
	if ctx.Err() != nil && r.err != nil {
		r.err = ctx.Err()
	} else if errors.Is(r.err, context.DeadlineExceeded) {
		r.err = silence{}
	}
	return r.value, tokenError(what, r.err)
}

// silence says that a source of tokens did not answer.
type silence struct{}

func (silence) Error() string     { return fmt.Sprintf("no response within %s", tokenLimit) }
func (silence) Unreachable() bool { return true }

// tokenError converts a failure of package auth to one line. A refusal is final.
func tokenError(what string, err error) error {
	var refused *auth.Error
	if errors.As(err, &refused) {
		text := errors.New(remote.Text(refused.Error()))
		if err = text; !refused.Temporary() {
			err = remote.Final(text)
		}
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, remote.WithoutAddress(err))
}
