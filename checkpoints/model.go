package checkpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/data/wordpiece"
)

const maxJSON = 16 << 20 // bytes of a config.json or tokenizer_config.json

// Model is an open model: its architecture, vocabulary, casing and, if it has any, weights.
type Model struct {
	Path       string // as it was asked for
	Kind       Kind   // what the weights are in
	Config     Config
	Vocabulary *wordpiece.Vocabulary
	Lower      bool   // text is lower-cased before it is cut into pieces
	LowerFrom  string // what says so: tokenizer_config.json or the vocabulary
	Files      Files

	weights host.Container // under Hugging Face's names; empty if there are none
	ignored []Ignored
	cleanup func() error
}

// Tokenizer is how the text for m is taken apart.
func (m *Model) Tokenizer() wordpiece.Config {
	c := wordpiece.Default()
	c.Lower = m.Lower
	return c
}

// Files says where a model's pieces lie. Those it lacks are empty.
type Files struct {
	Config          string
	Vocabulary      string
	TokenizerConfig string
	Weights         string
}

// Config is the part of config.json that deciding about weights takes. Raw is all of it.
type Config struct {
	Architectures         []string `json:"architectures"`
	ModelType             string   `json:"model_type"`
	VocabSize             int      `json:"vocab_size"`
	HiddenSize            int      `json:"hidden_size"`
	NumHiddenLayers       int      `json:"num_hidden_layers"`
	NumAttentionHeads     int      `json:"num_attention_heads"`
	IntermediateSize      int      `json:"intermediate_size"`
	MaxPositionEmbeddings int      `json:"max_position_embeddings"`
	TypeVocabSize         int      `json:"type_vocab_size"`
	TieWordEmbeddings     *bool    `json:"tie_word_embeddings,omitempty"`

	Raw []byte `json:"-"`
}

func (c Config) untied() bool { return c.TieWordEmbeddings != nil && !*c.TieWordEmbeddings }

// OpenModel opens the model at path: a directory, a file of weights inside one, the prefix of a TensorFlow checkpoint,
// or a .tar.gz or .zip of any of these. Weights may be absent; config.json and vocab.txt may not. A vocabulary
// whose size is not that of the embedding, and a casing that contradicts the vocabulary, are errors.
func OpenModel(path string) (*Model, error) {
	m, faults, err := Peek(path)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, faults[0]), m.Close())
	}
	return m, nil
}

// Peek is OpenModel for looking: what is missing or contradictory comes back as faults beside the model. The error is
// for weights that cannot be read.
func Peek(path string) (m *Model, faults []error, err error) {
	m = &Model{Path: path, cleanup: func() error { return nil }}
	where, err := m.find(path)
	if err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	if err := m.openWeights(where); err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	for _, check := range []func() error{m.readConfig, m.readVocabulary, m.checkSizes, m.inferCasing} {
		if err := check(); err != nil {
			faults = append(faults, err)
		}
	}
	return m, faults, nil
}

// openWeights opens what locate found and puts Hugging Face's names on it.
func (m *Model) openWeights(where located) error {
	m.Kind, m.Files.Weights = where.kind, where.weights
	m.weights = host.Memory(nil)
	if where.kind == KindNone {
		return nil
	}
	c, err := where.kind.open(where.weights)
	if err != nil {
		return err
	}
	named, ignored, err := rename(c, where.kind.names())
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", where.weights, err), c.Close())
	}
	m.weights, m.ignored = named, ignored
	if s, ok := c.(host.Skipper); ok {
		m.ignored = append(m.ignored, s.Skipped()...)
	}
	return nil
}

func (m *Model) readConfig() error {
	if m.Files.Config == "" {
		return errors.New("no config.json or bert_config.json")
	}
	raw, err := readSmall(m.Files.Config)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &m.Config); err != nil {
		return fmt.Errorf("%s: %w", m.Files.Config, err)
	}
	m.Config.Raw = raw
	return nil
}

func (m *Model) readVocabulary() error {
	if m.Files.Vocabulary == "" {
		return errors.New("no vocab.txt")
	}
	v, err := wordpiece.OpenVocabulary(m.Files.Vocabulary)
	m.Vocabulary = v
	return err
}

// checkSizes compares the three places that know the size of the vocabulary.
func (m *Model) checkSizes() error {
	if m.Vocabulary == nil {
		return nil
	}
	size := m.Vocabulary.Size()
	if embedding, ok := host.Find(m.weights, wordEmbeddings); ok && len(embedding.Shape) == 2 && embedding.Shape[0] != size {
		return fmt.Errorf("%s has %d entries, the word embedding in %s has %d rows: want the vocabulary the weights were trained with",
			filepath.Base(m.Files.Vocabulary), size, filepath.Base(m.Files.Weights), embedding.Shape[0])
	}
	if m.Config.Raw != nil && m.Config.VocabSize != size {
		return fmt.Errorf("%s has %d entries, %s says vocab_size %d", filepath.Base(m.Files.Vocabulary), size, filepath.Base(m.Files.Config), m.Config.VocabSize)
	}
	return nil
}

// inferCasing takes the setting from tokenizer_config.json, else from the vocabulary, and refuses a setting that the
// vocabulary contradicts.
func (m *Model) inferCasing() error {
	if m.Vocabulary == nil {
		return nil
	}
	cased := m.Vocabulary.Cased()
	m.Lower, m.LowerFrom = !cased, "the vocabulary"
	if m.Files.TokenizerConfig == "" {
		return nil
	}
	raw, err := readSmall(m.Files.TokenizerConfig)
	if err != nil {
		return err
	}
	var settings struct {
		Lower *bool `json:"do_lower_case"`
	}
	if err := json.Unmarshal(raw, &settings); err != nil {
		return fmt.Errorf("%s: %w", m.Files.TokenizerConfig, err)
	}
	if settings.Lower == nil {
		return nil
	}
	if *settings.Lower == cased {
		kind := map[bool]string{true: "cased", false: "uncased"}[cased]
		return fmt.Errorf("tokenizer_config.json says do_lower_case %t, but %s is %s: correct the setting or use the vocabulary it was meant for",
			*settings.Lower, filepath.Base(m.Files.Vocabulary), kind)
	}
	m.LowerFrom = "tokenizer_config.json"
	return nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxJSON+1))
	if err == nil && len(data) > maxJSON {
		err = fmt.Errorf("%s: larger than %d bytes", path, maxJSON)
	}
	return data, err
}

// HasWeights says whether there are any.
func (m *Model) HasWeights() bool { return m.Kind != KindNone }

// Tensors lists the parameters there are under Hugging Face's names, matrices as [out,in].
func (m *Model) Tensors() []Info { return m.weights.Tensors() }

// Weights is the container of Tensors. It is closed with the model.
func (m *Model) Weights() Container { return m.weights }

// Ignored lists the file's tensors that are no parameters.
func (m *Model) Ignored() []Ignored { return m.ignored }

// Close closes the weights and removes what was unpacked.
func (m *Model) Close() error {
	var err error
	if m.weights != nil {
		err = m.weights.Close()
	}
	return errors.Join(err, m.cleanup())
}

// exists says whether there is something at path.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
