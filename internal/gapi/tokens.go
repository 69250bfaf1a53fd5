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

// tokenLimit bounds looking for credentials and asking for a token.
const tokenLimit = 8 * time.Second

// tokens signs requests with the machine's credentials.
type tokens struct {
	credentials *auth.Credentials
	quota       string // project that requests count for; empty: that of the credentials
}

// findTokens looks for the machine's credentials: GOOGLE_APPLICATION_CREDENTIALS, what `gcloud auth application-default
// login` left, the metadata server.
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

// sign gives a request its token.
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

// within waits for get no longer than tokenLimit and ctx allow. Package auth holds a lock while it asks, and looks at no
// context while it searches.
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
		case r = <-done: // it was over first
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

func (silence) Error() string     { return fmt.Sprintf("no answer within %s", tokenLimit) }
func (silence) Unreachable() bool { return true }

// tokenError puts a failure of package auth in one line. A token that was refused is refused again.
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
