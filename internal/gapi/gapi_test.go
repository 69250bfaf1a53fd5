package gapi

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/subbert/subbert/internal/remote"
)

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		want       string
		passing    bool
	}{
		{"in JSON", `{"error":{"code":403,"message":"no role\nto do that"}}`, 403, "the server returned status 403: no role to do that", false},
		{"in text", "Not Found", 404, "the server returned status 404: Not Found", false},
		{"nothing", "", 503, "the server returned status 503: Service Unavailable", true},
		{"escapes", "\x1b[31mred", 429, "the server returned status 429: [31mred", true},
		{"a redirect", "", 302, "the server returned status 302: Found", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer api.Close()
			client, err := Open(t.Context(), "https://unused.invalid", "scope", Options{Endpoint: api.URL, Anonymous: true})
			if err != nil {
				t.Fatal(err)
			}
			err = client.JSON(t.Context(), http.MethodGet, "/x", nil, nil)
			var refused *Error
			if !errors.As(err, &refused) || err.Error() != c.want || remote.Passing(err) != c.passing || refused.RetryAfter() != 7*time.Second {
				t.Errorf("got %v, passing %t; want %s, %t", err, remote.Passing(err), c.want, c.passing)
			}
		})
	}
}

func TestAnswerThatIsNoJSON(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }))
	defer api.Close()
	client, err := Open(t.Context(), "", "scope", Options{Endpoint: api.URL, Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	var out struct{}
	if err := client.JSON(t.Context(), http.MethodGet, "/x", nil, &out); err == nil || remote.Passing(err) {
		t.Errorf("got %v, want an error that is final", err)
	}
}

// serviceAccount lets the environment name a key whose tokens come from an address.
func serviceAccount(t *testing.T, tokens string, more map[string]string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	account := map[string]string{"type": "service_account", "client_email": "me@p.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": tokens,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))}
	for k, v := range more {
		account[k] = v
	}
	text, err := json.Marshal(account)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
}

func TestTokens(t *testing.T) {
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/token":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token":"t","expires_in":3599,"token_type":"Bearer"}`)
		case "/refuses":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "{\"error\":\"invalid_grant\",\n\"error_description\":\"account not found\"}")
		case "/mute":
			<-end
		default:
			fmt.Fprintf(w, `{"token":%q,"project":%q}`, r.Header.Get("Authorization"), r.Header.Get("X-Goog-User-Project"))
		}
	}))
	defer server.Close()
	defer close(end)
	open := func(tokens string) *Client {
		serviceAccount(t, server.URL+tokens, map[string]string{"quota_project_id": "paying"})
		client, err := Open(t.Context(), "", "https://www.googleapis.com/auth/scope", Options{Endpoint: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	ask := func(ctx context.Context, tokens string) (map[string]string, error) {
		client := open(tokens)
		var out map[string]string
		err := client.JSON(ctx, http.MethodGet, "/x", nil, &out)
		return out, err
	}
	t.Run("given", func(t *testing.T) {
		if out, err := ask(t.Context(), "/token"); err != nil || out["token"] != "Bearer t" || out["project"] != "paying" {
			t.Errorf("got %v, %v", out, err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		_, err := ask(t.Context(), "/refuses")
		if err == nil || !strings.Contains(err.Error(), "invalid_grant") || strings.Contains(err.Error(), "\n") || remote.Passing(err) {
			t.Errorf("got %v, want the refusal in one line, final", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		client := open("/mute")
		go client.JSON(context.WithoutCancel(ctx), http.MethodGet, "/x", nil, nil) // package auth holds a lock meanwhile
		time.Sleep(10 * time.Millisecond)
		begin := time.Now()
		if err := client.JSON(ctx, http.MethodGet, "/x", nil, nil); !errors.Is(err, context.Canceled) || time.Since(begin) > 2*time.Second {
			t.Errorf("after %s: %v, want the context's error as soon as it ends", time.Since(begin), err)
		}
	})
	t.Run("silent", func(t *testing.T) {
		if testing.Short() {
			t.Skip("waits for 8 seconds; left out with -short")
		}
		begin := time.Now()
		if _, err := ask(t.Context(), "/mute"); !remote.Unreachable(err) || time.Since(begin) > tokenLimit+2*time.Second {
			t.Errorf("after %s: %v, want it to end as unreachable within %s", time.Since(begin), err, tokenLimit)
		}
	})
}
