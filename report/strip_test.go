package report

import (
	"testing"
	"unicode/utf8"
)

func TestShortened(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"MiniLM":                  "MiniLM",
		"eleven long":             "ele…n long",
		"MiniLM, SLL over tokens": "Min…tokens",
		"größe über alles hinaus": "grö…hinaus",
	} {
		if got := shortened(text, func(s string) bool { return utf8.RuneCountInString(s) <= 10 }); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if got := shortened("never", func(string) bool { return false }); got != "…er" {
		t.Errorf("a text that never fits is %q", got)
	}
}
