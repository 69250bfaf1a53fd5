package checkpoints

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/safetensors"
)

// Kind is a container of weights.
type Kind string

// The containers.
const (
	KindNone        Kind = "none"
	KindSafetensors Kind = "safetensors"
)

// open opens the container of that kind at path, a file or an index.
func (k Kind) open(path string) (host.Container, error) {
	index := strings.HasSuffix(path, ".index.json")
	switch {
	case k == KindSafetensors && index:
		return opened(safetensors.OpenIndex(path))
	case k == KindSafetensors:
		return opened(safetensors.Open(path))
	}
	return nil, fmt.Errorf("%s: no reader for %s", path, k)
}

// opened widens a reader's own type, which must not happen to a nil one.
func opened[C host.Container](c C, err error) (host.Container, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// names is how the container calls BERT's parameters.
func (k Kind) names() func(string) naming { return nameHuggingFace }

// located is a model's weights on disk.
type located struct {
	kind    Kind
	weights string // file, index or prefix
}

// weightFiles are the names that weights go by in a model directory, in the order that transformers prefers them.
func weightFiles() []located {
	return []located{
		{KindSafetensors, "model.safetensors"},
		{KindSafetensors, "model.safetensors.index.json"},
	}
}

// locate finds the pieces of the model at path, and its weights.
func (m *Model) locate(path string) (located, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return located{}, err
	}
	dir := path
	if !stat.IsDir() {
		dir = filepath.Dir(path)
	}
	if err := m.locateFiles(dir); err != nil {
		return located{}, err
	}
	if stat.IsDir() {
		return locateWeights(dir)
	}
	kind, err := kindOf(path)
	return located{kind, path}, err
}

// locateFiles finds what lies beside the weights. Google's archives call the configuration bert_config.json.
func (m *Model) locateFiles(dir string) error {
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"bert_config.json", &m.Files.Config}, {"config.json", &m.Files.Config},
		{"vocab.txt", &m.Files.Vocabulary}, {"tokenizer_config.json", &m.Files.TokenizerConfig},
	} {
		path := filepath.Join(dir, f.name)
		there, err := exists(path)
		if err != nil {
			return err
		}
		if there {
			*f.to = path
		}
	}
	return nil
}

// locateWeights finds the weights in a model directory.
func locateWeights(dir string) (located, error) {
	for _, candidate := range weightFiles() {
		path := filepath.Join(dir, candidate.weights)
		there, err := exists(path)
		if err != nil {
			return located{}, err
		}
		if there {
			return located{candidate.kind, path}, nil
		}
	}
	return located{kind: KindNone}, nil
}

// kindOf tells a container by its file's name.
func kindOf(path string) (Kind, error) {
	name := strings.TrimSuffix(filepath.Base(path), ".index.json")
	if filepath.Ext(name) == ".safetensors" {
		return KindSafetensors, nil
	}
	return KindNone, errors.New(path + ": not a kind of weights that is known: want .safetensors")
}
