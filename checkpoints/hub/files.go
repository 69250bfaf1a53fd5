package hub

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/remote"
)

// settings are the files beside the weights; a repository may lack any of them.
var settings = []string{
	"config.json", "bert_config.json", "vocab.txt", "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json",
	"added_tokens.json", "README.md", "LICENSE", "LICENSE.md",
}

// containers are the forms of weights in the order in which package checkpoints looks for them. Of the first form with
// a file that matches main all files are fetched, and no other form.
var containers = []struct{ main, files *regexp.Regexp }{
	{regexp.MustCompile(`^model\.safetensors$`), regexp.MustCompile(`^model\.safetensors$`)},
	{regexp.MustCompile(`^model\.safetensors\.index\.json$`), regexp.MustCompile(`^model(-\d+-of-\d+\.safetensors|\.safetensors\.index\.json)$`)},
	{regexp.MustCompile(`^pytorch_model\.bin$`), regexp.MustCompile(`^pytorch_model\.bin$`)},
	{regexp.MustCompile(`^pytorch_model\.bin\.index\.json$`), regexp.MustCompile(`^pytorch_model(-\d+-of-\d+\.bin|\.bin\.index\.json)$`)},
	{regexp.MustCompile(`^[\w.-]+\.index$`), regexp.MustCompile(`^(checkpoint|[\w.-]+\.index|[\w.-]+\.data-\d{5}-of-\d{5})$`)},
}

// otherWeights are containers that are not read.
var otherWeights = regexp.MustCompile(`\.(h5|msgpack|ot|onnx|gguf|ckpt|pb|tflite)$`)

// wanted selects the files of a model from those of a repository.
func wanted(names []string) ([]string, error) {
	var files []string
	for _, name := range settings {
		if slices.Contains(names, name) {
			files = append(files, name)
		}
	}
	for _, c := range containers {
		if !slices.ContainsFunc(names, c.main.MatchString) {
			continue
		}
		for _, name := range names {
			if c.files.MatchString(name) && !slices.Contains(files, name) {
				files = append(files, name)
			}
		}
		return files, nil
	}
	others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !otherWeights.MatchString(path.Base(n)) })
	if len(others) > 0 {
		return nil, fmt.Errorf("no readable weights: want safetensors, pytorch_model.bin or a TensorFlow checkpoint, have %s", remote.Text(strings.Join(others, ", ")))
	}
	return nil, errors.New("no weights: want safetensors, pytorch_model.bin or a TensorFlow checkpoint")
}
