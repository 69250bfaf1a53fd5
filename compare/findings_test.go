package compare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/runs/result"
)

// A comparison reports a model that gives only one label, and one that does not score above the bag of words of its
// run.
func TestFindings(t *testing.T) {
	const words = `{"task":"relation","labels":["effect","false"],"negative":"false","micro":{"f1":40},"baseline":{"bag of words":{"p":50,"r":80,"f1":70}}}`
	for _, tt := range []struct {
		name, a, b string // labels, a letter for each pair; gold is ffee
		result     string // of a's run directory
		want       []string
	}{
		{name: "nothing", a: "feee", b: "fffe"},
		{name: "one label", a: "feee", b: "ffff", want: []string{`B gives all 4 pairs the label "false": it has not learned the other labels`}},
		{name: "below the bag of words", a: "fffe", b: "feee", result: words, want: []string{"the F1 of A, 66.7, is not above the 70.0 of the bag-of-words baseline"}},
		{name: "above the bag of words", a: "feee", b: "fffe", result: words},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			label := map[rune]string{'f': "false", 'e': "effect"}
			for name, letters := range map[string]string{"a": tt.a, "b": tt.b} {
				var text strings.Builder
				text.WriteString("index\tgold\tpredicted\n")
				for i, l := range letters {
					text.WriteString("p" + string(rune('0'+i)) + "\t" + label[rune("ffee"[i])] + "\t" + label[l] + "\n")
				}
				write(name+"/"+result.PredictionsFile, text.String())
			}
			if tt.result != "" {
				write("a/"+result.File, tt.result)
			}
			c, err := Runs(t.Context(), filepath.Join(dir, "a"), filepath.Join(dir, "b"), Options{Samples: 20, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range c.Findings {
				got = append(got, f.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}
