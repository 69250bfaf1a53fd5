package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
)

// SSHUser is the user that the run's public key lets in.
const SSHUser = "subbert"

// PublicKey is the key of an authorized_keys line, without options and comment.
func PublicKey(line []byte) (string, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return "", errors.New("no public key in authorized_keys form")
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), nil
}

// Shell reaches a machine over SSH.
type Shell struct {
	Address  string   // host:port
	Identity []byte   // private key, in a form of OpenSSH's without a passphrase
	HostKeys []string // the server's, in authorized_keys form; there is no connection to one with another key
}

// Run runs a command on the machine, each word of it quoted, and returns how it ended: *ssh.ExitError if it failed there.
func (s Shell) Run(ctx context.Context, command []string, in io.Reader, out, errOut io.Writer) (err error) {
	client, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("ssh %s: %w", s.Address, err)
	}
	defer func() { err = errors.Join(err, closed(client.Close())) }()
	session, err := client.NewSession()
	if err != nil {
		return fmt.Errorf("ssh %s: %w", s.Address, err)
	}
	session.Stdin, session.Stdout, session.Stderr = in, out, errOut
	stop := context.AfterFunc(ctx, func() { err = errors.Join(err, closed(client.Close())) })
	defer stop()
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = quote(word)
	}
	return errors.Join(session.Run(strings.Join(words, " ")), ctx.Err())
}

// closed takes away the error that says that a connection is closed already.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (s Shell) dial(ctx context.Context) (*ssh.Client, error) {
	signer, err := ssh.ParsePrivateKey(s.Identity)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	known, types, err := s.known()
	if err != nil {
		return nil, err
	}
	config := &ssh.ClientConfig{
		User: SSHUser, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyAlgorithms: types,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			for _, k := range known {
				if bytes.Equal(k.Marshal(), key.Marshal()) {
					return nil
				}
			}
			return fmt.Errorf("the server's key %s is not one that the machine told the API", ssh.FingerprintSHA256(key))
		},
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, err
	}
	connection, channels, requests, err := ssh.NewClientConn(conn, s.Address, config)
	if err != nil {
		return nil, errors.Join(err, closed(conn.Close()))
	}
	return ssh.NewClient(connection, channels, requests), nil
}

// known parses the host's keys; types are their algorithms, so that the server shows one of these.
func (s Shell) known() (keys []ssh.PublicKey, types []string, err error) {
	for _, line := range s.HostKeys {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			continue // of a type that we do not speak
		}
		keys = append(keys, key)
		if types = append(types, key.Type()); key.Type() == ssh.KeyAlgoRSA {
			types = append(types, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512)
		}
	}
	if keys == nil {
		return nil, nil, errors.New("the machine has told the API no host key yet; it does once it has booted")
	}
	return keys, types, nil
}
