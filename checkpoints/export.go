package checkpoints

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/data/wordpiece/published"
)

// Export is a model to be written.
type Export struct {
	Config     []byte // config.json; architectures is set by what the weights hold
	Vocabulary *wordpiece.Vocabulary
	Tokenizer  wordpiece.Config
	Weights    Container // Hugging Face's names, matrices as [out,in]
	Card       string    // README.md; none if empty
}

// WriteModel makes the directory dir: config.json, vocab.txt, the tokenizer's files, model.safetensors and README.md. It is there
// completely or not at all, and must not have been there before.
func WriteModel(dir string, e Export) error {
	return WriteDirectory(dir, func(w FileWriter) error { return e.Write(w) })
}

// WriteDirectory makes the directory dir of the files that write creates. It is there completely or not at all, and must
// not have been there before.
func WriteDirectory(dir string, write func(FileWriter) error) error {
	return writeDirectory(disk{}, dir, write)
}

// Write writes the files of a model directory to w, which may be a step being saved.
func (e Export) Write(w FileWriter) error {
	if err := e.WriteSettings(w); err != nil {
		return err
	}
	return e.writeWeights(w, KindSafetensors)
}

// WriteSettings writes everything but the weights.
func (e Export) WriteSettings(w FileWriter) error {
	config, err := withArchitecture(e.Config, e.Weights)
	if err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	var c Config
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	tokenizer, err := published.Write(e.Vocabulary, e.Tokenizer, c.MaxPositionEmbeddings)
	if err != nil {
		return err
	}
	files := append([]published.File{{Name: "config.json", Content: config}}, tokenizer...)
	if e.Card != "" {
		files = append(files, published.File{Name: "README.md", Content: []byte(e.Card)})
	}
	for _, f := range files {
		if err := writeFile(w, f.Name, func(w io.Writer) error { _, err := w.Write(f.Content); return err }); err != nil {
			return err
		}
	}
	return nil
}

// writeFile creates one file; an error of write, or of closing, counts.
func writeFile(w FileWriter, name string, write func(io.Writer) error) error {
	f, err := w.Create(name)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// withArchitecture sets architectures to the transformers class that has exactly the heads in weights, and model_type
// to bert. Other keys stay as they are.
func withArchitecture(config []byte, weights Container) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(config, &fields); err != nil {
		return nil, err
	}
	architectures, err := json.Marshal([]string{architecture(weights)})
	if err != nil {
		return nil, err
	}
	fields["architectures"] = architectures
	fields["model_type"] = json.RawMessage(`"bert"`)
	return marshal(fields)
}

// architecture names the transformers class for the heads that weights has.
func architecture(weights Container) string {
	has := make(map[Part]bool)
	for _, info := range weights.Tensors() {
		has[PartOf(info.Name)] = true
	}
	switch {
	case has[MLM] && has[NSP]:
		return "BertForPreTraining"
	case has[MLM]:
		return "BertForMaskedLM"
	case has[NSP]:
		return "BertForNextSentencePrediction"
	case has[Classifier] && !has[SLL]:
		return "BertForSequenceClassification"
	}
	return "BertModel"
}

// marshal is JSON as people read it.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// writeDirectory makes dir out of the files that write creates, under another name until they are all durable.
func writeDirectory(fsys filesystem, dir string, write func(FileWriter) error) error {
	dir = filepath.Clean(dir)
	if there, err := exists(dir); err != nil || there {
		return errors.Join(err, fmt.Errorf("%s: %w: choose another place or remove it", dir, fs.ErrExist))
	}
	parent := filepath.Dir(dir)
	if err := fsys.MkdirAll(parent); err != nil {
		return err
	}
	temporary := filepath.Join(parent, fmt.Sprintf("%s%s-%d", temporaryPrefix, filepath.Base(dir), os.Getpid()))
	err := fillDirectory(fsys, temporary, write)
	if err == nil {
		err = fsys.Rename(temporary, dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", dir, err), fsys.RemoveAll(temporary))
	}
	return fsys.SyncDir(parent)
}

func fillDirectory(fsys filesystem, dir string, write func(FileWriter) error) error {
	if err := fsys.Mkdir(dir); err != nil {
		return err
	}
	files := &stepFiles{fsys: fsys, dir: dir, seals: make(map[string]fileSeal)}
	if err := write(files); err != nil {
		return errors.Join(err, files.abandon())
	}
	return fsys.SyncDir(dir)
}
