// Package modeling lets transformers run our relation classifiers that it lacks: it holds the Python file for a model
// directory, and decides from the key "subbert" of config.json whether a model needs it.
//
// A classifier over the tanh pooler (pooling "cls") is a BertForSequenceClassification and does not need the file. For
// every other pooling config.json's auto_map names the file, and architectures is BertModel, which transformers loads
// for users who do not trust the file.
package modeling

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

// FileName is the Python file's name in a model directory.
const FileName = "modeling_subbert.py"

//go:embed modeling_subbert.py
var source []byte

// Source is the content of the Python file.
func Source() []byte { return source }

// AutoMap is config.json's auto_map: the class of the file for each of transformers' automatic classes.
func AutoMap() map[string]string {
	return map[string]string{"AutoModelForSequenceClassification": "modeling_subbert.SubbertForSequenceClassification"}
}

// Head is the part of config.json's key "subbert" that describes a relation classifier to transformers.
type Head struct {
	Pooling  string   `json:"pooling"`
	Sequence int      `json:"sequence"`
	Truncate string   `json:"truncate"`
	Mask     string   `json:"sll_mask"`
	Marks    []string `json:"marks"`
}

// HeadOf reads the key "subbert" of a config.json; nil if it is missing or describes no relation
// classifier.
func HeadOf(config []byte) (*Head, error) {
	var fields struct {
		Head *Head `json:"subbert"`
	}
	if err := json.Unmarshal(config, &fields); err != nil {
		return nil, err
	}
	if fields.Head == nil || fields.Head.Pooling == "" {
		return nil, nil
	}
	return fields.Head, nil
}

// Custom reports whether transformers lacks the classifier, so that the directory needs the Python file.
func (h *Head) Custom() bool { return h != nil && h.Pooling != "cls" }

// Card is the section of README.md on how to use the model with transformers.
func (h *Head) Card() string {
	var b strings.Builder
	fmt.Fprintf(&b, `## With transformers

transformers has no classifier with %[1]s pooling. %[2]s in this directory has one (it needs only torch and transformers, 4.57 or 5). Read it, then run

`+"```python"+`
from transformers import AutoModelForSequenceClassification, AutoTokenizer
tokenizer, model = AutoTokenizer.from_pretrained(DIRECTORY), AutoModelForSequenceClassification.from_pretrained(DIRECTORY, trust_remote_code=True)
inputs = tokenizer(SENTENCES, truncation=True, max_length=%[3]d, padding=True, return_tensors="pt")
probabilities = model(**inputs%[4]s).logits.softmax(-1)  # columns as in model.config.id2label
`+"```"+`

Without trust_remote_code transformers loads the encoder only: load it with AutoModel. AutoModelForSequenceClassification would add its
own classifier, with random weights and a warning.
`, h.Pooling, FileName, h.Sequence, h.argument())
	if len(h.Marks) > 0 {
		fmt.Fprintf(&b, "Mark the sentences as in training: %s.\n", strings.Join(h.Marks, " "))
	}
	if h.Truncate == "around_mentions" {
		fmt.Fprintf(&b, "In training, sentences of more than %d tokens were truncated around the two mentions; the tokenizer truncates their end.\n", h.Sequence)
	}
	if h.Pooling == "mention" {
		b.WriteString(mentionCard)
	}
	if h.Mask == "positions" && h.Pooling != "mention" && h.Pooling != "cls_raw" {
		fmt.Fprintf(&b, "The pooling includes padding; the model pads rows to %d positions.\n", h.Sequence)
	}
	return b.String()
}

// argument is the model's argument beside the tokenizer's outputs.
func (h *Head) argument() string {
	if h.Pooling == "mention" {
		return ", mention_positions=mention_positions"
	}
	return ""
}

const mentionCard = `
mention_positions is [rows, 2, 2]: for each row the tokens of the first and of the second mention, each as a start and an
exclusive end; [0, 0] is a mention that was cut off. From characters [start, end) of each sentence's two mentions:

` + "```python" + `
import torch
def tokens(row, start, end):
    first, last = inputs.char_to_token(row, start), inputs.char_to_token(row, end - 1)
    return [0, 0] if first is None or last is None else [first, last + 1]
mention_positions = torch.tensor([[tokens(row, *a), tokens(row, *b)] for row, (a, b) in enumerate(CHARACTERS)])
` + "```" + `
`
