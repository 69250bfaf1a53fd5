package checkpoints

import (
	"fmt"
	"io"

	"github.com/subbert/subbert/checkpoints/safetensors"
	"github.com/subbert/subbert/checkpoints/tfckpt"
	"github.com/subbert/subbert/checkpoints/torchbin"
)

// Names of the files that Convert writes.
const (
	tensorFlowName = "bert_model.ckpt"
	pytorchName    = "pytorch_model.bin"
)

// ParseKind parses the name of a container on the command line: safetensors, pytorch or tf1.
func ParseKind(name string) (Kind, error) {
	switch name {
	case "safetensors":
		return KindSafetensors, nil
	case "pytorch":
		return KindPyTorch, nil
	case "tf1":
		return KindTensorFlow, nil
	}
	return KindNone, fmt.Errorf("unknown container %q, want safetensors, pytorch or tf1", name)
}

// Convert writes m as a new model directory with its weights in a container of kind to. No number changes. Stored
// copies of tied parameters and tensors that are not parameters are left out. A TensorFlow checkpoint gets
// Google's names, and an additional bert_config.json.
func Convert(m *Model, dir string, to Kind) error {
	weights, err := m.untied()
	if err != nil {
		return err
	}
	e := Export{Config: m.Config.Raw, Vocabulary: m.Vocabulary, Tokenizer: m.Tokenizer, Weights: told{weights, m.begin("tensors", sizeOf(weights.Tensors()))}}
	return writeDirectory(disk{}, dir, func(w FileWriter) error {
		if err := e.WriteSettings(w); err != nil {
			return err
		}
		return e.writeWeights(w, to)
	})
}

// told is a container that counts what is read of it.
type told struct {
	Container
	work *work
}

func (t told) Read(name string, dst []byte) error {
	err := t.Container.Read(name, dst)
	t.work.add(len(dst))
	return err
}

func (e Export) writeWeights(w FileWriter, to Kind) error {
	switch to {
	case KindSafetensors:
		return writeFile(w, "model.safetensors", func(f io.Writer) error { return safetensors.Write(f, e.Weights, safetensors.PyTorch()) })
	case KindPyTorch:
		return writeFile(w, pytorchName, func(f io.Writer) error { return torchbin.Write(f, e.Weights) })
	case KindTensorFlow:
		config, err := withArchitecture(e.Config, e.Weights)
		if err != nil {
			return err
		}
		if err := writeFile(w, "bert_config.json", func(f io.Writer) error { _, err := f.Write(config); return err }); err != nil {
			return err
		}
		google, err := asGoogle(e.Weights)
		if err != nil {
			return err
		}
		return tfckpt.Write(w, tensorFlowName, google)
	}
	return fmt.Errorf("no writer for %s", to)
}

// untied is the model's weights without stored copies of tied parameters. A copy that differs from its original
// is an error.
func (m *Model) untied() (Container, error) {
	copies, err := m.copies()
	if err != nil {
		return nil, err
	}
	for name, same := range copies {
		if !same {
			original, _ := tiedTo(name)
			return nil, fmt.Errorf("%s: %s differs from %s, want a model that ties them", m.Path, name, original)
		}
	}
	return without{m.weights, func(name string) bool { _, isTied := tiedTo(name); return isTied }}, nil
}

// copies lists the tied parameters that the file stores as copies, and whether each equals its original.
func (m *Model) copies() (map[string]bool, error) {
	have := make(map[string]Info)
	for _, info := range m.Tensors() {
		have[info.Name] = info
	}
	found := make(map[string]bool)
	for name, info := range have {
		original, isTied := tiedTo(name)
		if !isTied {
			continue
		}
		same, err := sameData(m.weights, info, have[original])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		found[name] = same
	}
	return found, nil
}

// asGoogle shows weights under Google's names and in its layout.
func asGoogle(c Container) (Container, error) {
	r := &renamed{Container: c, from: make(map[string]renaming)}
	for _, info := range c.Tensors() {
		name, transposed, ok := googleName(info.Name)
		if !ok {
			return nil, fmt.Errorf("%s: Google's code has no such parameter, want a model without it", info.Name)
		}
		if err := r.add(name, info, transposed); err != nil {
			return nil, err
		}
	}
	return r, nil
}
