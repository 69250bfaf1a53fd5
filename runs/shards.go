package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/shards"
)

// InStore reports whether path is in a store and not on this machine.
func InStore(path string) bool { return strings.HasPrefix(path, "gs://") }

// openShards opens the shards at a path: a directory, or a tree in a store, of which it keeps as much on disk as
// device.cache_gb allows. The caller calls closeAll after the last use of the set.
func openShards(ctx context.Context, env Env, at string, device configs.Device) (set *shards.Set, closeAll func() error, err error) {
	if !InStore(at) {
		set, err := shards.Open(at)
		if err != nil {
			return nil, nil, err
		}
		return set, set.Close, nil
	}
	var closers closers
	defer func() {
		if err != nil {
			err = errors.Join(err, closers.close())
		}
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("%w while opening data.shards", ErrInterrupted)
		}
	}()
	store, err := env.Store(ctx, at)
	if err != nil {
		return nil, nil, configs.Errorf("data.shards: %w", err)
	}
	closers = append(closers, store.Close)
	dir := cmp.Or(device.Cache, env.Cache)
	if dir == "" {
		return nil, nil, configs.Errorf("device.cache: missing; set it to a directory for blocks of %s", at)
	}
	cache, err := bucket.OpenCache(dir, int64(device.CacheGB*1e9))
	if err != nil {
		return nil, nil, fmt.Errorf("device.cache: %w", err)
	}
	closers = append(closers, cache.Close)
	tree, err := bucket.OpenTree(ctx, store, "", cache)
	if err != nil {
		return nil, nil, fmt.Errorf("data.shards: %w", err)
	}
	closers = append(closers, tree.Close)
	if set, err = openTree(ctx, tree, at); err != nil {
		return nil, nil, fmt.Errorf("data.shards: %w", err)
	}
	closers = append(closers, set.Close, fillAhead(ctx, env, cache, tree))
	// A run that is asked to end finishes its step, so its reads continue for a while.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastReads, tree.End) })
	closers = append(closers, func() error { stop(); return nil })
	return set, closers.close, nil
}

// lastReads is how long a run that is asked to end may continue to read shards from a store.
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

// closers are closed in reverse order.
type closers []func() error

func (c closers) close() error {
	var errs []error
	for i := len(c) - 1; i >= 0; i-- {
		errs = append(errs, c[i]())
	}
	return errors.Join(errs...)
}

// fillAhead fills the cache in the background. The function it returns stops that and logs what the cache did.
func fillAhead(ctx context.Context, env Env, cache *bucket.Cache, tree *bucket.TreeFS) func() error {
	ctx, cancel := context.WithCancel(ctx)
	var filling sync.WaitGroup
	filling.Go(func() {
		if err := tree.Fill(ctx); err != nil && ctx.Err() == nil {
			env.Log.Warn("cannot fetch shards ahead", "error", err) // a batch fetches the blocks that it lacks itself
		}
	})
	return func() error {
		cancel()
		filling.Wait()
		s := cache.Stats()
		env.Log.Info("shards were read through the cache", "fetched", s.Fetched, "used_again", s.Hits, "evicted", s.Evicted, "most_mb", s.Most>>20)
		return nil
	}
}

// mostUnknown is the share of [UNK] above which a vocabulary does not fit a text.
const mostUnknown = 0.01

// checkShards compares the settings that shards were made with to those of the model.
func checkShards(env Env, set *shards.Set, m *checkpoints.Model) error {
	header := set.Header()
	if err := header.CheckVocabulary(m.Vocabulary.Hash(), m.Vocabulary.Size()); err != nil {
		return configs.Wrap(err)
	}
	if err := header.CheckTokenizer(m.Tokenizer); err != nil {
		return configs.Wrap(err)
	}
	if here, there := m.Tokenizer.MaxWordChars, header.Tokenizer.MaxWordChars; here != there {
		env.Log.Info("the shards and the model have different length limits above which a word becomes [UNK]", "characters", there, "model", here)
	}
	total := header.Total()
	rate := float64(total.Unknown) / float64(max(1, total.Tokens))
	if rate > mostUnknown {
		env.Log.Warn("many word pieces are [UNK]: the vocabulary does not fit the text", "unknown", total.Unknown, "of", total.Tokens, "percent", 100*rate)
		return nil
	}
	env.Log.Info("shards", "tokens", total.Tokens, "unknown_percent", 100*rate, "lower_case", header.Tokenizer.Lower)
	return nil
}
