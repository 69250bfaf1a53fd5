// Package runstest writes a made-up model, shards, marked sentences and configs for tests of runs. A run on them trains
// in seconds on the pure-Go backend.
package runstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/subbert/subbert/data/madeup"
	"github.com/subbert/subbert/data/preparation"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/models/bert"
)

// Files holds the paths of the files that Make writes.
type Files struct {
	Dir      string
	Start    string // model directory without weights
	Shards   string
	Train    string // TSV of marked sentences
	Test     string
	Pretrain string // config of a pre-training run of two steps in Dir/pretrained
	Finetune string // config of a fine-tuning run of one epoch in Dir/finetuned
}

// Make writes the files to dir.
func Make(ctx context.Context, dir string) (Files, error) {
	at := func(name string) string { return filepath.Join(dir, name) }
	f := Files{Dir: dir, Start: at("start"), Shards: at("shards"), Pretrain: at("pretrain.toml"), Finetune: at("finetune.toml")}
	sample, err := madeup.Write(at("sample"), madeup.Config{Seed: 1, Documents: 60, Train: 48, Dev: 8, Test: 16, Vocabulary: 400})
	if err != nil {
		return f, err
	}
	f.Train, f.Test = sample.Train, sample.Test
	vocabulary, err := os.ReadFile(sample.Vocabulary)
	if err != nil {
		return f, err
	}
	c := bert.Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize, c.MaxPositionEmbeddings = 400, 16, 2, 2, 32, 64
	config, err := json.Marshal(c)
	if err != nil {
		return f, err
	}
	plan, err := request.Shards{Vocab: sample.Vocabulary, MaxWordChars: 200, HeldOut: 0.2, Seed: 1}.Plan([]string{sample.Documents})
	if err != nil {
		return f, err
	}
	plan.Out, plan.Workers = f.Shards, 1
	if _, err := preparation.Run(ctx, plan); err != nil {
		return f, err
	}
	return f, errors.Join(
		atomicfile.WriteBytes(filepath.Join(f.Start, "vocab.txt"), vocabulary), atomicfile.WriteBytes(filepath.Join(f.Start, "config.json"), config),
		atomicfile.WriteBytes(f.Pretrain, fmt.Appendf(nil, pretrain, f.Start, f.Shards, at("pretrained"))),
		atomicfile.WriteBytes(f.Finetune, fmt.Appendf(nil, finetune, f.Start, f.Train, f.Test, at("finetuned"))))
}

const pretrain = `[model]
init = %q
fresh = "all"
[data]
shards = %q
[task]
batch = 4
sequence = 32
max_predictions = 5
[schedule]
steps = 2
[run]
dir = %q
`

const finetune = `[model]
init = %q
fresh = "all"
[data]
train = %q
test = %q
[task]
batch = 16
sequence = 48
padding = "full"
pooling = "attention"
truncate = "around_mentions"
[schedule]
epochs = 1
[run]
dir = %q
`
