package published

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/wordpiece"
)

// small is a cased vocabulary.
func small() []string {
	return []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Gene", "binds", "caf", "##é", "##e", "a", "基"}
}

// object is JSON being made.
type object = map[string]any

// pipelineObject is a tokenizer.json of BERT's kind for tokens.
func pipelineObject(tokens []string) object {
	ids := object{}
	for id, token := range tokens {
		ids[token] = id
	}
	return object{
		"added_tokens":  []object{{"id": 2, "content": "[CLS]", "special": true}},
		"normalizer":    object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": false},
		"pre_tokenizer": object{"type": "BertPreTokenizer"},
		"model":         object{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": ids},
	}
}

// with is a copy of o in which the value at the dotted path is another.
func with(o object, path string, value any) object {
	o = maps.Clone(o)
	head, rest, nested := strings.Cut(path, ".")
	if nested {
		value = with(o[head].(object), rest, value)
	}
	o[head] = value
	return o
}

// write makes a directory of files, whose contents are text or marshalled.
func write(t testing.TB, files object) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		text, isText := content.(string)
		if !isText {
			encoded, err := json.Marshal(content)
			if err != nil {
				t.Fatal(err)
			}
			text = string(encoded)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func lines(tokens []string) string { return strings.Join(tokens, "\n") + "\n" }

func TestOpen(t *testing.T) {
	p := pipelineObject(small())
	added := object{"id": len(small()), "content": "@GENE$", "normalized": true}
	for _, c := range []struct {
		name   string
		files  object
		want   wordpiece.Config
		from   string
		tokens int
		text   string
		pieces string
	}{
		{"vocab.txt alone", object{"vocab.txt": lines(small())}, wordpiece.Config{MaxWordChars: 200}, "the vocabulary", 12, "Gene café", "Gene caf ##é"},
		{"tokenizer.json alone", object{"tokenizer.json": p}, wordpiece.Config{MaxWordChars: 100}, "tokenizer.json", 12, "Gene café", "Gene caf ##é"},
		{"both", object{"tokenizer.json": p, "vocab.txt": lines(small())}, wordpiece.Config{MaxWordChars: 100}, "tokenizer.json", 12, "Gene", "Gene"},
		{"an early tokenizer.json", object{"tokenizer.json": with(p, "model.type", "")}, wordpiece.Config{MaxWordChars: 100}, "tokenizer.json", 12, "Gene", "Gene"},
		{"settings of tokenizer.json", object{"tokenizer.json": with(with(with(p, "normalizer.strip_accents", true), "normalizer.handle_chinese_chars", false), "model.max_input_chars_per_word", 3)},
			wordpiece.Config{MaxWordChars: 3, Accents: wordpiece.StripAccents, JoinIdeographs: true}, "tokenizer.json", 12, "caf\u00e9 a\u0301 基 Gene", "[UNK] a 基 [UNK]"},
		{"tokenizer_config.json says more", object{"tokenizer.json": with(p, "normalizer.strip_accents", true),
			"tokenizer_config.json": object{"do_lower_case": false, "strip_accents": false, "tokenize_chinese_chars": false}},
			wordpiece.Config{MaxWordChars: 100, Accents: wordpiece.KeepAccents, JoinIdeographs: true}, "tokenizer_config.json", 12, "café a基", "caf ##é [UNK]"},
		{"null says that casing decides", object{"tokenizer.json": with(p, "normalizer.strip_accents", true), "tokenizer_config.json": `{"strip_accents": null}`},
			wordpiece.Config{MaxWordChars: 100}, "tokenizer.json", 12, "café", "caf ##é"},
		{"other names", object{"vocab.txt": lines(append([]string{"<pad>", "<unk>", "<s>", "</s>", "<mask>"}, small()[5:]...)),
			"special_tokens_map.json": object{"cls_token": "[CLS]", "pad_token": "<pad>", "mask_token": object{"content": "<mask>", "lstrip": true}},
			"tokenizer_config.json":   object{"cls_token": "<s>", "sep_token": object{"content": "</s>"}, "unk_token": "<unk>", "mask_token": nil}},
			wordpiece.Config{MaxWordChars: 200}, "the vocabulary", 12, "Gene x", "Gene <unk>"},
		{"added in tokenizer.json", object{"tokenizer.json": with(p, "added_tokens", []object{added})}, wordpiece.Config{MaxWordChars: 100}, "tokenizer.json", 13, "a@GENE$", "a @GENE$"},
		{"added in tokenizer_config.json", object{"vocab.txt": lines(small()), "tokenizer_config.json": object{"added_tokens_decoder": object{"12": object{"content": "@GENE$"}, "2": object{"content": "[CLS]"}}}},
			wordpiece.Config{MaxWordChars: 200}, "the vocabulary", 13, "a@GENE$", "a @GENE$"},
		{"added in added_tokens.json", object{"vocab.txt": lines(small()), "added_tokens.json": object{"</e>": 13, "<e>": 12}}, wordpiece.Config{MaxWordChars: 200}, "the vocabulary", 14, "<e>Gene</e>", "<e> Gene </e>"},
		{"a special token within a text", object{"tokenizer.json": p}, wordpiece.Config{MaxWordChars: 100}, "tokenizer.json", 12, "[CLS]", "[UNK] [UNK] [UNK]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Open(write(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Config); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
			if got.CasingFrom != c.from || got.Vocabulary.Size() != c.tokens {
				t.Errorf("casing from %s, %d tokens; want %s, %d", got.CasingFrom, got.Vocabulary.Size(), c.from, c.tokens)
			}
			if pieces := pieces(t, got, c.text); pieces != c.pieces {
				t.Errorf("%q is %s, want %s", c.text, pieces, c.pieces)
			}
			rewritten(t, got, c.text, c.pieces)
		})
	}
}

// pieces are the tokens of text.
func pieces(t *testing.T, tok *Tokenizer, text string) string {
	t.Helper()
	w, err := wordpiece.New(tok.Vocabulary, tok.Config)
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for _, id := range w.Append(nil, text) {
		tokens = append(tokens, tok.Vocabulary.Token(id))
	}
	return strings.Join(tokens, " ")
}

// rewritten holds a tokenizer to what is read of its files once they are written, with and without vocab.txt.
func rewritten(t *testing.T, tok *Tokenizer, text, want string) {
	t.Helper()
	files, err := Write(tok.Vocabulary, tok.Config, 512)
	if err != nil {
		t.Fatal(err)
	}
	for _, without := range []string{"", VocabularyName, SettingsName} {
		all := object{}
		for _, f := range files {
			if f.Name != without {
				all[f.Name] = string(f.Content)
			}
		}
		again, err := Open(write(t, all))
		if err != nil {
			t.Fatalf("written without %q: %v", without, err)
		}
		if diff := cmp.Diff(tok.Config, again.Config); diff != "" {
			t.Errorf("written without %q: config (-want +got):\n%s", without, diff)
		}
		if again.Vocabulary.Hash() != tok.Vocabulary.Hash() || again.Vocabulary.Names() != tok.Vocabulary.Names() || !slices.Equal(again.Vocabulary.Added(), tok.Vocabulary.Added()) {
			t.Errorf("written without %q: another vocabulary: %+v, %+v", without, again.Vocabulary.Names(), again.Vocabulary.Added())
		}
		if got := pieces(t, again, text); got != want {
			t.Errorf("written without %q: %q is %s, want %s", without, text, got, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	p := pipelineObject(small())
	many := make([]object, maxAdded+1)
	for i := range many {
		many[i] = object{"id": 12 + i, "content": fmt.Sprint("<", i)}
	}
	for _, c := range []struct {
		name  string
		files object
		want  string
	}{
		{"nothing", object{}, "no vocab.txt or tokenizer.json"},
		{"another model", object{"tokenizer.json": with(p, "model.type", "BPE")}, `tokenizer.json: the model's type is "BPE", want WordPiece: not the tokenizer of a BERT`},
		{"another model beside vocab.txt", object{"vocab.txt": lines(small()), "tokenizer.json": object{"model": object{"type": "Unigram", "vocab": []any{}}}}, `the model's type is "Unigram"`},
		{"another prefix", object{"tokenizer.json": with(p, "model.continuing_subword_prefix", "@@")}, `continuing_subword_prefix is "@@", want "##"`},
		{"another normalizer", object{"tokenizer.json": with(p, "normalizer", object{"type": "Lowercase"})}, "the normalizer is Lowercase, want BertNormalizer"},
		{"no normalizer", object{"tokenizer.json": with(p, "normalizer", nil)}, "the normalizer is none"},
		{"text that is not cleaned", object{"tokenizer.json": with(p, "normalizer.clean_text", false)}, "clean_text false"},
		{"another pre-tokenizer", object{"tokenizer.json": with(p, "pre_tokenizer", object{"type": "Whitespace"})}, "the pre-tokenizer is Whitespace"},
		{"a hole among the ids", object{"tokenizer.json": with(p, "model.vocab.more", 50)}, `token "more" has id 50 of 13 tokens`},
		{"an id twice", object{"tokenizer.json": with(p, "model.vocab.more", 3)}, "has id 3 of 13 tokens"},
		{"no JSON", object{"tokenizer.json": "{"}, "tokenizer.json: unexpected end"},
		{"ids of another kind", object{"tokenizer.json": with(p, "model.vocab", []any{[]any{"a", 1}})}, "tokenizer.json: vocab: "},
		{"two vocabularies", object{"tokenizer.json": p, "vocab.txt": lines(small()[:11])}, "vocab.txt has 11 tokens and tokenizer.json 12"},
		{"two orders", object{"tokenizer.json": p, "vocab.txt": lines(append([]string{"[UNK]", "[PAD]"}, small()[2:]...))}, `vocab.txt has "[UNK]" as token 0 and tokenizer.json "[PAD]"`},
		{"casing", object{"tokenizer.json": with(p, "normalizer.lowercase", true)}, "tokenizer.json says lowercase true, but tokenizer.json is cased"},
		{"casing in tokenizer_config.json", object{"vocab.txt": lines(small()), "tokenizer_config.json": object{"do_lower_case": true}}, "tokenizer_config.json says do_lower_case true, but vocab.txt is cased"},
		{"accents of another kind", object{"vocab.txt": lines(small()), "tokenizer_config.json": object{"strip_accents": "no"}}, "strip_accents"},
		{"an added token far off", object{"tokenizer.json": with(p, "added_tokens", []object{{"id": 99, "content": "x"}})}, `added token "x" has id 99, want at most 12`},
		{"an added token of another's id", object{"tokenizer.json": with(p, "added_tokens", []object{{"id": 5, "content": "x"}})}, `added token "x" has id 5, which belongs to "Gene"`},
		{"an added token twice", object{"tokenizer.json": with(p, "added_tokens", []object{{"id": 5, "content": "Gene"}, {"id": 5, "content": "Gene"}})}, `added token "Gene" has id 5`},
		{"single words", object{"tokenizer.json": with(p, "added_tokens", []object{{"id": 12, "content": "x", "single_word": true}})}, "single_word"},
		{"no id", object{"tokenizer.json": with(p, "added_tokens", []object{{"content": "x"}})}, "want an id"},
		{"too many added", object{"tokenizer.json": with(p, "added_tokens", many)}, "1025 added tokens, want at most 1024"},
		{"a key that is no id", object{"vocab.txt": lines(small()), "tokenizer_config.json": object{"added_tokens_decoder": object{"x": object{}}}}, `key "x" is not an id`},
		{"a name that is no token", object{"vocab.txt": lines(small()), "tokenizer_config.json": object{"cls_token": "<s>"}}, "no token <s> in a vocabulary of 12"},
		{"a pointer", object{"vocab.txt": "version https://git-lfs.github.com/spec/v1\nsize 9\n"}, "is a Git LFS pointer to 9 bytes: git lfs pull"},
		{"a page", object{"vocab.txt": lines(small()), "tokenizer_config.json": "<!DOCTYPE html>"}, "tokenizer_config.json: is a web page (HTML)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(write(t, c.files))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got error %v, want one line with %q", err, c.want)
			}
		})
	}
}

// TestSharedCases reads the small inputs that went wrong, where they are.
func TestSharedCases(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..", "shared", "cases")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no ../shared/cases beside the repository")
	}
	for _, c := range []struct{ path, text, want string }{
		{"04/strip-accents-false", "Möller café gene", "möller café gene"},
		{"04/chinese-chars-false", "gene基因gene", "[UNK]"},
		{"33/json-only", "@DRUG$ binds the protein of TNFα cells", "@ DR ##UG $ binds the protein of TNF ##α cells"},
		{"33/json-only/tokenizer.json", "Gene", "Gene"},
	} {
		t.Run(c.path, func(t *testing.T) {
			tok, err := Open(filepath.Join(root, c.path))
			if err != nil {
				t.Fatal(err)
			}
			if got := pieces(t, tok, c.text); got != c.want {
				t.Errorf("%q is %s, want %s", c.text, got, c.want)
			}
			rewritten(t, tok, c.text, c.want)
		})
	}
	tok, err := Open(filepath.Join(root, "33", "json-only"))
	if err != nil {
		t.Fatal(err)
	}
	if tok.Vocabulary.Size() != 215 || tok.Config.Lower {
		t.Errorf("%d tokens, lower-cased %t; want 215, cased", tok.Vocabulary.Size(), tok.Config.Lower)
	}
}

// FuzzPipeline has nothing to compare with: what is read can be written and read again.
func FuzzPipeline(f *testing.F) {
	text, err := json.Marshal(pipelineObject(small()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, []byte(`{"do_lower_case": false, "strip_accents": null, "cls_token": {"content": "[CLS]"}}`), []byte(nil))
	f.Add([]byte(`{"model":{"vocab":{}}}`), []byte(`{"added_tokens_decoder":{"0":{"content":"[PAD]"},"12":{"content":"<e>"}}}`), []byte(lines(small())))
	f.Fuzz(func(t *testing.T, pipeline, settings, vocabulary []byte) {
		files := map[string][]byte{PipelineName: pipeline, SettingsName: settings, VocabularyName: vocabulary}
		paths := Files{Settings: SettingsName}
		if len(vocabulary) > 0 {
			paths.Vocabulary = VocabularyName
		}
		if len(pipeline) > 0 || len(vocabulary) == 0 {
			paths.Pipeline = PipelineName
		}
		read := content(func(path string, limit int64) ([]byte, error) { return files[path], nil })
		tok, err := read.tokenizer(paths)
		if err != nil {
			return
		}
		w, err := wordpiece.New(tok.Vocabulary, tok.Config)
		if err != nil {
			return // such as a longest word below one character
		}
		written, err := Write(tok.Vocabulary, tok.Config, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range written {
			files[file.Name] = file.Content
		}
		again, err := read.tokenizer(Files{Settings: SettingsName, Pipeline: PipelineName})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tok.Config, again.Config); diff != "" || again.Vocabulary.Hash() != tok.Vocabulary.Hash() || !slices.Equal(again.Vocabulary.Added(), tok.Vocabulary.Added()) {
			t.Errorf("read again as %+v, %+v; config (-want +got):\n%s", again.Vocabulary.Names(), again.Vocabulary.Added(), diff)
		}
		w.Append(nil, "Gene <e>[CLS] caf\u00e9 \u57fa")
	})
}
