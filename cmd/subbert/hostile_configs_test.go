package main

import (
	"fmt"
	"strings"
	"testing"
)

// hostileConfigs returns the inputs of the verbs that read settings: of models, of runs and of sweeps.
func hostileConfigs() []hostile {
	all := []hostile{
		{name: "a config that never ends", cheap: true, make: link("run.toml", "/dev/zero"), args: []string{"pretrain", "run.toml"}, code: exitMisused, says: "run.toml: more than 1048576 bytes of TOML"},
		{name: "a sweep that never ends", cheap: true, make: link("sweep.toml", "/dev/zero"), args: []string{"sweep", "sweep.toml"}, code: exitMisused, says: "sweep.toml: more than 1048576 bytes of TOML"},
		{name: "an experiment that never ends", cheap: true, make: link("e.toml", "/dev/zero"), args: []string{"reproduce", "e.toml"}, code: exitMisused, says: "e.toml: more than 1048576 bytes of TOML"},
		{name: "a config with a million unknown keys", cheap: true, make: write("run.toml", func() []byte { return lines(1<<20-100, func(i int) string { return fmt.Sprintf("k%d=1\n", i) }) }), args: []string{"pretrain", "run.toml"}, several: true, header: true, code: exitMisused, says: "unknown key"},
		{name: "400 KB of inline tables", cheap: true, make: short("run.toml", "a = "+strings.Repeat("{b=", 100_000)+"1"+strings.Repeat("}", 100_000)), args: []string{"pretrain", "run.toml"}, code: exitMisused, says: "nested more than 32 deep"},
		{name: "400 KB of inline tables side by side", cheap: true, make: short("run.toml", "a = ["+strings.Repeat("{b=1},", 60_000)+"]"), args: []string{"pretrain", "run.toml"}, several: true, header: true, code: exitMisused, says: "unknown key"},
		{name: "10^5 sweeps", cheap: true, make: write("sweep.toml", func() []byte {
			return lines(5<<20, func(i int) string { return fmt.Sprintf("[[run]]\nname=\"r%d\"\nverb=\"report\"\n", i) })
		}), args: []string{"sweep", "sweep.toml"}, code: exitMisused, says: "more than 1048576 bytes of TOML"},
		{name: "20,000 runs", make: write("sweep.toml", func() []byte {
			return lines(1<<20-100, func(i int) string { return fmt.Sprintf("[[run]]\nname=\"r%d\"\nverb=\"report\"\n", i) })
		}), args: []string{"sweep", "sweep.toml", "--dry-run"}, header: true, code: exitMisused, says: "more than 10000 runs"},
		{name: "a chain of 9,000 runs", make: write("sweep.toml", func() []byte { return chained(9000) }), args: []string{"sweep", "sweep.toml", "--dry-run"}, header: true},
		{name: "a matrix of 50^8", cheap: true, make: short("sweep.toml", "[[run]]\nname=\"r\"\nverb=\"report\"\n[run.matrix]\n"+matrix(8, 50)), args: []string{"sweep", "sweep.toml"}, code: exitMisused, says: "more than 10000 runs"},
		{name: "a sweep that names itself", cheap: true, make: short("sweep.toml", "[[run]]\nname=\"again\"\nverb=\"sweep\"\nargs=[\"sweep.toml\"]\n"), args: []string{"sweep", "sweep.toml"}, code: exitMisused, says: "sweep.toml runs sweep.toml"},
		{name: "a gs:// address that cannot be reached", make: both(model(short("x", "")), short("run.toml", config)), args: []string{"pretrain", "run.toml", "--set", `data.shards="gs://bucket/shards"`, "--set", "task.sequence=12"}, keeps: "^run|^tmp/.cache", code: exitFailed, says: "gs://bucket/shards"},
		{name: "a model at a gs:// address", cheap: true, args: []string{"model", "inspect", "gs://bucket/m"}, code: exitFailed, says: "gs://bucket/m"},
	}
	for _, verb := range [][]string{{"pretrain", "x.toml"}, {"finetune", "x.toml"}, {"probe", "x.toml"}, {"config", "check", "x.toml"}, {"plan", "x.toml", "--device", "h200"}, {"sweep", "x.toml"}, {"reproduce", "x.toml"}} {
		all = append(all,
			hostile{name: "TOML nested 10^5 deep in " + verb[0], cheap: true, make: short("x.toml", "a = "+strings.Repeat("[", 100_000)), args: verb, code: exitMisused, says: "nested more than 32 deep"},
			hostile{name: "a dotted key of 10^5 parts in " + verb[0], cheap: true, make: short("x.toml", "a"+strings.Repeat(".a", 100_000)+" = 1\n"), args: verb, code: exitMisused, says: "nested more than 32 deep"})
	}
	all = append(all, hostile{name: "TOML nested 10^5 deep in a run's directory", cheap: true, make: short("run/config.toml", "a = "+strings.Repeat("[", 100_000)), args: []string{"report", "run", "--out", "page.html"}, code: exitFailed, says: "nested more than 32 deep"})
	for _, key := range []string{"hidden_size", "intermediate_size", "type_vocab_size", "max_position_embeddings", "num_hidden_layers", "vocab_size", "num_attention_heads"} {
		for _, value := range []string{"1099511627776", "-1"} {
			all = append(all,
				hostile{name: key + " = " + value, cheap: value == "1099511627776", make: both(smallModel, setting(key, value)), args: []string{"model", "inspect", "m"}, code: exitFailed, says: key},
				hostile{name: key + " = " + value + " without weights", make: both(model(short("x", "")), both(setting(key, value), short("run.toml", config))), args: []string{"pretrain", "run.toml"}, code: exitFailed, says: key})
		}
	}
	for _, set := range []string{"task.batch=1099511627776", "task.max_predictions=1099511627776", "task.duplicate_factor=1099511627776", "device.workers=1000000000", "task.seeds=1000000000",
		"schedule.steps=9223372036854775807", "schedule.epochs=1e12", "schedule.epochs=nan", "schedule.epochs=1e300", "schedule.epochs=-1", "run.spike_zscore=nan", "record.evaluate_every=-1", "optimizer.learning_rate=nan", "optimizer.learning_rate=inf"} {
		verb := "pretrain"
		if key, _, _ := strings.Cut(set, "="); key == "task.seeds" || key == "schedule.epochs" {
			verb = "finetune"
		}
		key, _, _ := strings.Cut(set, "=")
		all = append(all, hostile{name: set, cheap: true, make: short("run.toml", configOf[verb]), args: []string{verb, "run.toml", "--set", set}, several: true, code: exitMisused, says: key})
	}
	return append(all, hostileHeaders()...)
}

// configOf holds the config of a run of each verb that trains.
var configOf = map[string]string{"pretrain": config, "finetune": strings.NewReplacer("shards = \"shards\"", "train = \"x.tsv\"", "[schedule]\nsteps = 2\n", "").Replace(config)}

// config is that of a pre-training of the model m.
const config = "[model]\ninit = \"m\"\nfresh = \"all\"\n[data]\nshards = \"shards\"\n[schedule]\nsteps = 2\n[run]\ndir = \"run\"\n"

// hostileHeaders returns the safetensors files whose header says a thing twice, or in other letters.
func hostileHeaders() (all []hostile) {
	const good = `"dtype":"F32","shape":[1],"data_offsets":[0,4]`
	for _, h := range []struct{ name, header, says string }{
		{"a tensor twice", `{"a":{` + good + `},"a":{` + good + `}}`, "twice"},
		{"a field twice", `{"a":{` + good + `,"dtype":"F16"}}`, "twice"},
		{"fields in capitals", `{"a":{"DTYPE":"F32","Shape":[1],"DATA_OFFSETS":[0,4]}}`, "DTYPE"},
		{"a name that is not UTF-8", "{\"a\xff\":{" + good + "}}", "UTF-8"},
		{"a type in capitals that is none", `{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}`, "f32"},
		{"a shape of 2^62", `{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}`, "a"},
		{"offsets that go back", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, "a"},
		{"text after the header", `{"a":{` + good + `}}{}`, ""},
		{"escapes in a name", `{"\u001b[31ma":{` + good + `}}`, ""},
	} {
		all = append(all, hostile{name: "a safetensors header with " + h.name, cheap: true, code: exitFailed, says: h.says, args: []string{"model", "inspect", "m"},
			make: model(write("model.safetensors", func() []byte { return append(safetensorsFile(h.header), 0, 0, 0, 0) }))})
	}
	return all
}

// setting returns a function that gives a key of the model's config.json another value.
func setting(key, value string) func(t *testing.T, dir string) {
	return edit("m/config.json", `("`+key+`": )\d+`, "${1}"+value)
}

// matrix returns n keys with a list of that many numbers each.
func matrix(n, values int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d = [%s]\n", i, strings.TrimSuffix(strings.Repeat("1,", values), ","))
	}
	return b.String()
}

// chained returns a sweep of n runs, each of which needs the one after it.
func chained(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[[run]]\nname=\"r%d\"\nverb=\"report\"\n", i)
		if i+1 < n {
			fmt.Fprintf(&b, "args=[\"{in:r%d}\"]\n", i+1)
		}
	}
	return []byte(b.String())
}
