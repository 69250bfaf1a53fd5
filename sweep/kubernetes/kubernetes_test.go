package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/subbert/subbert/sweep"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var keys = []string{"0123456789abcdef0123456789abcdef", "11111111111111111111111111111111", "22222222222222222222222222222222"}

// write lets a Writer write manifests for shards, a pre-training and a fine-tuning.
func write(t *testing.T, on sweep.Options, names ...string) (dir string, err error) {
	t.Helper()
	dir = t.TempDir()
	store, err := sweep.OpenStore(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	var tasks []sweep.Task
	for i, group := range []string{"data-shard", "pretrain", "finetune"} {
		task := sweep.Task{Key: keys[i], Name: names[i], Group: group, Dir: "/shared/out/" + keys[i], Work: dir}
		if i > 0 {
			task.Needs = []string{keys[0]}
		}
		tasks = append(tasks, task)
	}
	w := &Writer{Dir: dir, Store: store, Flags: []string{"--backend", "tpu"}, Options: func(t sweep.Task) (map[string]string, error) { return on.Of(t.Group) }}
	err = w.Execute(t.Context(), tasks, nil)
	if err == nil && !slices.Equal(w.Files, []string{filepath.Join(dir, "level-0.yaml"), filepath.Join(dir, "level-1.yaml")}) {
		t.Errorf("files %v", w.Files)
	}
	return dir, err
}

func options(more sweep.Options) sweep.Options {
	o := sweep.Options{"image": "registry.example/subbert:1.2", "claim": "shared", "mount": "/", "memory": "16Gi"}
	maps.Copy(o, more)
	return o
}

// TestManifests: golden files, which hold against the published schema of JobSet.
func TestManifests(t *testing.T) {
	for name, more := range map[string]sweep.Options{
		"tpu": {"queue": "team-a", "namespace": "runs", "accelerator": "tpu-v3-slice", "topology": "2x2", "data-shard": map[string]any{"accelerator": "none", "topology": "", "cpu": int64(4)}},
		"gpu": {"accelerator": "gpu", "service-account": "runner", "pretrain": map[string]any{"gpus": int64(4)}, "data-shard": map[string]any{"accelerator": "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := write(t, options(more), "shards", "pretrain/drug+Ünïcode_and_a_very_long_name/1", "fine: \"tune\"/#2")
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for i := range 2 {
				if i > 0 {
					got = append(got, "---\n"...)
				}
				text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("level-%d.yaml", i)))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, bytes.ReplaceAll(text, []byte(dir), []byte("/shared/work"))...)
			}
			golden := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
			sets := decode(t, want)
			if len(sets) != 3 {
				t.Fatalf("%d documents, want 3", len(sets))
			}
			for _, s := range sets {
				for _, fault := range validate(schema(t), s, "") {
					t.Error(fault)
				}
			}
		})
	}
}

// TestSchemaFinds: the check against the schema finds what an API server would refuse.
func TestSchemaFinds(t *testing.T) {
	const right = `{apiVersion: a, kind: JobSet, spec: {replicatedJobs: [{name: run, replicas: 1, template: {spec: {template: {spec: {containers: [{name: c}]}}}}}]}}`
	for _, test := range []struct{ change, to, want string }{
		{"", "", ""},
		{"replicas: 1", "replicas: one", "/spec/replicatedJobs/0/replicas: string, want integer"},
		{"replicas:", "replica:", "/spec/replicatedJobs/0/replica: unknown"},
		{"name: run, ", "", "/spec/replicatedJobs/0: name is missing"},
		{"name: c", "nam: c", "/spec/replicatedJobs/0/template/spec/template/spec/containers/0/nam: unknown"},
		{"containers: [{name: c}]", "containers: 3", "containers: integer, want array"},
		{"{containers", "{restart: Never, containers", "/spec/replicatedJobs/0/template/spec/template/spec/restart: unknown"},
		{"{replicatedJobs", "{successPolicy: {operator: Some}, replicatedJobs", "operator: Some is none of"},
	} {
		var doc any
		if err := yaml.Unmarshal([]byte(strings.Replace(right, test.change, test.to, 1)), &doc); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(validate(schema(t), doc, ""), "\n")
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.to, got, test.want)
		}
	}
}

func schema(t *testing.T) object {
	t.Helper()
	text, err := os.ReadFile("testdata/jobset.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s object
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(t *testing.T, text []byte) (docs []any) {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc any
		if err := d.Decode(&doc); errors.Is(err, io.EOF) {
			return docs
		} else if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
}

// validate compares a value with a structural schema and names all faults. What a schema does not say is not checked; a field
// that it does not know is a fault, as for an API server with strict validation.
func validate(schema object, v any, at string) (faults []string) {
	fault := func(format string, args ...any) {
		faults = append(faults, at+": "+fmt.Sprintf(format, args...))
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, v) {
		fault("%v is none of %v", v, enum)
	}
	if p, ok := schema["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(fmt.Sprint(v)) {
		fault("%v does not match %s", v, p)
	}
	kind := map[string]string{"map[string]interface {}": "object", "[]interface {}": "array", "string": "string", "int": "integer", "bool": "boolean"}[fmt.Sprintf("%T", v)]
	if want, ok := schema["type"].(string); ok && kind != want {
		fault("%s, want %s", kind, want)
		return faults
	}
	switch v := v.(type) {
	case object:
		known, closed := schema["properties"].(object)
		values, open := schema["additionalProperties"].(object)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if s, ok := known[name].(object); ok {
				faults = append(faults, validate(s, v[name], at+"/"+name)...)
			} else if open {
				faults = append(faults, validate(values, v[name], at+"/"+name)...)
			} else if closed {
				faults = append(faults, at+"/"+name+": unknown")
			}
		}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				fault("%s is missing", name)
			}
		}
	case []any:
		items, _ := schema["items"].(object)
		for i := range v {
			faults = append(faults, validate(items, v[i], fmt.Sprintf("%s/%d", at, i))...)
		}
	}
	return faults
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		more sweep.Options
		want string
	}{
		{sweep.Options{"image": ""}, `run shards: on.kubernetes.image = "": want an image`},
		{sweep.Options{"claim": "A b"}, `on.kubernetes.claim = "A b": want a name`},
		{sweep.Options{"mount": "shared"}, `on.kubernetes.mount = "shared": want an absolute directory`},
		{sweep.Options{"mount": "/elsewhere"}, "is not below on.kubernetes.mount"},
		{sweep.Options{"gpu": int64(1)}, "on.kubernetes.gpu: unknown option, want gpus, accelerator"},
		{sweep.Options{"gpus": "x"}, `on.kubernetes.gpus = "x": want a positive number`},
		{sweep.Options{"cpu": "four"}, `on.kubernetes.cpu = "four": want a quantity`},
		{sweep.Options{"accelerator": "h100"}, `on.kubernetes.accelerator = "h100": want none, gpu, or`},
		{sweep.Options{"topology": "2x2"}, `on.kubernetes.topology = "2x2", but the accelerator is "none"`},
		{sweep.Options{"accelerator": "tpu-v3-slice", "topology": "4x4"}, "16 chips are more than one host"},
		{sweep.Options{"accelerator": "tpu-v3-slice", "topology": "two"}, `want one such as 2x2`},
	} {
		dir, err := write(t, options(test.more), "shards", "a", "b")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want %s", test.more, err, test.want)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "level-*")); err != nil || len(left) > 0 {
			t.Errorf("%v: left %v (%v)", test.more, left, err)
		}
	}
}

// TestVerbatim: Kubernetes replaces $(NAME) in a command; what a person wrote stays.
func TestVerbatim(t *testing.T) {
	got := verbatim([]string{"subbert", "$(HOME)", "$$(x)", "a$b"})
	if want := []string{"subbert", "$$(HOME)", "$$$$(x)", "a$$b"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
