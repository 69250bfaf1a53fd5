package configs

import (
	"os"
	"path/filepath"
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
	c, err := ParsePretraining("run.toml", []byte(promised), "optimizer.learning_rate=5e-5", "run.dir=elsewhere", `model.fresh=["mlm", "nsp"]`)
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

// changeable is what the test of Text and Changes asks of a config.
type changeable interface {
	Text() ([]byte, error)
	Changes(path string) ([]string, error)
}

// sameText writes c, reads it back by parse, and compares both; change then changes what was read.
func sameText[C changeable](t *testing.T, c C, err error, parse func(string, []byte, ...string) (C, error), change func(*C)) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	written, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	again, err := parse("config.toml", written)
	if err != nil {
		t.Fatalf("%v in\n%s", err, written)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Errorf("-config +read back\n%s", diff)
	}
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, written, 0o644); err != nil {
		t.Fatal(err)
	}
	if changed, err := again.Changes(path); err != nil || changed != nil {
		t.Errorf("changes %v (%v)", changed, err)
	}
	change(&again)
	changed, err := again.Changes(path)
	if diff := cmp.Diff([]string{"optimizer.learning_rate = 2e-05 (now 1)"}, changed); err != nil || diff != "" {
		t.Errorf("changes (%v): -want +got\n%s", err, diff)
	}
}

// otherTask is promised as a config of another task.
func otherTask(task string) []byte {
	return []byte(strings.NewReplacer(`shards = "dir"`, `train = "t.tsv"`, `"pretraining"`, `"`+task+`"`).Replace(promised))
}

// TestTextIsTheSameConfig: the file written beside a run describes that run.
func TestTextIsTheSameConfig(t *testing.T) {
	const micro = "task.micro_batch=64"
	t.Run("pretraining", func(t *testing.T) {
		c, err := ParsePretraining("run.toml", []byte(promised), micro)
		sameText(t, c, err, ParsePretraining, func(c *Pretraining) {
			c.Optimizer.LearningRate, c.Task.MicroBatch, c.Record.EverySteps = 1, 32, 77
		})
	})
	t.Run("relation", func(t *testing.T) {
		c, err := ParseRelation("run.toml", otherTask("relation"), micro)
		sameText(t, c, err, ParseRelation, func(c *Relation) {
			c.Optimizer.LearningRate, c.Task.MicroBatch, c.Record.EverySteps = 1, 32, 77
		})
	})
	t.Run("probe", func(t *testing.T) {
		c, err := ParseProbing("run.toml", otherTask("probe"), micro)
		sameText(t, c, err, ParseProbing, func(c *Probing) {
			c.Optimizer.LearningRate, c.Task.MicroBatch, c.Record.EverySteps = 1, 32, 77
		})
	})
}

// TestSavedByEarlierVersions: those wrote the keys of every task, and a run that they began can be continued.
func TestSavedByEarlierVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	text := strings.Replace(promised, "[task]\n", "[task]\npooling = \"cls\"\nfolds = 0\n", 1)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := ParsePretraining("run.toml", []byte(promised))
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := c.Changes(path); err != nil || changed != nil {
		t.Errorf("changes %v (%v)", changed, err)
	}
	if err := os.WriteFile(path, []byte(text+"[zebra]\nstripes = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Changes(path); err == nil || !strings.Contains(err.Error(), "unknown key zebra") {
		t.Errorf("error %v, want one about zebra", err)
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
			[]string{"steps = 100000 contradicts epochs = 3", `"sgd"`, `"none"`, `--set data.train: data.train is a key of the task "relation" (subbert finetune)`, `"int8"`, `device.attention: unknown "flash", want decomposed or cudnn`}},
		{"keys of another task", strings.Replace(promised, "[task]\n", "[task]\npooling = \"attention\"\nfolds = 10\nprobe.input = \"cls\"\n", 1), nil, []string{
			`run.toml: task.pooling is a key of the task "relation" (subbert finetune), and this config has the task "pretraining"`,
			`run.toml: task.folds is a key of the task "relation" (subbert finetune) and of the task "probe" (subbert probe), and this`,
			`run.toml: task.probe.input is a key of the task "probe" (subbert probe), and this`}},
		{"unknown key in --set", promised, []string{"optimizer.lr=1"}, []string{"--set optimizer.lr: unknown key optimizer.lr"}},
		{"--set without a value", promised, []string{"optimizer.learning_rate"}, []string{"want key=value"}},
		{"unknown preset", "preset = \"biobret\"\n" + promised, nil, []string{`unknown "biobret", want one of biobert, pubmedbert`}},
		{"another task", strings.Replace(promised, `"pretraining"`, `"relation"`, 1), nil, []string{`task.name = "relation"`, `"pretraining"`}},
		{"missing", "[task]\nname = \"pretraining\"\n", nil, []string{"model.init: missing", "data.shards: missing", "run.dir: missing", "schedule.steps: missing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParsePretraining("run.toml", []byte(tt.text), tt.set...)
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
	text := func(preset, data string) []byte {
		return []byte("preset = \"" + preset + "\"\n[model]\ninit = \"m\"\n[data]\n" + data + " = \"s\"\n[run]\ndir = \"d\"\n")
	}
	for _, preset := range Presets(tasks.NamePretraining) {
		if c, err := ParsePretraining("run.toml", text(preset, "shards")); err != nil || c.Optimizer.LearningRate != 2e-5 {
			t.Errorf("pretraining/%s: rate %g (%v), want the paper's 2e-5", preset, c.Optimizer.LearningRate, err)
		}
	}
	for _, preset := range Presets(tasks.NameRelation) {
		if c, err := ParseRelation("run.toml", text(preset, "train")); err != nil || c.Optimizer.LearningRate != 2e-5 {
			t.Errorf("relation/%s: rate %g (%v), want the paper's 2e-5", preset, c.Optimizer.LearningRate, err)
		}
	}
	c, err := ParseRelation("run.toml", []byte("preset = \"pubmedbert\"\n[model]\ninit = \"m\"\n[data]\ntrain = \"t\"\n[schedule]\nsteps = 7\n[run]\ndir = \"d\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Schedule.Steps != 7 || c.Schedule.Epochs != 0 || c.Task.Sequence != 256 || c.Task.Batch != 16 {
		t.Errorf("steps over the preset's epochs: %+v, sequence %d, batch %d", c.Schedule, c.Task.Sequence, c.Task.Batch)
	}
}

// TestEveryKeyIsDocumented holds docs/config.md against the configs, key by key.
func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []string{tasks.NamePretraining, tasks.NameRelation, tasks.NameProbing} {
		keys := Keys(task)
		if len(keys) < 40 {
			t.Errorf("%s: %d keys", task, len(keys))
		}
		for _, key := range keys {
			isTable := slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, key+".") })
			name := key[strings.LastIndex(key, ".")+1:]
			if !isTable && !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("docs/config.md does not mention %s", key)
			}
		}
	}
}

// TestTemplates: a template is a config without a fault, and the defaults that it shows are the defaults.
func TestTemplates(t *testing.T) {
	for _, v := range verbs {
		_, verb, _ := strings.Cut(v.verb, " ")
		t.Run(verb, func(t *testing.T) {
			text, err := Template(verb)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := VerbOf("x.toml", text); err != nil || got != verb {
				t.Errorf("verb %q (%v), want %q", got, err, verb)
			}
			shown := 0
			var spelled []string
			for line := range strings.Lines(string(text)) {
				if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") {
					line = line[1:]
					shown++
				}
				spelled = append(spelled, line)
			}
			plain, full := defaultOf(v.task), defaultOf(v.task)
			if err := parse(verb, text, nil, plain); err != nil {
				t.Fatal(err)
			}
			if err := parse(verb, []byte(strings.Join(spelled, "")), nil, full); err != nil {
				t.Fatal(err)
			}
			if shown < 5 {
				t.Errorf("%d defaults are shown, want some", shown)
			}
			is, err := learned(plain)
			if err != nil {
				t.Fatal(err)
			}
			says, err := learned(full)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(is, says); d != "" {
				t.Errorf("defaults (-are +as shown):\n%s", d)
			}
		})
	}
}

// TestEveryFault: one fault does not hide the others, whatever their kinds are.
func TestEveryFault(t *testing.T) {
	text := `
[model]
init = "m"
[data]
train = 3
[task]
batch = "many"
sequence = 1.5
max_seq_length = 256
[optimizer]
learning_rate = "high"
lr = 1
[schedule]
epochs = 1
[device]
precision = "float64"
fp16 = true
[run]
dir = "d"
seed = -1
output_dir = "x"
`
	_, err := ParseRelation("run.toml", []byte(text), "task.seeds=none")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"run.toml: line 5: data.train: want a string, got an integer",
		"run.toml: line 7: task.batch: want an integer, got a string",
		"run.toml: line 8: task.sequence: want an integer, got a number",
		"run.toml: unknown key task.max_seq_length; use task.sequence",
		"run.toml: line 11: optimizer.learning_rate: want a number, got a string",
		"run.toml: unknown key optimizer.lr; use optimizer.learning_rate",
		`run.toml: unknown key device.fp16; use device.precision = "bfloat16"`,
		"run.toml: unknown key run.output_dir; use run.dir",
		`run.toml: device.precision: unknown "float64"`,
		"run.toml: line 20: run.seed: -1 is out of range",
		"--set task.seeds: line 1: task.seeds: want an integer, got a string",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

// TestForeignKeys: every hint is a key that some config has, and none is hidden by one of our own keys.
func TestForeignKeys(t *testing.T) {
	for _, f := range foreignKeys() {
		key, _, _ := strings.Cut(f.ours, " = ")
		if len(owners(key)) == 0 {
			t.Errorf("%s: no config has it", f.ours)
		}
	}
	for key, want := range map[string]string{
		"lr": "optimizer.learning_rate", "train.per-device-train-batch-size": "task.batch", "num_train_epochs": "schedule.epochs",
		"output_dir": "run.dir", "max_seq_length": "task.sequence", "train_file": "data.train", "nonsense": "",
	} {
		if got := nativeOf(key, Keys(tasks.NameRelation)); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

// TestPathKeys: every path of a config has a key.
func TestPathKeys(t *testing.T) {
	for _, paths := range []map[string]*string{new(Pretraining).Paths(), new(Relation).Paths(), new(Probing).Paths()} {
		for name := range paths {
			if PathKeys()[name] == "" {
				t.Errorf("%s has no key", name)
			}
		}
	}
}
