package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/iotest"
)

// TestWriter: however the text is split into writes, control characters are escaped and the rest is unchanged.
func TestWriter(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"plain", "a\tb\nc", "a\tb\nc"},
		{"other letters", "µ Â é 漢 🧬 \u00a0x", "µ Â é 漢 🧬 \u00a0x"},
		{"colour and title", "\x1b[31mred\x1b]0;title\x07", `\u001b[31mred\u001b]0;title\u0007`},
		{"back over the line", "error\rdone \x08\x7f", `error\u000ddone \u0008\u007f`},
		{"of two bytes", "\u009b31m\u0080\u009f.", `\u009b31m\u0080\u009f.`},
		{"at the ends", "\u0085", `\u0085`},
		{"a lead alone", "\xc2", ""},
		{"leads", "\xc2\xc2\u009bx", "\xc2\xc2" + `\u009bx`},
		{"no UTF-8", "\xff\x9b", "\xff\x9b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 1000} {
				var out bytes.Buffer
				w := visibly(&out)
				for text := []byte(test.text); len(text) > 0; {
					n := min(size, len(text))
					if wrote, err := w.Write(text[:n]); wrote != n || err != nil {
						t.Fatalf("wrote %d of %d: %v", wrote, n, err)
					}
					text = text[n:]
				}
				if out.String() != test.want {
					t.Errorf("in pieces of %d: %q, want %q", size, out.String(), test.want)
				}
			}
		})
	}
	text, err := json.Marshal("\u009b\x7f\x1b")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := visibly(&out).Write(text); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != "\u009b\x7f\x1b" {
		t.Errorf("JSON became %s, which is %q (%v)", &out, back, err)
	}
	if _, err := visibly(iotest.TruncateWriter(&out, 0)).Write([]byte("x")); err != nil {
		t.Error(err)
	}
}
