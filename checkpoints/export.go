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
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/modeling"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/data/wordpiece/published"
)

// Export is a model to be written.
type Export struct {
	Config     []byte // config.json; architectures and auto_map are set by what the weights hold and the key "subbert" says
	Vocabulary *wordpiece.Vocabulary
	Tokenizer  wordpiece.Config
	Weights    Container // Hugging Face's names, matrices as [out,in]
	Card       string    // README.md; a relation classifier that transformers lacks gets a section on its use
}

// WriteModel makes the directory dir: config.json, vocab.txt, the tokenizer's files, model.safetensors, README.md and, for a
// relation classifier that transformers lacks, the Python file that computes it (package modeling). The directory appears
// complete or not at all, and must not exist before.
func WriteModel(dir string, e Export) error {
	return WriteDirectory(dir, func(w FileWriter) error { return e.Write(w) })
}

// WriteDirectory makes the directory dir with the files that write creates. The directory appears complete or not at
// all, and must not exist before.
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
	head, err := customHead(config, e.Weights)
	if err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	if head != nil {
		files = append(files, published.File{Name: modeling.FileName, Content: modeling.Source()})
		e.Card = strings.TrimLeft(e.Card+"\n"+head.Card(), "\n")
	}
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

// writeFile creates one file. It returns the errors of write and of closing.
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
// to bert. For a relation classifier that transformers lacks it is BertModel, and auto_map names our code; any other
// auto_map is removed, as the code it names is not written. Without a classifier the settings of one are removed too.
// Other keys stay as they are.
func withArchitecture(config []byte, weights Container) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(config, &fields); err != nil {
		return nil, err
	}
	if fields == nil {
		return nil, errors.New("null, want an object")
	}
	head, err := modeling.HeadOf(config)
	if err != nil {
		return nil, err
	}
	if head != nil && !holds(weights, Classifier) {
		delete(fields, "subbert")
	}
	set := map[string]any{"architectures": []string{architecture(weights)}, "model_type": "bert"}
	delete(fields, "auto_map")
	if head.Custom() && holds(weights, Classifier) {
		set["architectures"], set["auto_map"] = []string{"BertModel"}, modeling.AutoMap()
	}
	if embedding, ok := host.Find(weights, wordEmbeddings); ok && len(embedding.Shape) == 2 {
		set["vocab_size"] = embedding.Shape[0] // including padding that the config may not count
	}
	for key, value := range set {
		if fields[key], err = json.Marshal(value); err != nil {
			return nil, err
		}
	}
	return marshal(fields)
}

// customHead is the relation classifier in weights, if transformers lacks it.
func customHead(config []byte, weights Container) (*modeling.Head, error) {
	head, err := modeling.HeadOf(config)
	if err != nil || !head.Custom() || !holds(weights, Classifier) {
		return nil, err
	}
	return head, nil
}

// holds reports whether weights has parameters of a part.
func holds(weights Container, part Part) bool {
	return slices.ContainsFunc(weights.Tensors(), func(info Info) bool { return PartOf(info.Name) == part })
}

// architecture names the transformers class for the heads that weights has.
func architecture(weights Container) string {
	switch mlm, nsp := holds(weights, MLM), holds(weights, NSP); {
	case mlm && nsp:
		return "BertForPreTraining"
	case mlm:
		return "BertForMaskedLM"
	case nsp:
		return "BertForNextSentencePrediction"
	case holds(weights, Classifier) && !holds(weights, SLL):
		return "BertForSequenceClassification"
	}
	return "BertModel"
}

// marshal encodes v as indented JSON.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// writeDirectory makes dir with the files that write creates, under a temporary name until all of them are
// durable.
func writeDirectory(fsys filesystem, dir string, write func(FileWriter) error) error {
	dir = filepath.Clean(dir)
	if there, err := exists(dir); err != nil || there {
		return errors.Join(err, fmt.Errorf("%s: %w; remove it, or choose another path", dir, fs.ErrExist))
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
