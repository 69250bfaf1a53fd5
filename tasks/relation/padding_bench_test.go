package relation

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

// BenchmarkEpoch is an epoch of fine-tuning over a sample of 1,024 pairs, grouped by length and padded to the longest: a
// BERT of two layers of 128 on the pure-Go backend, batches of 16. It also reports processor time, which changes little on
// a busy machine. SUBBERT_DATA names the directory of the corpora.
//
// The embeddings are frozen: the cost of updating the word embeddings does not depend on lengths and would dominate at
// this size.
func BenchmarkEpoch(b *testing.B) {
	root := os.Getenv("SUBBERT_DATA")
	if root == "" {
		b.Skip("SUBBERT_DATA names no directory with ddi2013/, aimed/ and vocab/")
	}
	for _, corpus := range []struct {
		name, format, path string
		sequence           int
	}{
		{"DDI at 128", "ddi2013", "ddi2013/DDICorpus-2013.zip", 128},
		{"DDI at 256", "ddi2013", "ddi2013/DDICorpus-2013.zip", 256},
		{"AIMed at 256", "aimed", "aimed", 256},
	} {
		examples := encodedSample(b, root, corpus.format, filepath.Join(root, corpus.path), corpus.sequence, 1024)
		for _, padding := range []string{PaddingGrouped, PaddingFull} {
			b.Run(fmt.Sprintf("%s, %s", corpus.name, padding), func(b *testing.B) {
				benchmarkEpoch(b, examples, corpus.sequence, padding)
			})
		}
	}
}

// encodedSample returns n training pairs of a corpus in the cased vocabulary.
func encodedSample(b *testing.B, root, format, path string, sequence, n int) []marked.Row {
	b.Helper()
	v, err := wordpiece.OpenVocabulary(filepath.Join(root, "vocab", "bert-base-cased.vocab.txt"))
	if err != nil {
		b.Fatal(err)
	}
	tokenizer, err := wordpiece.New(v, wordpiece.Default())
	if err != nil {
		b.Fatal(err)
	}
	all, err := relations.Collect(relations.Read(format, path, relations.Options{}))
	if err != nil {
		b.Fatal(err)
	}
	var train []relations.Example
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(all)) {
		if x := all[i]; x.Split != "test" && len(train) < n {
			x.Label = ""
			train = append(train, relations.Tag.Shown(x))
		}
	}
	e := &marked.Encoder{Tokenizer: tokenizer, Special: v.Special(), Length: sequence, Truncate: marked.TruncateTail}
	encoded, _, err := e.Encode(train)
	if err != nil {
		b.Fatal(err)
	}
	return encoded
}

func benchmarkEpoch(b *testing.B, examples []marked.Row, sequence int, padding string) {
	const batch = 16
	c := bert.Default()
	c.VocabSize, c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize = 28996, 128, 2, 2, 512
	config := Default()
	config.Sequence, config.Padding, config.FreezeEmbeddings = sequence, padding, true
	task, err := New(c, bert.Options{}, config, 2, batch)
	if err != nil {
		b.Fatal(err)
	}
	store, err := tasks.Create(task.Parameters(), 1)
	if err != nil {
		b.Fatal(err)
	}
	backend, err := parity.Backend()
	if err != nil {
		b.Fatal(err)
	}
	batches := task.Batches(examples, batch, 1, 1)
	var used time.Duration
	b.ReportAllocs()
	for b.Loop() {
		steps, err := schedule.New(schedule.Config{Kind: schedule.Linear, Epochs: 1}, (len(examples)+batch-1)/batch)
		if err != nil {
			b.Fatal(err)
		}
		plan := trainer.Plan{Schedule: steps, Optimizer: optim.Default(), Batch: batch, MicroBatch: batch, Sequence: sequence, Devices: 1,
			Recording: trainer.Recording{EverySteps: 1000}, Run: trainer.DefaultRun()}
		tr, err := trainer.New(backend, store, task, plan)
		if err != nil {
			b.Fatal(err)
		}
		tr.Recorder = metrics.Tee{}
		before := processorTime(b)
		if err := tr.Train(b.Context(), batches); err != nil {
			b.Fatal(err)
		}
		used += processorTime(b) - before
		if store, err = tasks.Create(task.Parameters(), 1); err != nil {
			b.Fatal(err)
		}
	}
	p := batches.Padding(0)
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(p.Positions), "positions/op")
	b.ReportMetric(float64(len(p.Lengths)), "shapes")
}

// processorTime returns the processor time that this process has used.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
