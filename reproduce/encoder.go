package reproduce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/internal/regularfile"
	"github.com/subbert/subbert/sweep"
)

// maxVocabulary is the largest vocabulary that is read, in bytes; the tokenizer reads no larger one.
const maxVocabulary = 8 << 20

// Start is the directory that a stand-in starts from: an architecture and a vocabulary, or a published encoder.
type Start struct {
	Model        string
	Dir          string
	Architecture map[string]any
	Vocab        string // file
	Encoder      string // as checkpoints.OpenModel takes it; empty: random weights
}

// Write writes config.json, the vocabulary and, if Encoder is set, its weights.
func (s Start) Write(ctx context.Context) error {
	if s.Encoder != "" {
		return s.copyEncoder(ctx)
	}
	vocab, err := regularfile.Read(s.Vocab, maxVocabulary)
	if err != nil {
		return err
	}
	entries := 0
	for i, c := range vocab {
		if c == '\n' || i == len(vocab)-1 {
			entries++
		}
	}
	config, err := json.MarshalIndent(merged(s.Architecture, map[string]any{"vocab_size": entries}), "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(s.Dir, "vocab.txt"), vocab); err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(s.Dir, "config.json"), append(config, '\n'))
}

// copyEncoder writes the encoder, in whatever format it is, as a directory of its own, unless that exists.
func (s Start) copyEncoder(ctx context.Context) error {
	if _, err := os.Stat(s.Dir); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m, err := checkpoints.OpenModel(ctx, s.Encoder)
	if err != nil {
		return err
	}
	return errors.Join(checkpoints.Convert(m, s.Dir, checkpoints.KindSafetensors), m.Close())
}

// source is where a model of an experiment comes from: published weights, or a stand-in.
type source struct {
	Model
	weights      string // directory; empty: a stand-in
	standIn      StandIn
	architecture map[string]any
}

// model finds the weights of a model, or its stand-in.
func (b *builder) model(name string) (source, error) {
	m, ok := b.Sources.model(name)
	if !ok {
		return source{}, faultf("no source file has the model %q", name)
	}
	s := source{Model: m, weights: b.Weights[name], architecture: b.Scale.Architecture}
	if s.weights != "" {
		s.architecture = b.architectures[name]
		b.use("%s: published weights, given with --model", m.Label)
		return s, nil
	}
	if s.standIn, ok = b.Scale.StandIns[name]; ok {
		return b.standIn(s)
	}
	if b.Ungiven && len(b.Scale.StandIns) == 0 {
		s.weights = name // its directory, once it is given
		return s, nil
	}
	return s, &absentError{fmt.Sprintf("needs published weights of %s: --model %s=DIR; %s", m.Published, name, m.Obtain)}
}

// standIn finds the starting point of the training of s.
func (b *builder) standIn(s source) (source, error) {
	if s.standIn.Encoder == "" {
		if err := b.vocabulary(s.standIn); err != nil {
			return s, err
		}
		b.use("%s: no published weights; %s, pre-trained by this reproduction", s.Label, s.standIn.Label)
		b.plan.StandIns[s.Label] = s.standIn.Label
		return s, nil
	}
	e, ok := b.Sources.model(s.standIn.Encoder)
	if !ok {
		return s, faultf("no source file has the model %q", s.standIn.Encoder)
	}
	path, given := b.Weights[e.Name]
	switch {
	case given:
		s.architecture = b.architectures[e.Name]
		b.use("%s: %s, from %s (%s), pre-trained further by this reproduction", s.Label, e.Published, filepath.Base(path), e.Licence)
	case b.Ungiven:
	default:
		return s, &absentError{fmt.Sprintf("needs %s: --model %s=PATH; %s", e.Published, e.Name, e.Obtain)}
	}
	b.plan.StandIns[s.Label] = s.standIn.Label
	return s, nil
}

// readWeights opens the weights that are given.
func (b *builder) readWeights(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(b.Weights)) {
		m, ok := b.Sources.model(name)
		if !ok {
			return fmt.Errorf("--model %s: unknown, want one of %s", name, strings.Join(b.Sources.modelNames(), ", "))
		}
		var err error
		if b.architectures[name], err = architectureOf(ctx, b.Weights[name], m, b.Data.Anyhow); err != nil {
			return fmt.Errorf("--model %s: %w", name, err)
		}
	}
	return nil
}

// architectureOf returns config.json of the weights at path. It checks that they are those of m, unless anyhow is set.
func architectureOf(ctx context.Context, path string, m Model, anyhow bool) (architecture map[string]any, err error) {
	opened, err := checkpoints.OpenModel(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if !opened.HasWeights() {
		return nil, fmt.Errorf("%s: no weights", path)
	}
	if err := json.Unmarshal(opened.Config.Raw, &architecture); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.SHA256 == "" || anyhow {
		return architecture, nil
	}
	got, err := sumOf(opened.Files.Weights)
	if err == nil && got != m.SHA256 {
		err = fmt.Errorf("%s: not the known weights of %s: sha256 %.12s, want %.12s; --unchecked accepts them", path, m.Published, got, m.SHA256)
	}
	return architecture, err
}

// vocabulary checks that the vocabulary of a stand-in exists.
func (b *builder) vocabulary(s StandIn) error {
	if b.Data.Assumed {
		return nil
	}
	if b.Data.Dir == "" {
		return &absentError{fmt.Sprintf("no data given; use --data DIR with %s", s.Vocab)}
	}
	if s.SHA256 == "" {
		_, err := os.Stat(b.Data.path(s.Vocab))
		return err
	}
	return b.Data.checkFile(s.Vocab, s.SHA256)
}

// preset returns the part of a config that starts from the paper's settings, if the scale asks for them.
func (s source) preset(scale *Scale) map[string]any {
	if !scale.Presets {
		return nil
	}
	return map[string]any{"preset": s.Preset}
}

// allLayers returns the layers of the encoder, without the embeddings.
func (s source) allLayers() ([]int, error) {
	n := number(s.architecture["num_hidden_layers"])
	if n < 1 {
		return nil, faultf("model %s: num_hidden_layers = %v, want at least 1", s.Name, s.architecture["num_hidden_layers"])
	}
	var all []int
	for l := 1; l <= int(n); l++ {
		all = append(all, l)
	}
	return all, nil
}

// number returns a number of a TOML or JSON file; 0 for anything else.
func number(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case int:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// vocab returns a placeholder for the model's vocabulary, with its tokenizer's settings if the model is given.
func (b *builder) vocab(m source) string {
	if m.weights != "" {
		return sweep.FilePlaceholder(m.weights)
	}
	if m.standIn.Encoder != "" {
		return sweep.FilePlaceholder(b.startOf(m))
	}
	return b.file(m.standIn.Vocab)
}

// startOf returns the directory that the stand-in of m starts from.
func (b *builder) startOf(m source) string { return filepath.Join(b.Starts, m.Name) }

// encoder returns a placeholder for the model that a row starts from: the published model or the stand-in, or that
// model adapted with a seed.
func (b *builder) encoder(m source, r Row, seed int) (string, error) {
	base := sweep.FilePlaceholder(m.weights)
	if m.weights == "" {
		name, err := b.base(m)
		if err != nil {
			return "", err
		}
		base = "{in:" + name + "/model}"
	}
	if r.Domain == "" {
		return base, nil
	}
	shards, err := b.shards(m, r.Domain)
	if err != nil {
		return "", err
	}
	of := b.Scale.Models[m.Name]
	table := merged(m.preset(b.Scale), b.Scale.Adaptation, of.Adaptation, r.Adaptation,
		nested("model.init", base), nested("data.shards", shards), nested("task.name", "pretraining"), nested("run.dir", "{out}"), nested("run.seed", seed))
	config, set, err := b.resolve("pretraining", table)
	if err != nil {
		return "", err
	}
	run := sweep.Run{Name: fmt.Sprintf("adapt/%s/%s/%d", m.Name, start(r), seed), Verb: "pretrain", Config: config, Group: "adapt"}
	return "{in:" + run.Name + "/model}", b.addTraining(run, m, set, Corpus{})
}

// base returns the run that pre-trains a stand-in.
func (b *builder) base(m source) (string, error) {
	shards, err := b.shards(m, baseText)
	if err != nil {
		return "", err
	}
	s := Start{Model: m.Name, Dir: b.startOf(m), Encoder: b.Weights[m.standIn.Encoder]}
	if m.standIn.Encoder == "" {
		s.Architecture, s.Vocab = b.Scale.Architecture, b.Data.path(m.standIn.Vocab)
	}
	table := merged(b.Scale.Pretraining, b.Scale.Models[m.Name].Pretraining, nested("model.init", sweep.FilePlaceholder(s.Dir)),
		nested("data.shards", shards), nested("task.name", "pretraining"), nested("run.dir", "{out}"))
	config, set, err := b.resolve("pretraining", table)
	if err != nil {
		return "", err
	}
	run := sweep.Run{Name: "base/" + m.Name, Verb: "pretrain", Config: config}
	if !b.has(run.Name) {
		b.plan.Starts = append(b.plan.Starts, s)
	}
	return run.Name, b.addTraining(run, m, set, Corpus{})
}

// baseText is the name of the text that stand-ins are pre-trained on.
const baseText = "base"

// shards returns a placeholder for the shards of a text in a model's vocabulary.
func (b *builder) shards(m source, domain string) (string, error) {
	t, ok := b.Scale.text(domain)
	if !ok {
		return "", faultf("scale %s has no text %q", b.Scale.Name, domain)
	}
	files, err := b.Data.texts(t)
	if err != nil {
		return "", err
	}
	b.use("text %s: %s", t.Name, t.Label)
	chosen := b.selection(t, files)
	args := []string{"--vocab", b.vocab(m), "--held-out", fmt.Sprint(b.Scale.HeldOut), "--out", "{out}/shards", "{in:" + chosen + "/selected}"}
	if m.Uncased {
		args = append(args, "--uncased")
	}
	run := sweep.Run{Name: "shards/" + m.Name + "/" + domain, Verb: "data shard", Args: args}
	run.Bytes = int64(t.Abstracts) * bytesOfAbstract / 2
	return "{in:" + b.add(run) + "/shards}", nil
}

// selection returns the run that selects a text without the evaluation texts.
func (b *builder) selection(t Text, files []string) string {
	args := append([]string{}, t.Select...)
	for i, a := range t.Aids {
		if i%2 == 1 {
			a = b.file(a)
		}
		args = append(args, a)
	}
	for _, c := range b.Sources.Corpora {
		f, err := b.Data.find(c)
		if err != nil {
			continue // a missing file is not scored either
		}
		for _, e := range f.Exclude {
			args = append(args, "--exclude", e.Format+":"+b.file(e.Path))
		}
	}
	args = append(args, "--out", "{out}/selected")
	for _, f := range files {
		args = append(args, sweep.FilePlaceholder(f))
	}
	return b.add(sweep.Run{Name: "text/" + t.Name, Verb: "data select", Args: args, Bytes: int64(t.Abstracts) * bytesOfAbstract / 3})
}

// bytesOfAbstract is the size of an abstract with its title, measured on those of the data directory. Shards take a
// little less than half of it, and a selection a third.
const bytesOfAbstract = 1700
