package corpus

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSentences(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []Sentence
		fault      string
	}{
		{"characters, not bytes", "β rose. It fell.\n\nA heading\n", []Sentence{{0, 7, "β rose."}, {8, 16, "It fell."}, {18, 27, "A heading"}}, ""},
		{"a line that ends with an abbreviation", "See Fig.\n2 for it.\nEnd", []Sentence{{0, 18, "See Fig.\n2 for it."}, {19, 22, "End"}}, ""},
		{"such a line at the end", "See Fig.", []Sentence{{0, 8, "See Fig."}}, ""},
		{"a fault after such a line", "See Fig.\n\xff", []Sentence{{0, 8, "See Fig."}}, "line 2: "},
		{"nothing", "", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []Sentence
			var fault error
			for s, err := range newSplitter(t).Sentences(strings.NewReader(test.text)) {
				if fault = err; err == nil {
					got = append(got, s)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (fault == nil) != (test.fault == "") || fault != nil && !strings.HasPrefix(fault.Error(), test.fault) {
				t.Errorf("error %v, want %q", fault, test.fault)
			}
		})
	}
}
