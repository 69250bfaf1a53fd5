package modeling

import (
	"strings"
	"testing"
)

func TestHeadOf(t *testing.T) {
	for _, c := range []struct {
		name, config, pooling string
		custom                bool
	}{
		{"no relation model", `{"hidden_size": 8}`, "", false},
		{"another task's", `{"subbert": {"task": "probe"}}`, "", false},
		{"null", `{"subbert": null}`, "", false},
		{"the pooler", `{"subbert": {"pooling": "cls"}}`, "cls", false},
		{"a summary", `{"subbert": {"pooling": "lstm", "sequence": 64}}`, "lstm", true},
		{"[CLS] itself", `{"subbert": {"pooling": "cls_raw"}}`, "cls_raw", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			head, err := HeadOf([]byte(c.config))
			if err != nil {
				t.Fatal(err)
			}
			if (head == nil) != (c.pooling == "") || head != nil && head.Pooling != c.pooling || head.Custom() != c.custom {
				t.Errorf("got %+v, custom %t; want pooling %q, custom %t", head, head.Custom(), c.pooling, c.custom)
			}
		})
	}
	if _, err := HeadOf([]byte(`{"subbert": 3}`)); err == nil {
		t.Error("a number as the settings is no error")
	}
}

func TestCard(t *testing.T) {
	for _, c := range []struct {
		name string
		head Head
		want []string
		not  []string
	}{
		{"attention", Head{Pooling: "attention", Sequence: 96, Mask: "tokens", Marks: []string{"@GENE$", "@DRUG$"}},
			[]string{"attention pooling", "max_length=96", "trust_remote_code=True", "transformers loads the encoder only", "@GENE$ @DRUG$", FileName},
			[]string{"mention_positions", "includes padding", "around"}},
		{"mention", Head{Pooling: "mention", Sequence: 96, Mask: "positions", Truncate: "around_mentions"},
			[]string{"mention_positions=mention_positions", "char_to_token", "truncated around"}, []string{"includes padding"}},
		{"positions", Head{Pooling: "mean", Sequence: 96, Mask: "positions"}, []string{"includes padding", "96 positions"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			card := c.head.Card()
			for _, want := range c.want {
				if !strings.Contains(card, want) {
					t.Errorf("the card lacks %q:\n%s", want, card)
				}
			}
			for _, not := range c.not {
				if strings.Contains(card, not) {
					t.Errorf("the card has %q:\n%s", not, card)
				}
			}
		})
	}
}

// TestSource holds the names that config.json and the Python file share to each other.
func TestSource(t *testing.T) {
	class := strings.TrimPrefix(AutoMap()["AutoModelForSequenceClassification"], strings.TrimSuffix(FileName, ".py")+".")
	for _, want := range []string{"class " + class + "(", `"cls_raw"`, `"mean"`, `"mention"`, `"attention"`, `"lstm"`, `"bilstm"`} {
		if !strings.Contains(string(Source()), want) {
			t.Errorf("%s lacks %s", FileName, want)
		}
	}
}
