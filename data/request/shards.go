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
	"github.com/subbert/subbert/data/wordpiece/published"
)

// Shards is a request to make shards of documents. Its fields are the flags of data shard.
type Shards struct {
	Vocab        string // argument of published.Open
	Uncased      bool   // lower-case text; for a vocabulary without tokenizer settings
	MaxWordChars int    // 0: the value of Vocab
	HeldOut      float64
	Seed         uint64
	From         string // a form of documents, or auto
	Strict       bool
}

// Plan opens the files that the shards depend on and returns the plan. The plan has no Out, one worker, and callbacks
// for progress and broken documents that do nothing.
func (s Shards) Plan(files []string) (preparation.Plan, error) {
	if s.HeldOut < 0 || s.HeldOut >= 1 {
		return preparation.Plan{}, misusef("--held-out %v, want from 0 to below 1", s.HeldOut)
	}
	t, config, err := OpenTokenizer(s.Vocab, s.Uncased, s.MaxWordChars)
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
		Tokenizer:    shards.TokenizerOf(config),
		Unknown:      vocab.Special().Unk,
		NewTokenizer: func() preparation.Tokenizer { return t.Clone() },
		Splitter:     splitter,
		Broken:       func(error) {}, Progress: func(preparation.Progress) {}}, nil
}

// OpenTokenizer opens the tokenizer at vocab with published.Open. A directory or a tokenizer.json states whether it
// lower-cases text, and uncased forces it; for a bare vocabulary uncased decides. Words of more than maxWordChars
// characters are [UNK]; 0 keeps the value of vocab.
func OpenTokenizer(vocab string, uncased bool, maxWordChars int) (*wordpiece.Tokenizer, wordpiece.Config, error) {
	p, err := published.Open(vocab)
	if err != nil {
		return nil, wordpiece.Config{}, err
	}
	c := p.Config
	c.MaxWordChars = cmp.Or(maxWordChars, c.MaxWordChars)
	if uncased || !p.Described {
		c.Lower = uncased
	}
	t, err := wordpiece.New(p.Vocabulary, c)
	if err != nil {
		return nil, c, &Misuse{err}
	}
	return t, c, nil
}

// Files replaces each directory made by data select by the files of its parts.
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
