package wordpiece

import (
	"strings"
	"testing"
)

func TestPrinter(t *testing.T) {
	tokenizer := assemble(t, Config{Lower: true, MaxWordChars: 200}, `a ##b < "`)
	for _, test := range []struct{ name, text, want, fault string }{
		{"lines", "ab a\n\na<", "{\"tokens\":[\"a\",\"##b\",\"a\"],\"ids\":[5,6,5]}\n{\"tokens\":[],\"ids\":[]}\n{\"tokens\":[\"a\",\"<\"],\"ids\":[5,7]}\n", ""},
		{"a quote", `"`, `{"tokens":["\""],"ids":[8]}` + "\n", ""},
		{"nothing", "", "", "x: empty"},
		{"not UTF-8", "a\n\xff\na\n", "{\"tokens\":[\"a\"],\"ids\":[5]}\n", "x: line 2: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			p := NewPrinter(&out, tokenizer)
			err := p.Print("x", strings.NewReader(test.text))
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			if out.String() != test.want || (err == nil) != (test.fault == "") || err != nil && !strings.HasPrefix(err.Error(), test.fault) {
				t.Errorf("printed %q, error %v; want %q, %q", &out, err, test.want, test.fault)
			}
		})
	}
}
