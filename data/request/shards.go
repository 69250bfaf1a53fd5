package request

import (
	"cmp"
	"errors"
	"path/filepath"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/preparation"
	"github.com/subbert/subbert/data/selection"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/wordpiece"
)

// Shards says how documents become shards. Its fields are the flags of data shard.
type Shards struct {
	Vocab        string // file
	Uncased      bool
	MaxWordChars int
	HeldOut      float64
	Seed         uint64
	From         string // a form of documents, or auto
	Strict       bool
}

// Plan opens what shards of files depend on. The plan has no Out, and one worker; nobody is told of its progress.
func (s Shards) Plan(files []string) (preparation.Plan, error) {
	if s.HeldOut < 0 || s.HeldOut >= 1 {
		return preparation.Plan{}, misusef("--held-out %v, want from 0 to below 1", s.HeldOut)
	}
	t, err := openTokenizer(s.Vocab, wordpiece.Config{Lower: s.Uncased, MaxWordChars: s.MaxWordChars})
	if err != nil {
		return preparation.Plan{}, err
	}
	splitter, err := corpus.NewSplitter()
	if err != nil {
		return preparation.Plan{}, err
	}
	vocab := t.Vocabulary()
	return preparation.Plan{Files: files, Form: forms.Form(cmp.Or(s.From, string(forms.Auto))), HeldOut: s.HeldOut, Seed: s.Seed, Strict: s.Strict, Workers: 1,
		Vocabulary:   shards.Vocabulary{Hash: vocab.Hash(), Size: vocab.Size()},
		Tokenizer:    shards.Tokenizer{Lower: s.Uncased, MaxWordChars: s.MaxWordChars},
		Unknown:      vocab.Special().Unk,
		NewTokenizer: func() preparation.Tokenizer { return t.Clone() },
		Splitter:     splitter,
		Broken:       func(error) {}, Progress: func(preparation.Progress) {}}, nil
}

func openTokenizer(vocab string, c wordpiece.Config) (*wordpiece.Tokenizer, error) {
	v, err := wordpiece.OpenVocabulary(vocab)
	if err != nil {
		return nil, err
	}
	t, err := wordpiece.New(v, c)
	if err != nil {
		return nil, &Misuse{err}
	}
	return t, nil
}

// Files replaces each directory made by data select by its parts.
func Files(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		parts, err := selection.Parts(name)
		if errors.Is(err, selection.ErrNoSelection) {
			files = append(files, name)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			files = append(files, filepath.Join(name, p))
		}
	}
	return files, nil
}
