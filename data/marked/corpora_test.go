package marked

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/wordpiece"
)

// TestDDICuts counts the losses of the training pairs of DDI 2013 in rows of 128 positions with the cased vocabulary.
func TestDDICuts(t *testing.T) {
	root := os.Getenv("SUBBERT_DATA")
	if root == "" {
		t.Skip("SUBBERT_DATA names no directory with ddi2013/ and vocab/")
	}
	v, err := wordpiece.OpenVocabulary(filepath.Join(root, "vocab", "bert-base-cased.vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := wordpiece.New(v, wordpiece.Default())
	if err != nil {
		t.Fatal(err)
	}
	all, err := relations.Collect(relations.Read("ddi2013", filepath.Join(root, "ddi2013", "DDICorpus-2013.zip"), relations.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	var train []relations.Example
	for _, x := range all {
		if x.Split == "train" {
			train = append(train, relations.Tag.Shown(x))
		}
	}
	for truncate, want := range map[string]Cut{
		TruncateTail:           {Sentences: 27792, Shortened: 6741, LostOne: 4474 - 1779, LostBoth: 1779},
		TruncateAroundMentions: {Sentences: 27792, Shortened: 6741},
	} {
		t.Run(truncate, func(t *testing.T) {
			e := &Encoder{Tokenizer: tokenizer, Special: v.Special(), Length: 128, Truncate: truncate, Labels: relations.DDI.Labels}
			_, got, err := e.Encode(train)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
