package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/subbert/subbert/checkpoints/hub"
	"github.com/subbert/subbert/runs/result"
)

// modelPath returns the path on this machine of the model called name, which is a path, or a name on the hub, whose model
// is fetched if it is not in the cache.
func (c *console) modelPath(_ context.Context, name string) (string, error) {
	ref, onHub, err := hub.ParseModel(name)
	if err != nil {
		return "", misused(err)
	}
	if !onHub {
		return name, nil
	}
	implied := !strings.HasPrefix(name, hub.Prefix)
	if implied {
		c.log.Info("no such path; taking the model from the hub", "model", hub.Prefix+name)
	}
	s, err := pullModel(c, ref, false)
	if err != nil && implied && !isInterruption(err) {
		err = fmt.Errorf("%s is not a path here, and as a model of the hub: %w", name, err)
	}
	if err != nil {
		return "", err
	}
	c.log.Info("model", "repository", s.Repository, "commit", s.Commit, "dir", s.Dir)
	return s.Dir, nil
}

// modelDir returns the path of a model to be opened. The directory of a run means the model in it.
func (c *console) modelDir(name string) (string, error) {
	path, err := c.modelPath(c.ctx, name)
	return result.ModelPath(path), err
}

// pullModel fetches the model into the cache.
func pullModel(c *console, ref hub.Reference, offline bool) (*hub.Snapshot, error) {
	client, err := hub.FromEnvironment(c.getenv)
	if err != nil {
		return nil, err
	}
	if dir, err := cacheDir(); err == nil {
		client.Checked = filepath.Join(dir, "hub")
	}
	client.Offline = client.Offline || offline
	client.Log, client.Progress, client.Pause = c.log, fetchProgress(c), time.Second
	s, err := client.Pull(c.ctx, ref)
	if c.ctx.Err() != nil && err != nil {
		return nil, interruptedf("the part that arrived is kept, and the same command continues from there")
	}
	return s, err
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
