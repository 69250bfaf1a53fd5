package runs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/runs/runstest"
)

func TestCheck(t *testing.T) {
	f, err := runstest.Make(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	onHub := func(model string) bool { return strings.HasPrefix(model, "hub:") }
	for _, test := range []struct {
		name, verb, path string
		set              []string
		faults           []string // one a line
	}{
		{"pre-training", "pretrain", f.Pretrain, []string{"model.init=hub:a/b"}, nil},
		{"fine-tuning", "finetune", f.Finetune, []string{"model.init=hub:a/b"}, nil},
		{"too few positions", "finetune", f.Finetune, []string{"task.sequence=100"}, []string{"start has 64 positions"}},
		{"files that do not exist", "finetune", f.Finetune, []string{"model.init=hub:a/b", "data.dev=gone", "data.test=gone"}, []string{"data.dev: ", "data.test: "}},
		{"a store", "pretrain", f.Pretrain, []string{"model.init=hub:a/b", "data.shards=gs://a/b"}, nil},
		{"a value and a file", "pretrain", f.Pretrain, []string{"model.init=hub:a/b", "task.batch=0", "data.shards=gone"}, []string{"batch", "data.shards: "}},
		{"an unknown verb", "train", f.Pretrain, nil, []string{`no verb "train"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Check(t.Context(), test.verb, test.path, test.set, onHub)
			if test.faults == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			fault := new(configs.Error)
			if !errors.As(err, &fault) {
				t.Fatalf("error %v, want a *configs.Error", err)
			}
			lines := strings.Split(err.Error(), "\n")
			for i, want := range test.faults {
				if len(lines) != len(test.faults) || !strings.Contains(lines[i], want) {
					t.Errorf("faults %q, want one with each of %q", lines, test.faults)
				}
			}
		})
	}
}

func TestLonger(t *testing.T) {
	for _, test := range []struct {
		name, result string
		steps        int
		want, fault  string
	}{
		{"a finished run", `{"task": "pretraining", "steps": 20}`, 5, "schedule.steps=25", ""},
		{"no result", "", 5, "", "is not finished"},
		{"no step", `{"task": "pretraining", "steps": 20}`, 0, "", "want at least 1 step"},
		{"several runs", `{"task": "relation", "steps": 20, "seeds": [{"seed": 1}]}`, 5, "", "several runs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if test.result != "" {
				if err := os.WriteFile(filepath.Join(dir, "result.json"), []byte(test.result), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Longer(dir, test.steps)
			if got != test.want || (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%q, %v; want %q, %q", got, err, test.want, test.fault)
			}
		})
	}
}

// TestSentences: the sentences of a run are those that its config names, or those of a file.
func TestSentences(t *testing.T) {
	f, err := runstest.Make(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	fromFile, err := Sentences(t.Context(), f.Test, "", Env{})
	if err != nil || len(fromFile) != 16 {
		t.Fatalf("%d sentences of a file of 16, %v", len(fromFile), err)
	}
	dir := t.TempDir()
	text, err := os.ReadFile(f.Finetune)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	ofRun, err := Sentences(t.Context(), "", dir, Env{})
	if err != nil || len(ofRun) <= len(fromFile) {
		t.Fatalf("%d sentences of a run, %v; want more than those of its test set", len(ofRun), err)
	}
	for id, e := range fromFile {
		if ofRun[id].Text != e.Text {
			t.Errorf("pair %s: %q, want the sentence of the test set, %q", id, ofRun[id].Text, e.Text)
		}
	}
	fault := new(configs.Error)
	if _, err := Sentences(t.Context(), "", t.TempDir(), Env{}); !errors.As(err, &fault) {
		t.Errorf("a directory without a config: %v, want a *configs.Error", err)
	}
}
