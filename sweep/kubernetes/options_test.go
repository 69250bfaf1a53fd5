package kubernetes

import (
	"testing"

	"github.com/subbert/subbert/sweep"
)

// TestOptionsOf: only verbs that compute, and groups that the file names, get an accelerator.
func TestOptionsOf(t *testing.T) {
	of := OptionsOf(sweep.Options{"image": "i", "accelerator": "gpu", "gpus": int64(2), "page": map[string]any{"accelerator": "gpu"}})
	for _, test := range []struct{ verb, group, want string }{
		{"pretrain", "pretrain", "gpu"}, {"data", "data-shard", ""}, {"report", "page", "gpu"},
	} {
		got, err := of(sweep.Task{Args: []string{test.verb}, Group: test.group})
		if err != nil || got["accelerator"] != test.want || got["image"] != "i" || (got["gpus"] == "") != (test.want == "") {
			t.Errorf("%s in %s: %v, %v; want accelerator %q", test.verb, test.group, got, err, test.want)
		}
	}
}
