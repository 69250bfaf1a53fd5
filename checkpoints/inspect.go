package checkpoints

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/internal/ctxio"
)

// Inspection describes a model without running it.
type Inspection struct {
	Path         string          `json:"path"`
	Kind         Kind            `json:"kind"`
	Faults       []string        `json:"faults,omitempty"` // why OpenModel would reject it
	Architecture *Config         `json:"architecture,omitempty"`
	Parameters   int64           `json:"parameters"`
	Parts        []PartSize      `json:"parts"`
	DTypes       map[string]int  `json:"dtypes"` // tensors of each element type
	Vocabulary   *VocabularyInfo `json:"vocabulary,omitempty"`
	Files        []FileSum       `json:"files"`
	Tensors      []TensorStats   `json:"tensors"`
	Notes        []string        `json:"notes,omitempty"` // unusual properties that are not faults
	Ignored      []Ignored       `json:"ignored,omitempty"`
	Against      *Comparison     `json:"against,omitempty"` // with another model; Inspect leaves it nil
}

// PartSize is the size of a part.
type PartSize struct {
	Part       Part  `json:"part"`
	Tensors    int   `json:"tensors"`
	Parameters int64 `json:"parameters"`
}

// VocabularyInfo describes the vocabulary and the tokenizer.
type VocabularyInfo struct {
	Size           int    `json:"size"`
	Lower          bool   `json:"lower"` // text is lower-cased
	LowerFrom      string `json:"lower_from"`
	Accents        string `json:"accents,omitempty"` // strip or keep; empty: follows Lower
	JoinIdeographs bool   `json:"join_ideographs,omitempty"`
	MaxWordChars   int    `json:"max_word_chars"`
	Added          int    `json:"added_tokens,omitempty"` // found whole
	Hash           string `json:"hash"`                   // recorded in shards and runs
}

// FileSum is a file of the model.
type FileSum struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// TensorStats describes the numbers of a tensor. Mean and deviation are those of the finite numbers.
type TensorStats struct {
	Name      string  `json:"name"`
	Part      Part    `json:"part"`
	DType     string  `json:"dtype"`
	Shape     []int   `json:"shape"`
	Mean      float64 `json:"mean"`
	SD        float64 `json:"sd"`
	Zeros     int     `json:"zeros"`
	NonFinite int     `json:"non_finite"`
}

// Inspect inspects a model opened by Peek and includes the given faults. It reads all tensors, one at a time.
func Inspect(m *Model, faults []error) (*Inspection, error) {
	in := &Inspection{Path: m.Path, Kind: m.Kind, DTypes: make(map[string]int), Ignored: m.ignored}
	for _, fault := range faults {
		in.Faults = append(in.Faults, fault.Error())
	}
	if m.Config.Raw != nil {
		in.Architecture = &m.Config
	}
	if m.Vocabulary != nil {
		in.Vocabulary = &VocabularyInfo{Size: m.Vocabulary.Size(), Lower: m.Tokenizer.Lower, LowerFrom: m.CasingFrom, Accents: string(m.Tokenizer.Accents),
			JoinIdeographs: m.Tokenizer.JoinIdeographs, MaxWordChars: m.Tokenizer.MaxWordChars, Added: len(m.Vocabulary.Added()), Hash: m.Vocabulary.Hash()}
	}
	in.Notes = m.Notes()
	if err := in.measure(m); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Path, err)
	}
	var err error
	in.Files, err = m.sumFiles()
	return in, err
}

// Notes lists unusual properties of m that are not faults: rows that pad the vocabulary, and tensors that no
// BERT has.
func (m *Model) Notes() []string {
	var notes []string
	if m.Padding > 0 {
		notes = append(notes, paddingLine(m.Padding))
	}
	if extra := m.Extra(); len(extra) > 0 {
		shown := slices.Clone(extra[:min(len(extra), 5)])
		for i, name := range shown {
			shown[i] = fmt.Sprintf("%.100s", name)
		}
		note := "not part of BERT: " + strings.Join(shown, ", ")
		if len(extra) > len(shown) {
			note += fmt.Sprintf(" and %d more", len(extra)-len(shown))
		}
		notes = append(notes, note+"; copies keep these tensors, computation ignores them")
	}
	return notes
}

func (in *Inspection) measure(m *Model) error {
	sizes, reading := make(map[Part]PartSize), m.begin("tensors", sizeOf(m.Tensors()))
	for _, info := range m.Tensors() {
		t, err := host.ReadTensor(m.weights, info)
		if err != nil {
			return err
		}
		stats := measure(t)
		reading.add(len(t.Data))
		in.Tensors = append(in.Tensors, stats)
		in.DTypes[stats.DType]++
		size := sizes[stats.Part]
		size.Part = stats.Part
		size.Tensors++
		if _, isTied := tiedTo(info.Name); !isTied { // a tied copy adds no parameters
			size.Parameters += int64(info.Elements())
			in.Parameters += int64(info.Elements())
		}
		sizes[stats.Part] = size
	}
	for _, p := range Parts() {
		if size, ok := sizes[p]; ok {
			in.Parts = append(in.Parts, size)
		}
	}
	return nil
}

// measure makes two passes, so that a large mean does not hide a small deviation.
func measure(t Tensor) TensorStats {
	s := TensorStats{Name: t.Name, Part: PartOf(t.Name), DType: t.DType.String(), Shape: t.Shape}
	if !t.DType.Float() {
		return s
	}
	values := t.Float32s()
	finite := 0
	for _, v := range values {
		switch {
		case math.IsNaN(float64(v)) || math.IsInf(float64(v), 0):
			s.NonFinite++
			continue
		case v == 0:
			s.Zeros++
		}
		finite++
		s.Mean += float64(v)
	}
	if finite == 0 {
		return s
	}
	s.Mean /= float64(finite)
	for _, v := range values {
		if d := float64(v) - s.Mean; !math.IsNaN(d) && !math.IsInf(d, 0) {
			s.SD += d * d
		}
	}
	s.SD = math.Sqrt(s.SD / float64(finite))
	return s
}

// sumFiles hashes the files of the model.
func (m *Model) sumFiles() ([]FileSum, error) {
	paths := append([]string{m.Files.Config}, m.Files.Tokenizer.All()...)
	weights, err := m.weightFiles()
	if err != nil {
		return nil, err
	}
	size := int64(0)
	paths = slices.DeleteFunc(append(paths, weights...), func(path string) bool {
		stat, err := os.Stat(path)
		if err != nil || !stat.Mode().IsRegular() {
			return true // a fault says so
		}
		size += stat.Size()
		return false
	})
	var sums []FileSum
	hashing := m.begin("checksums", size)
	for _, path := range paths {
		sum, err := sumFile(m.ctx, path, hashing.add)
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// weightFiles lists the files of the weights.
func (m *Model) weightFiles() ([]string, error) {
	if m.Kind == KindNone {
		return nil, nil
	}
	pattern := escapeGlob(m.Files.Weights)
	if m.Kind == KindTensorFlow {
		return filepath.Glob(pattern + ".[id]*")
	}
	stem, isIndex := strings.CutSuffix(pattern, ".index.json")
	if !isIndex {
		return []string{m.Files.Weights}, nil
	}
	extension := filepath.Ext(stem)
	pieces, err := filepath.Glob(strings.TrimSuffix(stem, extension) + "-*" + extension)
	return append([]string{m.Files.Weights}, pieces...), err
}

func sumFile(ctx context.Context, path string, read func(n int)) (FileSum, error) {
	f, err := ctxio.Open(ctx, path, read)
	if err != nil {
		return FileSum{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return FileSum{Name: filepath.Base(path), Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}
