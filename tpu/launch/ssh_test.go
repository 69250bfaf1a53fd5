package launch

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/subbert/subbert/tpu/launch/launchtest"
)

func TestShell(t *testing.T) {
	host, _ := launchtest.NewKey(t)
	other, stranger := launchtest.NewKey(t)
	user, identity := launchtest.NewKey(t)
	line := func(k ssh.Signer) string { return string(ssh.MarshalAuthorizedKey(k.PublicKey())) }
	s := Shell{Address: launchtest.EchoServer(t, host, SSHUser, user.PublicKey()), Identity: identity, HostKeys: []string{"ssh-unheard AAAA", line(host)}}
	run := func(s Shell, command ...string) (string, error) {
		var out strings.Builder
		err := s.Run(t.Context(), command, strings.NewReader(""), &out, io.Discard)
		return out.String(), err
	}
	if got, err := run(s, "tail", "-n", "$(reboot); it's"); err != nil || got != `'tail' '-n' '$(reboot); it'\''s'` {
		t.Errorf("the machine was told %s (%v)", got, err)
	}
	var exit *ssh.ExitError
	if _, err := run(s, "false"); !errors.As(err, &exit) || exit.ExitStatus() != 7 {
		t.Errorf("a command that fails: %v, want exit status 7", err)
	}
	wrong := s
	wrong.HostKeys = []string{line(other)}
	if _, err := run(wrong, "true"); err == nil || !strings.Contains(err.Error(), "not among the machine's keys") {
		t.Errorf("a server with another key: %v", err)
	}
	wrong.HostKeys = nil
	if _, err := run(wrong, "true"); err == nil || !strings.Contains(err.Error(), "not published its host key yet") {
		t.Errorf("no host key: %v", err)
	}
	wrong = s
	wrong.Identity = stranger
	if _, err := run(wrong, "true"); err == nil {
		t.Error("another user's key let in")
	}
}

func TestPublicKey(t *testing.T) {
	user, _ := launchtest.NewKey(t)
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(user.PublicKey())))
	if got, err := PublicKey([]byte(line + " me@laptop $(x)\n")); err != nil || got != line {
		t.Errorf("got %q (%v), want the key without its comment", got, err)
	}
	if _, err := PublicKey([]byte("nonsense")); err == nil {
		t.Error("nonsense was accepted")
	}
}

// TestShellEnds: a connection ends with the context, at whatever stage it is.
func TestShellEnds(t *testing.T) {
	host, _ := launchtest.NewKey(t)
	user, identity := launchtest.NewKey(t)
	line := string(ssh.MarshalAuthorizedKey(host.PublicKey()))
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for _, c := range []struct{ name, address string }{
		{"handshake", mute.Addr().String()},
		{"command", launchtest.EchoServer(t, host, SSHUser, user.PublicKey())},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			s, begin := Shell{Address: c.address, Identity: identity, HostKeys: []string{line}}, time.Now()
			err := s.Run(ctx, []string{"wait"}, strings.NewReader(""), io.Discard, io.Discard)
			if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "\n") || time.Since(begin) > 2*time.Second {
				t.Errorf("after %s: %v, want the context's error at once, in one line", time.Since(begin), err)
			}
		})
	}
}
