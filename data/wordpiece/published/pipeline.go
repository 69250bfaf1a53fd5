package published

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/subbert/subbert/data/wordpiece"
)

// Bounds of the files, in bytes, and of the tokens added to a vocabulary.
const (
	maxPipeline = 32 << 20
	maxSettings = 16 << 20
	maxAdded    = 1024
)

// huggingFaceWordChars is the maximum length of a word in characters if tokenizer.json does not state it.
const huggingFaceWordChars = 100

// pipeline is the part of tokenizer.json that determines the ids of a text.
type pipeline struct {
	Added      []addedToken `json:"added_tokens"`
	Normalizer *struct {
		Type      string `json:"type"`
		Clean     *bool  `json:"clean_text"`
		Chinese   *bool  `json:"handle_chinese_chars"`
		Accents   *bool  `json:"strip_accents"`
		Lowercase *bool  `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer *struct {
		Type string `json:"type"`
	} `json:"pre_tokenizer"`
	Model struct {
		Type       string          `json:"type"`
		Unk        string          `json:"unk_token"`
		Prefix     *string         `json:"continuing_subword_prefix"`
		MaxChars   int             `json:"max_input_chars_per_word"`
		Vocabulary json.RawMessage `json:"vocab"`
	} `json:"model"`

	tokens []string // of the vocabulary, by id
}

// addedToken is one token in added_tokens of tokenizer.json, or in added_tokens_decoder of tokenizer_config.json, where the id is a key.
type addedToken struct {
	ID         *int32 `json:"id,omitempty"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// pipeline reads tokenizer.json.
func (read content) pipeline(path string) (*pipeline, error) {
	text, err := read(path, maxPipeline)
	if err != nil {
		return nil, err
	}
	var p pipeline
	err = json.Unmarshal(text, &p)
	if err == nil {
		err = p.check()
	}
	if err == nil {
		p.tokens, err = byID(p.Model.Vocabulary)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &p, nil
}

// check rejects pipelines other than BERT's.
func (p *pipeline) check() error {
	kind := p.Model.Type
	if kind == "" && p.Model.Prefix != nil {
		kind = "WordPiece" // early versions leave it out
	}
	if kind != "WordPiece" {
		return fmt.Errorf("the model's type is %q, want WordPiece: not the tokenizer of a BERT", kind)
	}
	if p.Model.Prefix != nil && *p.Model.Prefix != "##" {
		return fmt.Errorf("continuing_subword_prefix is %q, want \"##\"", *p.Model.Prefix)
	}
	if p.Normalizer == nil || p.Normalizer.Type != "BertNormalizer" {
		kind := "none"
		if p.Normalizer != nil {
			kind = p.Normalizer.Type
		}
		return fmt.Errorf("the normalizer is %s, want BertNormalizer", kind)
	}
	if p.Normalizer.Clean != nil && !*p.Normalizer.Clean {
		return fmt.Errorf("the normalizer has clean_text false, want true: control characters are always removed")
	}
	if p.PreTokenizer == nil || p.PreTokenizer.Type != "BertPreTokenizer" {
		kind := "none"
		if p.PreTokenizer != nil {
			kind = p.PreTokenizer.Type
		}
		return fmt.Errorf("the pre-tokenizer is %s, want BertPreTokenizer", kind)
	}
	p.Model.MaxChars = cmp.Or(p.Model.MaxChars, huggingFaceWordChars)
	return nil
}

// byID converts tokens with ids to a list; each id from 0 must occur once.
func byID(vocabulary json.RawMessage) ([]string, error) {
	var ids map[string]int32
	if err := json.Unmarshal(vocabulary, &ids); err != nil {
		return nil, fmt.Errorf("vocab: %w", err)
	}
	tokens := make([]string, len(ids))
	given := make([]bool, len(ids))
	for token, id := range ids {
		if id < 0 || int(id) >= len(ids) || given[id] {
			return nil, fmt.Errorf("vocab: token %q has id %d of %d tokens: want each id from 0 once", token, id, len(ids))
		}
		tokens[id], given[id] = token, true
	}
	return tokens, nil
}

// sameTokens compares the vocabularies of vocab.txt and tokenizer.json.
func sameTokens(list []string, textPath string, p *pipeline, path string) error {
	if len(list) != len(p.tokens) {
		return fmt.Errorf("%s has %d tokens and %s %d: remove the one that is not the model's",
			textPath, len(list), filepath.Base(path), len(p.tokens))
	}
	for id, token := range list {
		if token != p.tokens[id] {
			return fmt.Errorf("%s has %q as token %d and %s %q: remove the file that is not the model's", textPath, token, id, filepath.Base(path), p.tokens[id])
		}
	}
	return nil
}

// apply applies the pipeline's settings to s.
func (p *pipeline) apply(s *settings) {
	n := p.Normalizer
	if n.Lowercase != nil {
		s.lower, s.casingFrom = *n.Lowercase, PipelineName
	}
	s.config.JoinIdeographs = n.Chinese != nil && !*n.Chinese
	s.config.Accents = accents(n.Accents)
	s.config.MaxWordChars = p.Model.MaxChars
	s.names.Unk = cmp.Or(p.Model.Unk, s.names.Unk)
}

// accents is the meaning of strip_accents: null means that it follows lower-casing.
func accents(strip *bool) wordpiece.Accents {
	switch {
	case strip == nil:
		return wordpiece.AccentsByCase
	case *strip:
		return wordpiece.StripAccents
	}
	return wordpiece.KeepAccents
}
