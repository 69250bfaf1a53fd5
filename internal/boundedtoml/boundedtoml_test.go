package boundedtoml

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

func TestDecode(t *testing.T) {
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	deep := strings.Repeat
	for _, test := range []struct{ name, text, want string }{
		{"an ordinary file", "[a.b]\nc = [[1, 2], [3]] # [[[[\nd = {e = 1.5}\n[[f]]\n", ""},
		{"brackets in strings", `a = "` + deep("[", 100) + `"` + "\nb = '" + deep("{", 100) + "'\n", ""},
		{"brackets in long strings", "a = \"\"\"\n" + deep("[\n", 100) + "\\\"\"\"\"\"\nb = '''" + deep("{", 100) + "''''\n", ""},
		{"dots in a string and a comment", `a = "` + deep(".", 100) + `" # ` + deep(".", 100) + "\n", ""},
		{"many shallow keys", many(20000, "a%d.b = {c = 1}\n"), ""},
		{"arrays 10^5 deep", "a = " + deep("[", 100_000), "line 1: nested more than 32 deep"},
		{"arrays over lines", "\na = " + deep("[\n", 1000), "line 34: nested more than 32 deep"},
		{"inline tables 10^5 deep", "a = " + deep("{b=", 100_000), "line 1: nested more than 32 deep"},
		{"a key of 10^5 parts", deep("a.", 100_000) + "a = 1", "line 1: nested more than 32 deep"},
		{"a table of 10^5 parts", "[" + deep("a.", 100_000) + "a]", "line 1: nested more than 32 deep"},
		{"a key of quoted parts", deep(`"a".`, 1000) + "a = 1", "line 1: nested more than 32 deep"},
		{"behind a string of quotes", `a = """x"""", b = ` + deep("[", 1000), "line 1: nested more than 32 deep"},
		{"behind an escape", `a = "\"", b = ` + deep("[", 1000), "line 1: nested more than 32 deep"},
		{"10^6 keys", many(1_000_000, "k%d=1\n"), "9888890 bytes of TOML, want at most 1048576"},
		{"a string without an end", "a = \"" + deep("[", 100), "line 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var to map[string]any
			started := time.Now()
			_, err := Decode(test.text, &to)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(position(err), test.want)) {
				t.Errorf("%.200v, want %q", err, test.want)
			}
			if took := time.Since(started); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// position is err with the line it is at.
func position(err error) string {
	if at, ok := err.(toml.ParseError); ok {
		return fmt.Sprintf("line %d: %v", at.Position.Line, err)
	}
	return err.Error()
}

func TestUnknown(t *testing.T) {
	var text strings.Builder
	for i := range 25 {
		fmt.Fprintf(&text, "k%d = 1\n", i)
	}
	meta, err := Decode(text.String(), &struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	err = Unknown(meta, func(key toml.Key) error { return fmt.Errorf("no %s", key) })
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 21 || lines[0] != "no k0" || lines[20] != "and 5 more unknown keys" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}
