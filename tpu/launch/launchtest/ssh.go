package launchtest

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

// NewKey makes a key pair and returns it as a signer and as a private key in OpenSSH's form.
func NewKey(t *testing.T) (ssh.Signer, []byte) {
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

// EchoServer starts an SSH server that lets the user of that name in by key and answers a command with its text; one
// with "false" in it fails with 7, one with "wait" in it does not end. It returns its address.
func EchoServer(t *testing.T, host ssh.Signer, name string, key ssh.PublicKey) string {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, shown ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != name || string(shown.Marshal()) != string(key.Marshal()) {
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
			if strings.Contains(command.Text, "wait") {
				continue
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
