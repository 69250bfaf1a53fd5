package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/subbert/subbert/checkpoints/hub"
	"github.com/subbert/subbert/runs/result"
)

// onHub is the prefix of a model name that is not a path: hub:NAME or hub:NAME@REVISION.
const onHub = "hub:"

// modelPath returns the path on this machine of the model called name, which is a path, or hub:NAME, which is fetched
// if it is not in the cache. A name such as OWNER/NAME that is not a path is a name on the hub.
func (c *console) modelPath(_ context.Context, name string) (string, error) {
	onItsOwn := looksLikeHub(name)
	name, there := strings.CutPrefix(name, onHub)
	if !there && !onItsOwn {
		return name, nil
	}
	name, revision, _ := strings.Cut(name, "@")
	ref, err := hub.Parse(name, revision)
	if err != nil {
		return "", misusef("%s%s: %w", onHub, name, err)
	}
	if onItsOwn {
		c.log.Info("no such path here; taken from the hub", "model", onHub+name)
	}
	s, err := pullModel(c, ref, false)
	if err != nil && onItsOwn && !isInterruption(err) {
		err = fmt.Errorf("%s is no path here, and as a model of the hub: %w", name, err)
	}
	if err != nil {
		return "", err
	}
	c.log.Info("model", "repository", s.Repository, "commit", s.Commit, "dir", s.Dir)
	return s.Dir, nil
}

// looksLikeHub reports whether name has the form of a name on the hub and cannot be a path, because not even its first
// element exists.
func looksLikeHub(name string) bool {
	owner, model, ok := strings.Cut(name, "/")
	if !ok || strings.Contains(model, "/") || strings.ContainsAny(owner, `.:\`) {
		return false
	}
	if _, err := hub.Parse(name, ""); err != nil {
		return false
	}
	_, err := os.Lstat(owner)
	return errors.Is(err, fs.ErrNotExist)
}

// modelDir returns the path of a model to be opened. The directory of a run means the model in it.
func (c *console) modelDir(name string) (string, error) {
	path, err := c.modelPath(c.ctx, name)
	return result.ModelPath(path), err
}

// pullModel fetches the model into the cache.
func pullModel(c *console, ref hub.Reference, offline bool) (*hub.Snapshot, error) {
	client, err := hubClient(c)
	if err != nil {
		return nil, err
	}
	client.Offline = client.Offline || offline
	s, err := client.Pull(c.ctx, ref)
	if c.ctx.Err() != nil && err != nil {
		return nil, interruptedf("the part that arrived is kept, and the same command continues from there")
	}
	return s, err
}

// hubClient returns a client with the settings that Python's library takes from the environment.
func hubClient(c *console) (*hub.Client, error) {
	home, err := huggingFaceHome(c)
	if err != nil {
		return nil, err
	}
	endpoint := strings.TrimRight(cmp.Or(c.getenv("HF_ENDPOINT"), hub.DefaultEndpoint), "/")
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		shown := endpoint[strings.LastIndex(endpoint, "@")+1:] // the part before it may be a password
		return nil, misusef("HF_ENDPOINT %q is no address: want https://HOST", shown)
	}
	token, err := hubToken(c, home)
	if err != nil {
		return nil, err
	}
	return &hub.Client{
		Endpoint: endpoint,
		Cache:    cmp.Or(c.getenv("HF_HUB_CACHE"), c.getenv("HUGGINGFACE_HUB_CACHE"), filepath.Join(home, "hub")),
		Token:    token,
		Checked:  checkedDir(),
		Offline:  isOn(c.getenv("HF_HUB_OFFLINE")) || isOn(c.getenv("TRANSFORMERS_OFFLINE")),
		Log:      c.log,
		Progress: fetchProgress(c),
		Pause:    time.Second,
	}, nil
}

func huggingFaceHome(c *console) (string, error) {
	if home := c.getenv("HF_HOME"); home != "" {
		return home, nil
	}
	caches := c.getenv("XDG_CACHE_HOME")
	if caches == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("the cache of models: %w: set HF_HOME", err)
		}
		caches = filepath.Join(home, ".cache")
	}
	return filepath.Join(caches, "huggingface"), nil
}

// checkedDir returns the directory in which the hub's client records the files that it has compared with their hashes;
// empty if there is none.
func checkedDir() string {
	dir, err := cacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "hub")
}

// hubToken returns the token in the environment, or the one that `hf auth login` wrote; empty if there is none, or if
// it must not be used implicitly.
func hubToken(c *console, home string) (string, error) {
	if isOn(c.getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		return "", nil
	}
	if token := cmp.Or(c.getenv("HF_TOKEN"), c.getenv("HUGGING_FACE_HUB_TOKEN")); token != "" {
		return strings.TrimSpace(token), nil
	}
	text, err := os.ReadFile(cmp.Or(c.getenv("HF_TOKEN_PATH"), filepath.Join(home, "token")))
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

// fetchProgress shows the progress of each file.
func fetchProgress(c *console) func(name string, done, total int64) {
	meters := map[string]*meter{}
	return func(name string, done, total int64) {
		m := meters[name]
		if m == nil {
			m = newMeter(c)
			meters[name] = m
		}
		if done >= total {
			m.end()
			c.log.Info("fetched", "file", name, "mb", tenths(megabytes(total)))
			return
		}
		m.show(float64(done), float64(total), func(rate float64) string {
			return fmt.Sprintf("%s: %.1f of %.1f MB, %.1f MB/s", name, megabytes(done), megabytes(total), rate/1e6)
		})
	}
}
