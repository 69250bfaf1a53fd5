package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/internal/boundedtoml"
	"github.com/subbert/subbert/tasks"
)

// verbs are the commands that read the configs of the tasks.
var verbs = []struct{ task, verb string }{
	{tasks.NamePretraining, "subbert pretrain"}, {tasks.NameRelation, "subbert finetune"}, {tasks.NameProbing, "subbert probe"},
}

// unknownKey is the error for a key that the config of task does not have. It names the tasks that have the key, or the key
// of this task that says what it says elsewhere, or else the nearest one.
func unknownKey(name, key, task string) error {
	if others := owners(key); len(others) > 0 {
		return fmt.Errorf("%s: %s is a key of %s, and this config has the task %q", name, key, strings.Join(others, " and of "), task)
	}
	if ours := nativeOf(key, Keys(task)); ours != "" {
		return fmt.Errorf("%s: unknown key %s; use %s", name, key, ours)
	}
	best, distance := "", len(key)
	for _, known := range Keys(task) {
		if d := editDistance(key, known); d < distance {
			best, distance = known, d
		}
	}
	if best != "" && distance <= 1+len(key)/3 {
		return fmt.Errorf("%s: unknown key %s; did you mean %s?", name, key, best)
	}
	return fmt.Errorf("%s: unknown key %s; the keys are listed in docs/config.md", name, key)
}

// VerbOf is the verb of the config with that text, without subbert: as its task.name says, or else that which has most of its
// keys. It fails for a text that is not TOML.
func VerbOf(name string, text []byte) (string, error) {
	var tables map[string]any
	meta, err := boundedtoml.Decode(string(text), &tables)
	if err != nil {
		return "", Wrap(syntaxError(name, err))
	}
	task, _ := tables["task"].(map[string]any)
	best, most := "", -1
	for _, v := range verbs {
		_, verb, _ := strings.Cut(v.verb, " ")
		if task["name"] == v.task {
			return verb, nil
		}
		known, has := Keys(v.task), 0
		for _, key := range meta.Keys() {
			if slices.Contains(known, key.String()) {
				has++
			}
		}
		if has > most {
			best, most = verb, has
		}
	}
	return best, nil
}

// owners names the tasks whose configs have key, with their commands.
func owners(key string) []string {
	var found []string
	for _, v := range verbs {
		if slices.Contains(Keys(v.task), key) {
			found = append(found, fmt.Sprintf("the task %q (%s)", v.task, v.verb))
		}
	}
	return found
}

// Keys lists every key of the config of task, dotted, in the order of the tables.
func Keys(task string) []string {
	c := defaultOf(task)
	if c == nil {
		return nil
	}
	return keysOf("", reflect.TypeOf(c).Elem())
}

// keysOf lists the keys of the struct t, whose own key is prefix.
func keysOf(prefix string, t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case name == "-" || !f.IsExported():
			continue
		case f.Anonymous && name == "":
			keys = append(keys, keysOf(prefix, f.Type)...)
			continue
		}
		keys = append(keys, prefix+name)
		if table := tableType(f.Type); table != nil {
			keys = append(keys, keysOf(prefix+name+".", table)...)
		}
	}
	return keys
}

// tableType is the struct type of a key of type t, alone or in a list; nil if there is none, or if the type decodes its
// value itself.
func tableType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[toml.Unmarshaler]()) {
		return nil
	}
	return t
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
