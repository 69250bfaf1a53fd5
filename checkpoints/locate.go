package checkpoints

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/safetensors"
	"github.com/subbert/subbert/checkpoints/tfckpt"
	"github.com/subbert/subbert/checkpoints/torchbin"
	"github.com/subbert/subbert/data/wordpiece/published"
	"github.com/subbert/subbert/internal/regularfile"
)

// Kind is a container of weights.
type Kind string

// The containers.
const (
	KindNone        Kind = "none"
	KindSafetensors Kind = "safetensors"
	KindPyTorch     Kind = "pytorch"
	KindTensorFlow  Kind = "tensorflow"
)

// open opens the container of that kind at path: a file, an index over several, or a prefix.
func (k Kind) open(path string) (host.Container, error) {
	index := strings.HasSuffix(path, ".index.json")
	switch {
	case k == KindSafetensors && index:
		return opened(safetensors.OpenIndex(path))
	case k == KindSafetensors:
		return opened(safetensors.Open(path))
	case k == KindPyTorch && index:
		return opened(torchbin.OpenIndex(path))
	case k == KindPyTorch:
		return opened(torchbin.Open(path))
	case k == KindTensorFlow:
		return opened(tfckpt.Open(path))
	}
	return nil, fmt.Errorf("%s: no reader for %s", path, k)
}

// opened converts a reader of a concrete type to a host.Container, except after an error, when it is nil.
func opened[C host.Container](c C, err error) (host.Container, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// names returns the function that interprets the names in a container of kind k.
func (k Kind) names(all []Info) func(Info) naming {
	if k == KindTensorFlow {
		return nameTensorFlow(all)
	}
	return func(info Info) naming { return nameHuggingFace(info.Name) }
}

// located is a model's weights on disk.
type located struct {
	kind    Kind
	weights string // file, index or prefix
}

// find finds the files of the model at path and its weights, and unpacks an archive.
func (m *Model) find(path string) (located, error) {
	if !isArchive(path) {
		return m.locate(path)
	}
	if stat, err := os.Stat(path); err != nil || stat.IsDir() {
		return m.locate(path)
	}
	dir, err := unpack(m.ctx, path)
	if err != nil {
		return located{}, err
	}
	m.cleanup = func() error { return os.RemoveAll(dir) }
	inner, err := modelDirectory(dir)
	if err != nil {
		return located{}, fmt.Errorf("%s: %w", path, err)
	}
	where, err := m.locate(inner)
	if err != nil {
		return where, err
	}
	return where, m.locateAbove(inner, dir)
}

// locateAbove looks in the directories above dir, up to top, for files of an archive that do not lie beside the
// weights.
func (m *Model) locateAbove(dir, top string) error {
	for dir != top {
		dir = filepath.Dir(dir)
		beside := m.Files
		if err := m.locateFiles(dir); err != nil {
			return err
		}
		if beside.Config != "" {
			m.Files.Config = beside.Config
		}
		if beside.Tokenizer.Vocabulary != "" || beside.Tokenizer.Pipeline != "" {
			m.Files.Tokenizer = beside.Tokenizer
		}
	}
	return nil
}

// locate finds the model at a path that is not an archive.
func (m *Model) locate(path string) (located, error) {
	if prefix, ok, err := prefixOf(path); err != nil || ok {
		m.alone = true
		return located{KindTensorFlow, prefix}, errors.Join(err, m.locateFiles(filepath.Dir(path)))
	}
	stat, err := os.Stat(path)
	if err != nil {
		return located{}, err
	}
	if stat.IsDir() {
		if err := m.locateFiles(path); err != nil {
			return located{}, err
		}
		return locateWeights(path)
	}
	if err := m.locateFiles(filepath.Dir(path)); err != nil {
		return located{}, err
	}
	kind, err := kindOf(path)
	m.alone = true
	return located{kind, path}, err
}

var tensorFlowFile = regexp.MustCompile(`\.(index|meta|data-\d{5}-of-\d{5})$`)

// prefixOf reports whether path is a TensorFlow checkpoint's prefix or one of its files, and returns the
// prefix.
func prefixOf(path string) (prefix string, ok bool, err error) {
	prefix = tensorFlowFile.ReplaceAllString(path, "")
	ok, err = exists(prefix + ".index")
	return prefix, ok, err
}

// locateFiles finds the files beside the weights. In Google's archives the configuration is called
// bert_config.json.
func (m *Model) locateFiles(dir string) (err error) {
	if m.Files.Tokenizer, err = published.Find(dir); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"bert_config.json", &m.Files.Config}, {"config.json", &m.Files.Config},
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

// locateWeights finds the weights in a model directory, in the order that transformers prefers, then TensorFlow's.
func locateWeights(dir string) (located, error) {
	for _, candidate := range []located{
		{KindSafetensors, "model.safetensors"},
		{KindSafetensors, "model.safetensors.index.json"},
		{KindPyTorch, "pytorch_model.bin"},
		{KindPyTorch, "pytorch_model.bin.index.json"},
	} {
		path := filepath.Join(dir, candidate.weights)
		there, err := exists(path)
		if err != nil {
			return located{}, err
		}
		if there {
			return located{candidate.kind, path}, nil
		}
	}
	prefix, err := locatePrefix(dir)
	if err != nil || prefix == "" {
		return located{kind: KindNone}, err
	}
	return located{KindTensorFlow, prefix}, nil
}

var checkpointPath = regexp.MustCompile(`(?m)^model_checkpoint_path:\s*"([^"\n]+)"`)

// locatePrefix finds the TensorFlow checkpoint in dir: the one that the file "checkpoint" names, else the only one.
// Only the last element of that name counts, as it is often an absolute path on the machine that wrote it.
func locatePrefix(dir string) (string, error) {
	latest := filepath.Join(dir, "checkpoint")
	if there, err := exists(latest); err != nil {
		return "", err
	} else if there {
		text, err := regularfile.Read(latest, maxJSON)
		if err != nil {
			return "", err
		}
		if found := checkpointPath.FindSubmatch(text); found != nil {
			prefix := filepath.Join(dir, filepath.Base(string(found[1])))
			if _, ok, err := prefixOf(prefix); err != nil || ok {
				return prefix, err
			}
		}
	}
	indexes, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.index"))
	if err != nil || len(indexes) == 0 {
		return "", err
	}
	if len(indexes) > 1 {
		return "", fmt.Errorf("%s: has %d TensorFlow checkpoints; name one, such as %s", dir, len(indexes), strings.TrimSuffix(indexes[0], ".index"))
	}
	return strings.TrimSuffix(indexes[0], ".index"), nil
}

// escapeGlob escapes the special characters of a path in a glob pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// kindOf returns the kind of a container by its file name.
func kindOf(path string) (Kind, error) {
	name := strings.TrimSuffix(filepath.Base(path), ".index.json")
	switch filepath.Ext(name) {
	case ".safetensors":
		return KindSafetensors, nil
	case ".bin", ".pt", ".pth":
		return KindPyTorch, nil
	}
	return KindNone, errors.New(path + ": unknown kind of weights: want .safetensors, .bin, .pt, .pth, a TensorFlow checkpoint, .tar.gz, .zip or .whl")
}
