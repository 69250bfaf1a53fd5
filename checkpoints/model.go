package checkpoints

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/data/wordpiece/published"
	"github.com/subbert/subbert/internal/regularfile"
)

const maxJSON = 16 << 20 // bytes of a config.json

// Model is an open model: its architecture, tokenizer and, if it has any, weights.
type Model struct {
	Path       string // as given to OpenModel
	Kind       Kind   // of the container of the weights
	Config     Config
	Vocabulary *wordpiece.Vocabulary
	Tokenizer  wordpiece.Config // how text is split and normalised before the vocabulary is applied
	CasingFrom string           // the source of the casing: tokenizer_config.json, tokenizer.json or the vocabulary
	Files      Files
	Padding    int // rows of the word embedding beyond the vocabulary, which pad it to a multiple of 8

	// Progress, if set, hears how many bytes of a part of the work in Inspect, Compare and Convert are done, of how many.
	Progress func(part string, done, size int64)

	ctx     context.Context
	weights host.Container // under Hugging Face's names, read until ctx ends; empty if there are none
	ignored []Ignored
	alone   bool // Path is a file of weights
	cleanup func() error
}

// Files holds the paths of a model's files. Missing files are empty.
type Files struct {
	Config    string
	Tokenizer published.Files // vocab.txt, tokenizer.json and the like
	Weights   string
}

// Config is the part of config.json that concerns the weights. Raw is the whole file.
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
// or a .tar, .tar.gz, .zip or .whl (a Python wheel) of any of these. Weights may be absent; config.json and the vocabulary (vocab.txt
// or tokenizer.json) may not. A vocabulary
// whose size is not that of the embedding, and a casing that contradicts the vocabulary, are errors.
//
// Opening the model, and every reading of its weights later on, fails with the error of ctx once that has ended.
func OpenModel(ctx context.Context, path string) (*Model, error) {
	m, faults, err := Peek(ctx, path)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, errors.Join(named(path, faults[0]), m.Close())
	}
	return m, nil
}

// named returns the fault of the model at path with its name.
func named(path string, fault error) error {
	if strings.HasPrefix(fault.Error(), path) {
		return fault
	}
	return fmt.Errorf("%s: %w", path, fault)
}

// Unusable returns the first fault that keeps the model at path from being used, in a model that was inspected; nil if
// there is none. A file of weights may be inspected alone. A fault that names the path loses its hint, which is to
// inspect the model.
func Unusable(path string, faults []error) error {
	for _, fault := range faults {
		if errors.Is(fault, ErrAlone) {
			continue
		}
		if strings.HasPrefix(fault.Error(), path) {
			return errors.New(fault.Error())
		}
		return named(path, fault)
	}
	return nil
}

// ErrAlone says that a file of weights, opened by its own name, has no configuration or no vocabulary beside it.
var ErrAlone = errors.New("a weights file without its configuration or vocabulary")

// Peek is OpenModel for inspection: it returns missing or contradictory files as faults beside the model. The error
// says that the weights cannot be read.
func Peek(ctx context.Context, path string) (m *Model, faults []error, err error) {
	m = &Model{ctx: ctx, Path: path, cleanup: func() error { return nil }}
	where, err := m.find(path)
	if err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	if err := m.openWeights(where); err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	for _, check := range []func() error{m.readConfig, m.readTokenizer, m.checkSizes, m.checkNames} {
		if err := check(); err != nil {
			faults = append(faults, err)
		}
	}
	return m, faults, nil
}

// openWeights opens the weights that locate found and gives them Hugging Face's names.
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
	named, ignored, err := rename(c, where.kind.names(c.Tensors()))
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", where.weights, err), c.Close())
	}
	m.weights, m.ignored = untilEnd{named, m.ctx}, ignored
	if s, ok := c.(host.Skipper); ok {
		m.ignored = append(m.ignored, s.Skipped()...)
	}
	return nil
}

// untilEnd is a container whose tensors are read until ctx ends.
type untilEnd struct {
	host.Container
	ctx context.Context
}

func (u untilEnd) Read(name string, dst []byte) error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	return u.Container.Read(name, dst)
}

// work counts bytes of a part of the work on a model.
type work struct {
	tell       func(part string, done, size int64)
	part       string
	done, size int64
}

// begin begins a part of the work, of so many bytes.
func (m *Model) begin(part string, size int64) *work {
	return &work{tell: m.Progress, part: part, size: size}
}

func (w *work) add(n int) {
	if w.done += int64(n); w.tell != nil {
		w.tell(w.part, w.done, w.size)
	}
}

// sizeOf is the size of tensors.
func sizeOf(infos []Info) (bytes int64) {
	for _, i := range infos {
		bytes += int64(i.Bytes())
	}
	return bytes
}

// aloneError is ErrAlone with the missing file.
type aloneError string

func (e aloneError) Error() string { return string(e) }
func (aloneError) Unwrap() error   { return ErrAlone }

// lacking is the error for a missing file.
func (m *Model) lacking(what string) error {
	if m.alone {
		return aloneError(what)
	}
	return errors.New(what)
}

func (m *Model) readConfig() error {
	if m.Files.Config == "" {
		return m.lacking("no config.json or bert_config.json")
	}
	raw, err := regularfile.Read(m.Files.Config, maxJSON)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &m.Config); err != nil {
		return fmt.Errorf("%s: %w", m.Files.Config, err)
	}
	m.Config.Raw = raw
	return nil
}

// readTokenizer reads the vocabulary and the tokenizer's settings. A casing that the vocabulary contradicts is an
// error.
func (m *Model) readTokenizer() error {
	if m.Files.Tokenizer.Vocabulary == "" && m.Files.Tokenizer.Pipeline == "" {
		return m.lacking("no vocab.txt or tokenizer.json")
	}
	t, err := published.Read(m.Files.Tokenizer)
	if t != nil {
		m.Vocabulary, m.Tokenizer, m.CasingFrom = t.Vocabulary, t.Config, t.CasingFrom
	}
	return err
}

// checkSizes compares the size of the vocabulary in vocabulary, config.json and word embedding.
func (m *Model) checkSizes() error {
	if m.Vocabulary == nil {
		return nil
	}
	size := m.Vocabulary.Size()
	rows := size
	if embedding, ok := host.Find(m.weights, wordEmbeddings); ok && len(embedding.Shape) == 2 {
		rows = embedding.Shape[0]
	}
	if rows != size && !padded(size, rows) {
		return fmt.Errorf("%s has %d entries, the word embedding in %s has %d rows: want the vocabulary that the weights were trained with",
			filepath.Base(m.Vocabulary.Name()), size, filepath.Base(m.Files.Weights), rows)
	}
	m.Padding = rows - size
	if m.Config.Raw != nil && m.Config.VocabSize != size && m.Config.VocabSize != rows {
		return fmt.Errorf("%s has %d entries, but %s has vocab_size %d", filepath.Base(m.Vocabulary.Name()), size, filepath.Base(m.Files.Config), m.Config.VocabSize)
	}
	return nil
}

// Labels lists the names of the classifier's classes in their order, from config.json's key "subbert", else from
// id2label. It is nil if the model has no classifier, or only the default names LABEL_0 and so on.
func (m *Model) Labels() ([]string, error) {
	var config struct {
		Ours *struct {
			Labels []string `json:"labels"`
		} `json:"subbert"`
		Names map[int]string `json:"id2label"`
	}
	if !holds(m.weights, Classifier) || m.Config.Raw == nil {
		return nil, nil
	}
	if err := json.Unmarshal(m.Config.Raw, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Files.Config, err)
	}
	if config.Ours != nil && len(config.Ours.Labels) > 0 {
		return config.Ours.Labels, nil
	}
	var labels []string
	for i := range len(config.Names) {
		name, ok := config.Names[i]
		if !ok || name == fmt.Sprintf("LABEL_%d", i) {
			return nil, nil
		}
		labels = append(labels, name)
	}
	return labels, nil
}

// padded reports whether rows is size rounded up to a multiple of 8, 64 or 128, as matrix units prefer.
func padded(size, rows int) bool { return rows > size && rows%8 == 0 && rows-size < 128 }

// checkNames rejects weights that are not a BERT's, or have unknown names.
func (m *Model) checkNames() error {
	var known bool
	foreign := ""
	for _, info := range m.Tensors() {
		if strings.HasPrefix(info.Name, "bert.encoder.layer.") {
			return nil
		}
		if IsBERT(info.Name) {
			known = true
			continue
		}
		if foreign == "" {
			foreign = info.Name
		}
		if at := encoderName.FindStringIndex(info.Name); at != nil {
			return fmt.Errorf("%s: tensor names begin with %.100q, such as %.100s, want bert. or no prefix before embeddings and encoder; rename the tensors, or use a BERT model",
				filepath.Base(m.Files.Weights), info.Name[:at[0]], info.Name)
		}
	}
	if !known && foreign != "" {
		return fmt.Errorf("%s: none of its %d tensors belongs to a BERT model; one name is %.100s", filepath.Base(m.Files.Weights), len(m.Tensors()), foreign)
	}
	return nil
}

var encoderName = regexp.MustCompile(`(?:embeddings\.word_embeddings|embeddings\.position_embeddings|encoder\.layer\.\d+)\.`)

// Extra lists the tensors that belong neither to a BERT nor to a known head. Copies of the model keep them;
// computations do not use them.
func (m *Model) Extra() []string {
	var extra []string
	for _, info := range m.Tensors() {
		if !IsBERT(info.Name) {
			extra = append(extra, info.Name)
		}
	}
	return extra
}

// HasWeights reports whether the model has weights.
func (m *Model) HasWeights() bool { return m.Kind != KindNone }

// Tensors lists the model's parameters under Hugging Face's names, matrices as [out,in].
func (m *Model) Tensors() []Info { return m.weights.Tensors() }

// Weights is the container of Tensors. It is closed with the model.
func (m *Model) Weights() Container { return m.weights }

// Ignored lists the file's tensors that are not parameters.
func (m *Model) Ignored() []Ignored { return m.ignored }

// Close closes the weights and removes unpacked files.
func (m *Model) Close() error {
	var err error
	if m.weights != nil {
		err = m.weights.Close()
	}
	return errors.Join(err, m.cleanup())
}

// exists reports whether a file or directory exists at path.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
