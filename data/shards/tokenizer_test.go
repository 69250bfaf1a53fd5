package shards_test

import (
	"errors"
	"testing"

	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/wordpiece"
)

func TestCheckTokenizer(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*wordpiece.Config)
		same   bool
	}{
		{"nothing", func(*wordpiece.Config) {}, true},
		{"the longest word", func(c *wordpiece.Config) { c.MaxWordChars = 100 }, true},
		{"casing", func(c *wordpiece.Config) { c.Lower = !c.Lower }, false},
		{"accents", func(c *wordpiece.Config) { c.Accents = wordpiece.StripAccents }, false},
		{"ideographs", func(c *wordpiece.Config) { c.JoinIdeographs = true }, false},
	} {
		model := wordpiece.Default()
		h := shards.Header{Tokenizer: shards.TokenizerOf(model)}
		c.change(&model)
		err := h.CheckTokenizer(model)
		if differs := new(shards.TokenizerError); (err == nil) != c.same || err != nil && !errors.As(err, &differs) {
			t.Errorf("another value for %s: %v", c.name, err)
		}
	}
}
