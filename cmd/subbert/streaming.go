package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/shards"
)

// inStore says whether an input is in a store and not on this machine.
func inStore(at string) bool { return strings.HasPrefix(at, "gs://") }

// openShards opens the shards of a config: a directory, or a tree in a store, of which as much is kept on disk as
// device.cache_gb allows. closeAll follows the last use of the set.
func openShards(c *console, config configs.Config) (set *shards.Set, closeAll func() error, err error) {
	at := config.Data.Shards
	if !inStore(at) {
		set, err := shards.Open(at)
		if err != nil {
			return nil, nil, err
		}
		return set, set.Close, nil
	}
	var closers []func() error
	closing := func() error {
		var errs []error
		for i := len(closers) - 1; i >= 0; i-- {
			errs = append(errs, closers[i]())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closing())
		}
		if err != nil && c.ctx.Err() != nil {
			err = fmt.Errorf("%w while data.shards was being opened", errInterrupted)
		}
	}()
	store, err := openStore(c.ctx, c, at)
	if err != nil {
		return nil, nil, misusef("data.shards: %w", err)
	}
	closers = append(closers, store.Close)
	cache, err := openCache(config.Device)
	if err != nil {
		return nil, nil, fmt.Errorf("device.cache: %w", err)
	}
	closers = append(closers, cache.Close)
	tree, err := bucket.OpenTree(c.ctx, store, "", cache)
	if err != nil {
		return nil, nil, fmt.Errorf("data.shards: %w", err)
	}
	closers = append(closers, tree.Close)
	if set, err = openTree(c.ctx, tree, at); err != nil {
		return nil, nil, fmt.Errorf("data.shards: %w", err)
	}
	closers = append(closers, set.Close, ahead(c, cache, tree))
	// A run that is asked to end still finishes the step that it is at: its reads go on for a while.
	stop := context.AfterFunc(c.ctx, func() { time.AfterFunc(lastReads, tree.End) })
	closers = append(closers, func() error { stop(); return nil })
	return set, closing, nil
}

// lastReads is how long a run that is asked to end may still read shards from a store.
const lastReads = 15 * time.Second

// openTree opens the shards in a tree of a store, and gives up when ctx ends.
func openTree(ctx context.Context, tree *bucket.TreeFS, at string) (*shards.Set, error) {
	stop := context.AfterFunc(ctx, tree.End)
	set, err := shards.OpenFS(tree, at)
	if !stop() && err == nil {
		err = errors.Join(ctx.Err(), set.Close())
	}
	return set, err
}

// ahead fills the cache while the run goes on. The function it returns ends that and says what the cache did.
func ahead(c *console, cache *bucket.Cache, tree *bucket.TreeFS) func() error {
	ctx, cancel := context.WithCancel(c.ctx)
	var filling sync.WaitGroup
	filling.Go(func() {
		if err := tree.Fill(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("fetching shards ahead", "error", err) // what a batch needs is asked for again
		}
	})
	return func() error {
		cancel()
		filling.Wait()
		s := cache.Stats()
		c.log.Info("shards were read through the cache", "fetched", s.Fetched, "used_again", s.Hits, "displaced", s.Evicted, "most_mb", s.Most>>20)
		return nil
	}
}

// openCache opens the cache of a config.
func openCache(d configs.Device) (*bucket.Cache, error) {
	dir := d.Cache
	if dir == "" {
		own, err := cacheDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(own, "blocks")
	}
	return bucket.OpenCache(dir, int64(d.CacheGB*1e9))
}
