package launch

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func newKey(t *testing.T) (ssh.Signer, []byte) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, pem.EncodeToMemory(block)
}

// echoServer is an SSH server that lets user's key in and answers a command with its text; "false" fails with 7.
func echoServer(t *testing.T, host ssh.Signer, user ssh.PublicKey) string {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != SSHUser || string(key.Marshal()) != string(user.Marshal()) {
			return nil, errors.New("unknown")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, config)
		}
	}()
	return l.Addr().String()
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		for r := range requests {
			if r.Type != "exec" {
				continue
			}
			var command struct{ Text string }
			if ssh.Unmarshal(r.Payload, &command) != nil || r.Reply(true, nil) != nil {
				return
			}
			status := struct{ Code uint32 }{}
			if strings.Contains(command.Text, "false") {
				status.Code = 7
			}
			io.WriteString(channel, command.Text)
			channel.SendRequest("exit-status", false, ssh.Marshal(&status))
			channel.Close()
		}
	}
}

func TestShell(t *testing.T) {
	host, _ := newKey(t)
	other, stranger := newKey(t)
	user, identity := newKey(t)
	line := func(k ssh.Signer) string { return string(ssh.MarshalAuthorizedKey(k.PublicKey())) }
	s := Shell{Address: echoServer(t, host, user.PublicKey()), Identity: identity, HostKeys: []string{"ssh-unheard AAAA", line(host)}}
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
	if _, err := run(wrong, "true"); err == nil || !strings.Contains(err.Error(), "not one that the machine told") {
		t.Errorf("a server with another key: %v", err)
	}
	wrong.HostKeys = nil
	if _, err := run(wrong, "true"); err == nil || !strings.Contains(err.Error(), "no host key yet") {
		t.Errorf("no host key: %v", err)
	}
	wrong = s
	wrong.Identity = stranger
	if _, err := run(wrong, "true"); err == nil {
		t.Error("another user's key let in")
	}
}

func TestPublicKey(t *testing.T) {
	user, _ := newKey(t)
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(user.PublicKey())))
	if got, err := PublicKey([]byte(line + " me@laptop $(x)\n")); err != nil || got != line {
		t.Errorf("got %q (%v), want the key without its comment", got, err)
	}
	if _, err := PublicKey([]byte("nonsense")); err == nil {
		t.Error("nonsense was accepted")
	}
}
