package published

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// The names of a tokenizer's files.
const (
	VocabularyName = "vocab.txt"
	PipelineName   = "tokenizer.json"
	SettingsName   = "tokenizer_config.json"
	specialName    = "special_tokens_map.json"
	addedName      = "added_tokens.json"
)

// Names lists the files that may describe a tokenizer.
func Names() []string {
	return []string{VocabularyName, PipelineName, SettingsName, specialName, addedName}
}

// Files holds the paths of a tokenizer's files. Missing files are empty.
type Files struct {
	Vocabulary string // vocab.txt
	Pipeline   string // tokenizer.json
	Settings   string // tokenizer_config.json
	special    string
	added      string
}

// Find looks for a tokenizer's files in dir.
func Find(dir string) (Files, error) {
	var f Files
	for _, file := range []struct {
		name string
		to   *string
	}{
		{VocabularyName, &f.Vocabulary}, {PipelineName, &f.Pipeline}, {SettingsName, &f.Settings}, {specialName, &f.special}, {addedName, &f.added},
	} {
		path := filepath.Join(dir, file.name)
		_, err := os.Stat(path)
		if err == nil {
			*file.to = path
		} else if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return f, nil
}

// All lists the paths of the existing files.
func (f Files) All() []string {
	var all []string
	for _, path := range []string{f.Vocabulary, f.Pipeline, f.Settings, f.special, f.added} {
		if path != "" {
			all = append(all, path)
		}
	}
	return all
}
