package checkpoints

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/subbert/subbert/data/wordpiece"
)

// The tokenizer's files as transformers writes them for BertTokenizer; their shape is that of version 4.57.

// addedToken is one special token in tokenizer.json and tokenizer_config.json.
type addedToken struct {
	ID         *int32 `json:"id,omitempty"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// specialIDs lists the five special tokens by id.
func specialIDs(v *wordpiece.Vocabulary) []int32 {
	s := v.Special()
	ids := []int32{s.Pad, s.Unk, s.CLS, s.SEP, s.Mask}
	slices.Sort(ids)
	return ids
}

func specialTokensMap() ([]byte, error) {
	return marshal(map[string]string{
		"cls_token": "[CLS]", "mask_token": "[MASK]", "pad_token": "[PAD]", "sep_token": "[SEP]", "unk_token": "[UNK]",
	})
}

// tokenizerConfig is tokenizer_config.json. The model's longest input comes from its config.json.
func tokenizerConfig(v *wordpiece.Vocabulary, lower bool, config []byte) ([]byte, error) {
	var c Config
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, err
	}
	decoder := make(map[string]addedToken)
	for _, id := range specialIDs(v) {
		decoder[strconv.Itoa(int(id))] = addedToken{Content: v.Token(id), Special: true}
	}
	settings := map[string]any{
		"added_tokens_decoder":         decoder,
		"clean_up_tokenization_spaces": true,
		"cls_token":                    "[CLS]",
		"do_lower_case":                lower,
		"mask_token":                   "[MASK]",
		"pad_token":                    "[PAD]",
		"sep_token":                    "[SEP]",
		"strip_accents":                nil, // as lower-casing says
		"tokenize_chinese_chars":       true,
		"tokenizer_class":              "BertTokenizer",
		"unk_token":                    "[UNK]",
	}
	if c.MaxPositionEmbeddings > 0 {
		settings["model_max_length"] = c.MaxPositionEmbeddings
	}
	return marshal(settings)
}

// tokenizerJSON is tokenizer.json, what the tokenizers library reads.
func tokenizerJSON(v *wordpiece.Vocabulary, lower bool) ([]byte, error) {
	vocabulary := make(map[string]int32, v.Size())
	for id := range int32(v.Size()) {
		vocabulary[v.Token(id)] = id
	}
	if len(vocabulary) != v.Size() {
		return nil, fmt.Errorf("vocabulary has %d entries, %d of them distinct", v.Size(), len(vocabulary))
	}
	var added []addedToken
	for _, id := range specialIDs(v) {
		added = append(added, addedToken{ID: &id, Content: v.Token(id), Special: true})
	}
	s := v.Special()
	return marshal(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil,
		"added_tokens": added,
		"normalizer": map[string]any{
			"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": lower,
		},
		"pre_tokenizer":  map[string]any{"type": "BertPreTokenizer"},
		"post_processor": postProcessor(s.CLS, s.SEP),
		"decoder":        map[string]any{"type": "WordPiece", "prefix": "##", "cleanup": true},
		"model": map[string]any{
			"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
			"max_input_chars_per_word": 100, "vocab": vocabulary,
		},
	})
}

// postProcessor frames texts as [CLS] A [SEP] B [SEP], B with token type 1.
func postProcessor(cls, sep int32) map[string]any {
	special := func(id string, typeID int) any {
		return map[string]any{"SpecialToken": map[string]any{"id": id, "type_id": typeID}}
	}
	sequence := func(id string, typeID int) any {
		return map[string]any{"Sequence": map[string]any{"id": id, "type_id": typeID}}
	}
	token := func(name string, id int32) any {
		return map[string]any{"id": name, "ids": []int32{id}, "tokens": []string{name}}
	}
	return map[string]any{
		"type":           "TemplateProcessing",
		"single":         []any{special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)},
		"pair":           []any{special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0), sequence("B", 1), special("[SEP]", 1)},
		"special_tokens": map[string]any{"[CLS]": token("[CLS]", cls), "[SEP]": token("[SEP]", sep)},
	}
}
