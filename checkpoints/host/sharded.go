package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/subbert/subbert/internal/regularfile"
)

// Bounds of an index over shards.
const (
	maxIndexBytes = 16 << 20
	maxShards     = 1024
)

// Sharded is one container over several files, joined by an index such as model.safetensors.index.json.
type Sharded struct {
	infos  []Info
	shards []Container
	in     map[string]Container
}

// OpenSharded opens with open the files that the index at path names; they lie beside it.
func OpenSharded(path string, open func(path string) (Container, error)) (*Sharded, error) {
	weightMap, err := readIndex(path)
	if err != nil {
		return nil, err
	}
	files := slices.Compact(slices.Sorted(maps.Values(weightMap)))
	if len(files) == 0 || len(files) > maxShards {
		return nil, fmt.Errorf("%s: names %d files, want 1 to %d", path, len(files), maxShards)
	}
	s := &Sharded{in: make(map[string]Container)}
	for _, file := range files {
		if err := s.add(filepath.Dir(path), file, open); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), s.Close())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(weightMap)) {
		if s.in[name] == nil {
			err := fmt.Errorf("%s: tensor %q is not in %s", path, name, weightMap[name])
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// add opens one shard. Tensors that the index does not list count too, as they do in the library that writes such
// files.
func (s *Sharded) add(dir, file string, open func(string) (Container, error)) error {
	if file == "" || strings.ContainsAny(file, `/\`) || strings.ContainsFunc(file, unicode.IsControl) || !filepath.IsLocal(file) {
		return fmt.Errorf("file %q is not a file in the directory of the index", file)
	}
	c, err := open(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	s.shards = append(s.shards, c)
	for _, info := range c.Tensors() {
		if s.in[info.Name] != nil {
			return fmt.Errorf("tensor %q is in two files; the second is %s", info.Name, file)
		}
		if len(s.infos) == MaxTensors {
			return fmt.Errorf("more than %d tensors in the files up to %s", MaxTensors, file)
		}
		s.in[info.Name] = c
		s.infos = append(s.infos, info)
	}
	return nil
}

func readIndex(path string) (map[string]string, error) {
	data, err := regularfile.Read(path, maxIndexBytes)
	if err != nil {
		return nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if index.WeightMap == nil {
		return nil, fmt.Errorf("%s: no weight_map", path)
	}
	return index.WeightMap, nil
}

// Tensors lists all shards' tensors, shard by shard.
func (s *Sharded) Tensors() []Info { return s.infos }

// Read reads from the shard that has the tensor.
func (s *Sharded) Read(name string, dst []byte) error {
	c := s.in[name]
	if c == nil {
		return fmt.Errorf("tensor %q: not found", name)
	}
	return c.Read(name, dst)
}

// Close closes all shards.
func (s *Sharded) Close() error {
	var errs []error
	for _, c := range s.shards {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
