package hub

import (
	"log/slog"
	"strings"
	"testing"
)

// TestPlainHTTP: a token goes over plain http to this machine only.
func TestPlainHTTP(t *testing.T) {
	for endpoint, sent := range map[string]bool{
		"https://huggingface.co": true, "http://localhost:8080": true, "http://127.0.0.1": true, "http://[::1]:1": true,
		"http://mirror.lan": false, "http://10.0.0.1:80": false, "http://localhost.example.org": false,
	} {
		var log strings.Builder
		c := &Client{Endpoint: endpoint, Token: "secret", Log: slog.New(slog.NewTextHandler(&log, nil))}
		p, err := c.connect()
		if err != nil || (p.token == "secret") != sent || strings.Contains(log.String(), "the token is not sent") == sent || strings.Contains(log.String(), "secret") {
			t.Errorf("%s: token sent: %t (%v), want %t; log %q", endpoint, p.token != "", err, sent, log.String())
		}
	}
}
