package published

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/subbert/subbert/data/wordpiece"
)

// File is a file of a tokenizer to be written.
type File struct {
	Name    string
	Content []byte
}

// Write returns the files of a tokenizer in the form of transformers 4.57, which version 5 reads too. maxLength is the
// model's maximum input length, 0 if unknown.
func Write(v *wordpiece.Vocabulary, c wordpiece.Config, maxLength int) ([]File, error) {
	var text bytes.Buffer
	for id := range int32(v.Size()) {
		text.WriteString(v.Token(id))
		text.WriteByte('\n')
	}
	files := []File{{VocabularyName, text.Bytes()}}
	for _, f := range []struct {
		name    string
		content any
	}{
		{SettingsName, settingsOf(v, c, maxLength)},
		{specialName, specialNames(v)},
		{PipelineName, pipelineOf(v, c)},
	} {
		content, err := marshal(f.content)
		if err != nil {
			return nil, err
		}
		files = append(files, File{f.name, content})
	}
	return files, nil
}

// marshal encodes v as indented JSON.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// addedOf lists the special and the added tokens by id.
func addedOf(v *wordpiece.Vocabulary) []addedToken {
	s := v.Special()
	var all []addedToken
	for _, id := range []int32{s.Pad, s.Unk, s.CLS, s.SEP, s.Mask} {
		all = append(all, addedToken{ID: &id, Content: v.Token(id), Special: true})
	}
	for _, a := range v.Added() {
		id, _ := v.ID(a.Token) // NewVocabulary has checked that it exists
		all = append(all, addedToken{ID: &id, Content: a.Token, Normalized: a.AnyCase, Special: a.Special})
	}
	slices.SortFunc(all, func(a, b addedToken) int { return int(*a.ID - *b.ID) })
	return all
}

func specialNames(v *wordpiece.Vocabulary) map[string]string {
	n := v.Names()
	return map[string]string{"cls_token": n.CLS, "mask_token": n.Mask, "pad_token": n.Pad, "sep_token": n.SEP, "unk_token": n.Unk}
}

// stripAccents is the setting in the files: nil means that it follows lower-casing.
func stripAccents(a wordpiece.Accents) *bool {
	if a == wordpiece.AccentsByCase {
		return nil
	}
	return new(a == wordpiece.StripAccents)
}

// settingsOf is tokenizer_config.json.
func settingsOf(v *wordpiece.Vocabulary, c wordpiece.Config, maxLength int) map[string]any {
	decoder := make(map[string]addedToken)
	for _, a := range addedOf(v) {
		id := strconv.Itoa(int(*a.ID))
		a.ID = nil
		decoder[id] = a
	}
	settings := map[string]any{
		"added_tokens_decoder":         decoder,
		"clean_up_tokenization_spaces": true,
		"do_lower_case":                c.Lower,
		"strip_accents":                stripAccents(c.Accents),
		"tokenize_chinese_chars":       !c.JoinIdeographs,
		"tokenizer_class":              "BertTokenizer",
	}
	for key, name := range specialNames(v) {
		settings[key] = name
	}
	if maxLength > 0 {
		settings["model_max_length"] = maxLength
	}
	return settings
}

// pipelineOf is tokenizer.json, the file of the tokenizers library.
func pipelineOf(v *wordpiece.Vocabulary, c wordpiece.Config) map[string]any {
	vocabulary := make(map[string]int32, v.Size())
	for id := range int32(v.Size()) {
		vocabulary[v.Token(id)] = id
	}
	n := v.Names()
	return map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil,
		"added_tokens": addedOf(v),
		"normalizer": map[string]any{
			"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": !c.JoinIdeographs,
			"strip_accents": stripAccents(c.Accents), "lowercase": c.Lower,
		},
		"pre_tokenizer":  map[string]any{"type": "BertPreTokenizer"},
		"post_processor": postProcessor(n.CLS, n.SEP, v.Special()),
		"decoder":        map[string]any{"type": "WordPiece", "prefix": "##", "cleanup": true},
		"model": map[string]any{
			"type": "WordPiece", "unk_token": n.Unk, "continuing_subword_prefix": "##",
			"max_input_chars_per_word": c.MaxWordChars, "vocab": vocabulary,
		},
	}
}

// postProcessor frames texts as [CLS] A [SEP] B [SEP], B with token type 1.
func postProcessor(cls, sep string, ids wordpiece.Special) map[string]any {
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
		"single":         []any{special(cls, 0), sequence("A", 0), special(sep, 0)},
		"pair":           []any{special(cls, 0), sequence("A", 0), special(sep, 0), sequence("B", 1), special(sep, 1)},
		"special_tokens": map[string]any{cls: token(cls, ids.CLS), sep: token(sep, ids.SEP)},
	}
}
