package gapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/subbert/subbert/internal/remote"
)

// Error is an API's answer other than success.
type Error struct {
	Status  int    // of HTTP
	Message string // the API's, in one line
	after   time.Duration
}

func (e *Error) Error() string {
	return fmt.Sprintf("the server returned status %d: %s", e.Status, e.Message)
}

// Passing reports whether the same request may succeed later.
func (e *Error) Passing() bool { return remote.PassingStatus(e.Status) }

// RetryAfter is the time that the API asks to wait before the next request; 0 if it does not say.
func (e *Error) RetryAfter() time.Duration { return e.after }

// refusal reads an answer other than success.
func refusal(response *http.Response) error {
	e := &Error{Status: response.StatusCode, Message: http.StatusText(response.StatusCode), after: remote.RetryAfter(response.Header, time.Now())}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err != nil {
		return e // the status says enough
	}
	var said struct{ Error struct{ Message string } }
	switch err := json.Unmarshal(text, &said); {
	case err == nil && said.Error.Message != "":
		e.Message = remote.Text(said.Error.Message)
	case err != nil && len(text) > 0:
		e.Message = remote.Text(string(text))
	}
	return e
}
