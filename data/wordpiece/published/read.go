package published

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/internal/regularfile"
)

// Tokenizer is the content of the files.
type Tokenizer struct {
	Vocabulary *wordpiece.Vocabulary
	Config     wordpiece.Config
	CasingFrom string // the source of Config.Lower: tokenizer_config.json, tokenizer.json or the vocabulary
	Described  bool   // there are files beside the vocabulary
}

// settings are the settings in the files, while they are read.
type settings struct {
	config     wordpiece.Config
	lower      bool
	casingFrom string // empty if no file states the casing
	names      wordpiece.Names
	added      []addedToken
}

// Open reads the tokenizer at path: a vocabulary with one token a line, a tokenizer.json, or a directory of a
// tokenizer's files. For a file, Open ignores the files beside it.
func Open(path string) (*Tokenizer, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	files := Files{Vocabulary: path}
	if stat.IsDir() {
		if files, err = Find(path); err != nil {
			return nil, err
		}
	} else if filepath.Ext(path) == ".json" {
		files = Files{Pipeline: path}
	}
	if files.Vocabulary == "" && files.Pipeline == "" {
		return nil, fmt.Errorf("%s: no %s or %s", path, VocabularyName, PipelineName)
	}
	return Read(files)
}

// Read reads the files. If the casing contradicts the vocabulary, it returns the tokenizer together with an error.
func Read(files Files) (*Tokenizer, error) { return content(readFile).tokenizer(files) }

// readFile reads the file at path, which may be compressed and holds at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, size, err := regularfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	if size == 0 {
		return nil, nil // the caller reports the error
	}
	r, err := stream.Unpack(f, path)
	if err != nil {
		return nil, err
	}
	defer r.Close() // likewise
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes, the limit for this file", path, limit)
	}
	return data, nil
}

// content returns the content of a file of at most limit bytes.
type content func(path string, limit int64) ([]byte, error)

func (read content) tokenizer(files Files) (*Tokenizer, error) {
	s := settings{config: wordpiece.Default(), names: wordpiece.DefaultNames()}
	var p *pipeline
	var err error
	if files.Pipeline != "" {
		if p, err = read.pipeline(files.Pipeline); err != nil {
			return nil, err
		}
		p.apply(&s)
	}
	list, err := read.list(files, p)
	if err != nil {
		return nil, err
	}
	if err := read.settings(files, &s); err != nil {
		return nil, err
	}
	if s.added, err = read.added(files, p, s.added); err != nil {
		return nil, err
	}
	name := files.Vocabulary
	if name == "" {
		name = files.Pipeline
	}
	v, err := s.vocabulary(name, list)
	if err != nil {
		return nil, err
	}
	t, err := s.finish(v)
	t.Described = len(files.All()) > 1 || files.Pipeline != ""
	return t, err
}

// list reads the tokens, without the added ones.
func (read content) list(files Files, p *pipeline) ([]string, error) {
	if files.Vocabulary == "" {
		return p.tokens, nil
	}
	text, err := read(files.Vocabulary, wordpiece.MaxVocabulary)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	list, err := wordpiece.ReadTokens(bytes.NewReader(text), files.Vocabulary)
	if err != nil || p == nil {
		return list, err
	}
	return list, sameTokens(list, files.Vocabulary, p, files.Pipeline)
}

// tokenName is a special token in tokenizer_config.json: its text, or an object with the text.
type tokenName string

// UnmarshalJSON reads either form; null leaves the name as it is.
func (n *tokenName) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	var object struct {
		Content string `json:"content"`
	}
	if len(text) > 0 && text[0] == '{' {
		err := json.Unmarshal(text, &object)
		*n = tokenName(object.Content)
		return err
	}
	return json.Unmarshal(text, (*string)(n))
}

// settings reads tokenizer_config.json, and special_tokens_map.json for the names that it lacks.
func (read content) settings(files Files, s *settings) error {
	var config struct {
		Lower   *bool                 `json:"do_lower_case"`
		Accents json.RawMessage       `json:"strip_accents"` // null has a meaning too
		Chinese *bool                 `json:"tokenize_chinese_chars"`
		Added   map[string]addedToken `json:"added_tokens_decoder"`
	}
	for _, path := range []string{files.special, files.Settings} {
		if path == "" {
			continue
		}
		text, err := read(path, maxSettings)
		if err != nil {
			return err
		}
		if err := s.readNames(text); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if path != files.Settings {
			continue
		}
		if err := json.Unmarshal(text, &config); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if config.Lower != nil {
		s.lower, s.casingFrom = *config.Lower, SettingsName
	}
	if config.Accents != nil {
		var strip *bool
		if err := json.Unmarshal(config.Accents, &strip); err != nil {
			return fmt.Errorf("%s: strip_accents: %w", files.Settings, err)
		}
		s.config.Accents = accents(strip)
	}
	if config.Chinese != nil {
		s.config.JoinIdeographs = !*config.Chinese
	}
	return s.addedHere(files.Settings, config.Added)
}

// readNames reads the names of the special tokens.
func (s *settings) readNames(text []byte) error {
	var names struct {
		Pad  tokenName `json:"pad_token"`
		Unk  tokenName `json:"unk_token"`
		CLS  tokenName `json:"cls_token"`
		SEP  tokenName `json:"sep_token"`
		Mask tokenName `json:"mask_token"`
	}
	if err := json.Unmarshal(text, &names); err != nil {
		return err
	}
	for _, n := range []struct {
		given tokenName
		to    *string
	}{{names.Pad, &s.names.Pad}, {names.Unk, &s.names.Unk}, {names.CLS, &s.names.CLS}, {names.SEP, &s.names.SEP}, {names.Mask, &s.names.Mask}} {
		if n.given != "" {
			*n.to = string(n.given)
		}
	}
	return nil
}

// addedHere adds the tokens that tokenizer_config.json lists by id.
func (s *settings) addedHere(path string, tokens map[string]addedToken) error {
	for key, token := range tokens {
		id, err := strconv.ParseInt(key, 10, 32)
		if err != nil {
			return fmt.Errorf("%s: added_tokens_decoder: key %q is not an id", path, key)
		}
		token.ID = new(int32(id))
		s.added = append(s.added, token)
	}
	return nil
}

// added lists the tokens that were added to a vocabulary: tokenizer.json's, else those of tokenizer_config.json, else
// those of added_tokens.json.
func (read content) added(files Files, p *pipeline, config []addedToken) ([]addedToken, error) {
	if p != nil && len(p.Added) > 0 {
		return p.Added, nil
	}
	if len(config) > 0 || files.added == "" {
		return config, nil
	}
	text, err := read(files.added, maxSettings)
	if err != nil {
		return nil, err
	}
	var ids map[string]int32
	if err := json.Unmarshal(text, &ids); err != nil {
		return nil, fmt.Errorf("%s: %w", files.added, err)
	}
	var added []addedToken
	for token, id := range ids {
		added = append(added, addedToken{ID: new(id), Content: token, Normalized: true})
	}
	return added, nil
}

// vocabulary joins the list with the added tokens.
func (s *settings) vocabulary(name string, list []string) (*wordpiece.Vocabulary, error) {
	t := wordpiece.Tokens{List: slices.Clone(list), Names: s.names}
	if len(s.added) > maxAdded {
		return nil, fmt.Errorf("%s: %d added tokens, want at most %d", name, len(s.added), maxAdded)
	}
	for _, a := range s.added {
		if a.ID == nil || a.Content == "" || a.SingleWord {
			return nil, fmt.Errorf("%s: added token %q: want an id, a text, and not single_word", name, a.Content)
		}
	}
	slices.SortFunc(s.added, func(a, b addedToken) int { return int(*a.ID) - int(*b.ID) })
	own := []string{s.names.Pad, s.names.Unk, s.names.CLS, s.names.SEP, s.names.Mask}
	for i, a := range s.added {
		id := int(*a.ID)
		switch {
		case id == len(t.List):
			t.List = append(t.List, a.Content)
		case id < 0 || id > len(t.List):
			return nil, fmt.Errorf("%s: added token %q has id %d, want at most %d, the first free id", name, a.Content, id, len(t.List))
		case t.List[id] != a.Content || i > 0 && s.added[i-1].Content == a.Content:
			return nil, fmt.Errorf("%s: added token %q has id %d, which belongs to %q", name, a.Content, id, t.List[id])
		}
		if !slices.Contains(own, a.Content) { // in a text the five special tokens are ordinary letters, as in Google's code
			t.Added = append(t.Added, wordpiece.Added{Token: a.Content, AnyCase: a.Normalized, Special: a.Special})
		}
	}
	return wordpiece.NewVocabulary(name, t)
}

// finish determines the casing and compares it with the vocabulary.
func (s *settings) finish(v *wordpiece.Vocabulary) (*Tokenizer, error) {
	t := &Tokenizer{Vocabulary: v, Config: s.config, CasingFrom: s.casingFrom}
	t.Config.Lower = s.lower
	cased := v.Cased()
	if t.CasingFrom == "" {
		t.Config.Lower, t.CasingFrom = !cased, "the vocabulary"
	}
	if t.Config.Lower != cased {
		return t, nil
	}
	says := fmt.Sprintf("%s says do_lower_case %t", SettingsName, t.Config.Lower)
	if t.CasingFrom == PipelineName {
		says = fmt.Sprintf("%s says lowercase %t", PipelineName, t.Config.Lower)
	}
	kind := map[bool]string{true: "cased", false: "uncased"}[cased]
	t.Config.Lower = !cased
	return t, errors.New(says + ", but " + filepath.Base(v.Name()) + " is " + kind + ": correct the setting or use its own vocabulary")
}
