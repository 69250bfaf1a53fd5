package configs

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/tasks"
)

// The interface that issue and README promise: these keys stay.
const promised = `
[model]
init = "dir"
fresh = "all"
[data]
shards = "dir"
[task]
name = "pretraining"
batch = 192
sequence = 128
[optimizer]
learning_rate = 2e-5
[schedule]
steps = 100_000
warmup_steps = 10
[checkpoint]
every_steps = 1000
[record]
every_steps = 10
[run]
dir = "runs/name"
seed = 1
`

func TestParse(t *testing.T) {
	c, err := Parse("run.toml", []byte(promised), tasks.NamePretraining, []string{"optimizer.learning_rate=5e-5", "run.dir=elsewhere", `model.fresh=["mlm", "nsp"]`})
	if err != nil {
		t.Fatal(err)
	}
	if c.Schedule.Steps != 100_000 || c.Task.Batch != 192 || c.Task.Sequence != 128 {
		t.Errorf("got %+v", c)
	}
	if c.Optimizer.LearningRate != 5e-5 || c.Run.Dir != "elsewhere" || !cmp.Equal(c.Model.Fresh, Heads{"mlm", "nsp"}) {
		t.Errorf("--set did not take: rate %g, dir %q, fresh %q", c.Optimizer.LearningRate, c.Run.Dir, c.Model.Fresh)
	}
	if !c.Task.NSP || c.Task.MaxPredictions != 20 || c.Optimizer.WeightDecay != 0.01 {
		t.Errorf("defaults are not the paper's: %+v", c)
	}
}

// TestTextIsTheSameConfig: the file written beside a run describes that run.
func TestTextIsTheSameConfig(t *testing.T) {
	for _, task := range []string{tasks.NamePretraining, tasks.NameRelation} {
		text := promised
		if task == tasks.NameRelation {
			text = strings.NewReplacer(`shards = "dir"`, `train = "t.tsv"`, `"pretraining"`, `"relation"`).Replace(text)
		}
		c, err := Parse("run.toml", []byte(text), task, []string{"task.micro_batch=64"})
		if err != nil {
			t.Fatal(err)
		}
		written, err := c.Text()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("config.toml", written, task, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("-config +read back\n%s", diff)
		}
		if changed := again.Changes(c); changed != nil {
			t.Errorf("changes %v", changed)
		}
		again.Optimizer.LearningRate, again.Task.MicroBatch, again.Record.EverySteps = 1, 32, 77
		if diff := cmp.Diff([]string{"optimizer.learning_rate = 2e-05 (now 1)"}, again.Changes(c)); diff != "" {
			t.Errorf("changes: -want +got\n%s", diff)
		}
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name string
		text string
		set  []string
		want []string
	}{
		{"no TOML", "[model\n", nil, []string{"run.toml: line 2: "}},
		{"unknown key", strings.Replace(promised, "learning_rate", "learnign_rate", 1), nil,
			[]string{"run.toml: unknown key optimizer.learnign_rate; did you mean optimizer.learning_rate?"}},
		{"far from every key", promised + "[zebra]\nstripes = 1\n", nil, []string{"unknown key zebra", "docs/config.md"}},
		{"wrong type", strings.Replace(promised, "batch = 192", `batch = "many"`, 1), nil, []string{"run.toml: "}},
		{"all faults at once", strings.Replace(promised, "steps = 100_000", "steps = 100_000\nepochs = 3", 1), []string{"optimizer.name=sgd", "task.masking=none", "data.train=x.tsv", "device.precision=int8", "device.attention=flash"},
			[]string{"steps = 100000 contradicts epochs = 3", `"sgd"`, `"none"`, `data.train = "x.tsv"`, `"int8"`, `device.attention: unknown "flash", want decomposed or cudnn`}},
		{"unknown key in --set", promised, []string{"optimizer.lr=1"}, []string{"--set optimizer.lr: unknown key optimizer.lr"}},
		{"--set without a value", promised, []string{"optimizer.learning_rate"}, []string{"want key=value"}},
		{"unknown preset", "preset = \"biobret\"\n" + promised, nil, []string{`unknown "biobret", want one of biobert, pubmedbert`}},
		{"another task", strings.Replace(promised, `"pretraining"`, `"relation"`, 1), nil, []string{`task.name = "relation"`, `"pretraining"`}},
		{"missing", "[task]\nname = \"pretraining\"\n", nil, []string{"model.init: missing", "data.shards: missing", "run.dir: missing", "schedule.steps: missing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("run.toml", []byte(tt.text), tasks.NamePretraining, tt.set)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not mention %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestPresets(t *testing.T) {
	for _, task := range []string{tasks.NamePretraining, tasks.NameRelation} {
		for _, preset := range Presets(task) {
			text := "preset = \"" + preset + "\"\n[model]\ninit = \"m\"\n[data]\nshards = \"s\"\n[run]\ndir = \"d\"\n"
			if task == tasks.NameRelation {
				text = strings.Replace(text, "shards", "train", 1)
			}
			c, err := Parse("run.toml", []byte(text), task, nil)
			if err != nil {
				t.Errorf("%s/%s: %v", task, preset, err)
			}
			if c.Optimizer.LearningRate != 2e-5 {
				t.Errorf("%s/%s: rate %g, want the paper's 2e-5", task, preset, c.Optimizer.LearningRate)
			}
		}
	}
	c, err := Parse("run.toml", []byte("preset = \"pubmedbert\"\n[model]\ninit = \"m\"\n[data]\ntrain = \"t\"\n[schedule]\nsteps = 7\n[run]\ndir = \"d\"\n"), tasks.NameRelation, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Schedule.Steps != 7 || c.Schedule.Epochs != 0 || c.Task.Sequence != 256 || c.Task.Batch != 16 {
		t.Errorf("steps over the preset's epochs: %+v, sequence %d, batch %d", c.Schedule, c.Task.Sequence, c.Task.Batch)
	}
}

// TestEveryKeyIsDocumented holds docs/config.md against the struct, key by key.
func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range Keys() {
		isTable := slices.ContainsFunc(Keys(), func(k string) bool { return strings.HasPrefix(k, key+".") })
		key = strings.TrimSuffix(key, ".x") // a name of the user's own in a table, as full has it
		name := key[strings.LastIndex(key, ".")+1:]
		if !isTable && !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/config.md does not mention %s", key)
		}
	}
}
