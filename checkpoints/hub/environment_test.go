package hub

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFromEnvironmentToken(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "token"), []byte("of the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want  string
		environment map[string]string
	}{
		{"of the environment", "x", map[string]string{"HF_TOKEN": " x\n", "HUGGING_FACE_HUB_TOKEN": "y"}},
		{"by its older name", "y", map[string]string{"HUGGING_FACE_HUB_TOKEN": "y"}},
		{"of the file", "of the file", nil},
		{"of no file", "", map[string]string{"HF_TOKEN_PATH": filepath.Join(home, "nowhere")}},
		{"not unless asked for", "", map[string]string{"HF_TOKEN": "x", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}},
		{"asked for", "x", map[string]string{"HF_TOKEN": "x", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := FromEnvironment(of(c.environment, home))
			if err != nil || client.Token != c.want {
				t.Errorf("got %+v (%v), want token %q", client, err, c.want)
			}
		})
	}
}

// of returns a function that looks variables up in an environment with the home directory of the hub's library.
func of(environment map[string]string, home string) func(string) string {
	return func(name string) string {
		if name == "HF_HOME" {
			return home
		}
		return environment[name]
	}
}

func TestFromEnvironment(t *testing.T) {
	home := t.TempDir()
	for _, c := range []struct {
		name        string
		environment map[string]string
		want        Client
	}{
		{"nothing set", nil, Client{Endpoint: DefaultEndpoint, Cache: filepath.Join(home, "hub")}},
		{"all set", map[string]string{"HF_ENDPOINT": "http://mirror:80/", "HF_HUB_CACHE": "/c", "HF_HUB_OFFLINE": "yes", "HF_TOKEN": "x"},
			Client{Endpoint: "http://mirror:80", Cache: "/c", Offline: true, Token: "x"}},
		{"older names", map[string]string{"HUGGINGFACE_HUB_CACHE": "/d", "TRANSFORMERS_OFFLINE": "1"}, Client{Endpoint: DefaultEndpoint, Cache: "/d", Offline: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := FromEnvironment(of(c.environment, home))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Errorf("want then got:\n%s", diff)
			}
		})
	}
	var bad *EndpointError
	if _, err := FromEnvironment(of(map[string]string{"HF_ENDPOINT": "ftp://me:secret@host"}, home)); !errors.As(err, &bad) || bad.Endpoint != "host" {
		t.Errorf("got %v, want an EndpointError without the password", err)
	}
}
