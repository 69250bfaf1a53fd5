package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSHUser is the user that the run's public key admits.
const SSHUser = "subbert"

// PublicKey is the key of an authorized_keys line, without options and comment.
func PublicKey(line []byte) (string, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return "", errors.New("not a public key in authorized_keys form")
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), nil
}

// Shell runs commands on a machine over SSH.
type Shell struct {
	Address  string   // host:port
	Identity []byte   // private key, in a form of OpenSSH's without a passphrase
	HostKeys []string // the server's, in authorized_keys form; a server with another key is rejected
}

// Bounds of connecting: until the connection exists, and until the handshake is complete.
const (
	connectLimit   = 15 * time.Second
	handshakeLimit = 30 * time.Second
)

// Run runs a command on the machine, with each word quoted. The error is an *ssh.ExitError if the command failed. When
// ctx ends, Run closes the connection and returns ctx's error.
func (s Shell) Run(ctx context.Context, command []string, in io.Reader, out, errOut io.Writer) error {
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = quote(word)
	}
	err := s.run(ctx, strings.Join(words, " "), in, out, errOut)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	var exit *ssh.ExitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return fmt.Errorf("ssh %s: %w", s.Address, err)
}

func (s Shell) run(ctx context.Context, command string, in io.Reader, out, errOut io.Writer) (err error) {
	config, err := s.config()
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{Timeout: connectLimit}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // ends pending reads and writes
	defer stop()
	client, err := shake(conn, s.Address, config)
	if err != nil {
		return errors.Join(err, closed(conn.Close()))
	}
	defer func() { err = errors.Join(err, closed(client.Close())) }()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	session.Stdin, session.Stdout, session.Stderr = in, out, errOut
	return session.Run(command)
}

// closed turns the error for a connection that is closed already into nil.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// config holds our identity and the accepted keys of the machine.
func (s Shell) config() (*ssh.ClientConfig, error) {
	signer, err := ssh.ParsePrivateKey(s.Identity)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	known, types, err := s.known()
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User: SSHUser, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyAlgorithms: types,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			for _, k := range known {
				if bytes.Equal(k.Marshal(), key.Marshal()) {
					return nil
				}
			}
			return fmt.Errorf("the server's key %s is not among the machine's keys in the API", ssh.FingerprintSHA256(key))
		},
	}, nil
}

// shake does the SSH handshake, which authenticates both sides.
func shake(conn net.Conn, address string, config *ssh.ClientConfig) (*ssh.Client, error) {
	if err := conn.SetDeadline(time.Now().Add(handshakeLimit)); err != nil {
		return nil, err
	}
	connection, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(connection, channels, requests), conn.SetDeadline(time.Time{})
}

// known parses the host's keys; types are their algorithms, to which the server is restricted.
func (s Shell) known() (keys []ssh.PublicKey, types []string, err error) {
	for _, line := range s.HostKeys {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			continue // of an unsupported type
		}
		keys = append(keys, key)
		if types = append(types, key.Type()); key.Type() == ssh.KeyAlgoRSA {
			types = append(types, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512)
		}
	}
	if keys == nil {
		return nil, nil, errors.New("the machine has not published its host key yet; it does so after it has booted")
	}
	return keys, types, nil
}
