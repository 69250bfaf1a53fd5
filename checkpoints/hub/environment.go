package hub

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// EndpointError says that HF_ENDPOINT is not the address of a server.
type EndpointError struct{ Endpoint string } // without a password

func (e *EndpointError) Error() string {
	return fmt.Sprintf("HF_ENDPOINT %q is not an address: want https://HOST", e.Endpoint)
}

// FromEnvironment returns a client with the settings that Python's huggingface_hub takes from the environment: its
// endpoint, its cache, its token, and whether it is offline. getenv returns the value of a variable.
func FromEnvironment(getenv func(name string) string) (*Client, error) {
	home, err := homeDir(getenv)
	if err != nil {
		return nil, err
	}
	endpoint := strings.TrimRight(cmp.Or(getenv("HF_ENDPOINT"), DefaultEndpoint), "/")
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &EndpointError{endpoint[strings.LastIndex(endpoint, "@")+1:]} // the part before it may be a password
	}
	token, err := readToken(getenv, home)
	return &Client{
		Endpoint: endpoint,
		Cache:    cmp.Or(getenv("HF_HUB_CACHE"), getenv("HUGGINGFACE_HUB_CACHE"), filepath.Join(home, "hub")),
		Token:    token,
		Offline:  isOn(getenv("HF_HUB_OFFLINE")) || isOn(getenv("TRANSFORMERS_OFFLINE")),
	}, err
}

func homeDir(getenv func(string) string) (string, error) {
	if home := getenv("HF_HOME"); home != "" {
		return home, nil
	}
	caches := getenv("XDG_CACHE_HOME")
	if caches == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("the cache of models: %w: set HF_HOME", err)
		}
		caches = filepath.Join(home, ".cache")
	}
	return filepath.Join(caches, "huggingface"), nil
}

// readToken returns the token in the environment, or the one that `hf auth login` wrote; empty if there is none, or if
// it must not be used implicitly.
func readToken(getenv func(string) string, home string) (string, error) {
	if isOn(getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		return "", nil
	}
	if token := cmp.Or(getenv("HF_TOKEN"), getenv("HUGGING_FACE_HUB_TOKEN")); token != "" {
		return strings.TrimSpace(token), nil
	}
	text, err := os.ReadFile(cmp.Or(getenv("HF_TOKEN_PATH"), filepath.Join(home, "token")))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// isOn reads a switch as Python's library does.
func isOn(value string) bool {
	switch strings.ToUpper(value) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}
