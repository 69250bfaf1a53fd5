package relation_test

import (
	"strings"
	"testing"

	"github.com/subbert/subbert/tasks/relation"
)

func TestReadSettings(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{`{"max_position_embeddings": 64, "subbert": {"labels": ["a", "b"], "sequence": 64}}`, ""},
		{`{"max_position_embeddings": 64, "subbert": {"labels": ["a", "b"], "sequence": 65}}`, "sequence 65, want 3 to max_position_embeddings, 64"},
		{`{"subbert": {"labels": ["a", "b"], "sequence": 1099511627776}}`, "sequence 1099511627776, want 3 to max_position_embeddings, 512"},
		{`{"subbert": {"labels": ["a", "b"], "sequence": -1}}`, "sequence -1, want 3"},
		{`{"subbert": {"pooling": 3}}`, "config.json: json: cannot unmarshal number"},
	} {
		_, err := relation.ReadSettings([]byte(c.config))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.config, err, c.want)
		}
	}
}
