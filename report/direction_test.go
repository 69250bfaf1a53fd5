package report

import (
	"strings"
	"testing"
)

// Names in the files of others cannot reverse the text beside them: overrides are shown as numbers everywhere, and
// names from right to left are isolated.
func TestDirectionOfForeignNames(t *testing.T) {
	const override, isolate, end = "\u202e", "\u2067", "\u2069"
	c, sentences := comparison(3)
	c.A = "runs/" + override + "cls"
	for i, e := range c.Cases {
		c.Cases[i].Gold, c.Cases[i].A.Predicted = "x"+override, isolate+"y"
		sentences[e.Index] = made(e.Index, "before"+override, "name"+override, " and ", "\u05d0\u05d1", "")
	}
	errors, err := Errors(c, sentences)
	if err != nil {
		t.Fatal(err)
	}
	odd := relation("a"+override+"b", "cls"+isolate, "corpus"+override, 50, 60)
	odd.Result.Relation.Labels, odd.Result.Relation.Confusion = []string{"no" + override, "b"}, [][]int{{4, 0}, {3, 0}}
	other := relation("c"+end+"\u05d0", "attention", "corpus"+override, 70, 80)
	report, err := Compose(t.Context(), []*Run{odd, other}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]*Page{"errors": errors, "report": report} {
		html, err := page.HTML()
		if err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(string(html), isOverride); i >= 0 {
			t.Errorf("%s: an override is left in %q", name, string(html)[max(0, i-40):i])
		}
		if !strings.Contains(string(html), "⟨U+202E⟩") {
			t.Errorf("%s: the override is not shown", name)
		}
	}
	if got, want := isolated("c"+end+"\u05d0"), "\u2068c\ufffd\u05d0\u2069"; got != want {
		t.Errorf("isolated: %q, want %q", got, want)
	}
	if got := isolated("plain"); got != "plain" {
		t.Errorf("a plain name became %q", got)
	}
}
