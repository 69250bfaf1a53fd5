package relation

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/marked"
)

// TestClassWeightsInTOML checks that weights are read back unchanged, and that a later table adds to an earlier one.
func TestClassWeightsInTOML(t *testing.T) {
	type table struct {
		W ClassWeights `toml:"w,omitempty"`
	}
	for _, tt := range []struct {
		name, text string
		want       ClassWeights
	}{
		{"word", `w = "balanced"`, ClassWeights{Balanced: true}},
		{"table", "[w]\n\"a b\" = 2\nc = 0.5", ClassWeights{Of: map[string]float64{"a b": 2, "c": 0.5}}},
		{"none", "", ClassWeights{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got, again table
			if _, err := toml.Decode(tt.text, &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got.W); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			text, err := toml.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := toml.Decode(string(text), &again); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if d := cmp.Diff(got, again); d != "" {
				t.Errorf("read back from %s (-written +read):\n%s", text, d)
			}
		})
	}
	both := table{ClassWeights{Of: map[string]float64{"a": 2}}}
	if _, err := toml.Decode("w.b = 3", &both); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]float64{"a": 2, "b": 3}, both.W.Of); d != "" {
		t.Errorf("a later table (-want +got):\n%s", d)
	}
	for _, bad := range []string{`w = "even"`, `w = 3`, `w = {a = "x"}`} {
		if _, err := toml.Decode(bad, &table{}); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%s: error %v, want one that says what is wanted", bad, err)
		}
	}
}

func TestBalance(t *testing.T) {
	var rows []marked.Row
	for label, n := range []int{6, 3, 0} {
		for range n {
			rows = append(rows, marked.Row{Label: int32(label)})
		}
	}
	got := ClassWeights{Balanced: true}.Balance(rows, []string{"x", "y", "z"})
	if d := cmp.Diff(ClassWeights{Of: map[string]float64{"x": 0.75, "y": 1.5}}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	given := ClassWeights{Of: map[string]float64{"x": 2}}
	if d := cmp.Diff(given, given.Balance(rows, []string{"x", "y", "z"})); d != "" {
		t.Errorf("given weights change:\n%s", d)
	}
}
