package request

import (
	"context"
	"errors"
	"strings"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/data/wordpiece/published"
)

// Inspection is a request to inspect a directory of shards.
type Inspection struct {
	Dir       string
	Verify    bool   // read everything and check all checksums
	Vocab     string // the vocabulary of the shards; empty: draw no instances
	Split     string
	Instances int // number of instances to show
	Sequence  int
	Masking   string
	Seed      uint64
}

// Inspected is the result of an inspection.
type Inspected struct {
	shards.Header
	Verified  bool            `json:"verified"`
	Instances []ShownInstance `json:"instances,omitempty"`
	PerEpoch  int             `json:"instances_per_epoch,omitempty"`
}

// ShownInstance is an instance in readable form.
type ShownInstance struct {
	Text   string   `json:"text"`   // masked text
	Masked []string `json:"masked"` // the original tokens at the masked positions, in order
	Length int      `json:"length"`
	Next   string   `json:"next"` // is_next if B follows A, else random
}

// Inspect inspects the shards. It calls tell with the progress of a verification, in bytes.
func (v Inspection) Inspect(ctx context.Context, tell func(done, size int64)) (_ *Inspected, err error) {
	set, err := shards.Open(v.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	found := &Inspected{Header: set.Header()}
	if v.Verify {
		size, done := found.Bytes(), int64(0)
		err := set.Verify(ctx, func(n int64) {
			done += n
			tell(done, size)
		})
		if err != nil {
			return nil, err
		}
		found.Verified = true
	}
	if v.Vocab == "" {
		return found, nil
	}
	return found, v.draw(ctx, found, set)
}

// draw adds the first instances of epoch 0 to found.
func (v Inspection) draw(ctx context.Context, found *Inspected, set *shards.Set) error {
	opened, err := published.Open(v.Vocab)
	if err != nil {
		return err
	}
	vocab := opened.Vocabulary
	if err := found.CheckVocabulary(vocab.Hash(), vocab.Size()); err != nil {
		return &Misuse{err}
	}
	documents, err := set.Split(v.Split)
	if err != nil {
		return err
	}
	config := instances.Default()
	config.Sequence, config.Masking, config.Seed = v.Sequence, v.Masking, v.Seed
	if err := config.Validate(); err != nil {
		return &Misuse{err}
	}
	drawer, err := instances.New(documents, vocab, config)
	if err != nil {
		return err
	}
	epoch, err := drawer.Epoch(ctx, 0)
	if err != nil {
		return err
	}
	found.PerEpoch = epoch.Len()
	for i := range min(v.Instances, epoch.Len()) {
		var in instances.Instance
		if err := epoch.Draw(i, &in); err != nil {
			return err
		}
		found.Instances = append(found.Instances, shownOf(&in, vocab))
	}
	return nil
}

func shownOf(in *instances.Instance, vocab *wordpiece.Vocabulary) ShownInstance {
	s := ShownInstance{Length: in.Length, Next: [2]string{"is_next", "random"}[in.NextSentenceLabel]}
	var text strings.Builder
	for _, id := range in.InputIDs[:in.Length] {
		token := vocab.Token(id)
		if rest, goesOn := strings.CutPrefix(token, "##"); goesOn {
			text.WriteString(rest)
			continue
		}
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(token)
	}
	s.Text = text.String()
	for k, id := range in.MaskedIDs[:in.NumMasked] {
		kind := [3]string{"", " (kept)", " (replaced by " + vocab.Token(in.InputIDs[in.MaskedPositions[k]]) + ")"}[in.MaskKinds[k]]
		s.Masked = append(s.Masked, vocab.Token(id)+kind)
	}
	return s
}
