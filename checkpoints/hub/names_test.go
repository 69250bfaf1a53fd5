package hub

import (
	"os"
	"testing"
)

func TestParseModel(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("models", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, repository, revision string
		onHub, fails               bool
	}{
		{name: "model"},
		{name: "models/bert"},
		{name: "./owner/bert"},
		{name: "owner/bert/model"},
		{name: "owner/bert", repository: "owner/bert", revision: "main", onHub: true},
		{name: "hub:models/bert", repository: "models/bert", revision: "main", onHub: true},
		{name: "hub:owner/bert@v1", repository: "owner/bert", revision: "v1", onHub: true},
		{name: "hub:owner/bert@..", onHub: true, fails: true},
	} {
		ref, onHub, err := ParseModel(test.name)
		if onHub != test.onHub || (err != nil) != test.fails || err == nil && ref != (Reference{test.repository, test.revision}) {
			t.Errorf("%s: %v, on the hub %t, %v", test.name, ref, onHub, err)
		}
	}
}
