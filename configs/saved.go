package configs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/subbert/subbert/internal/boundedtoml"
)

// SavedPretraining reads the config.toml of a pre-training run at path. It ignores keys of other tasks, because
// earlier versions of this program wrote the keys of every task.
func SavedPretraining(path string) (Pretraining, error) {
	c := DefaultPretraining()
	return c, readSaved(path, &c)
}

// SavedRelation is SavedPretraining for a fine-tuning run.
func SavedRelation(path string) (Relation, error) {
	c := DefaultRelation()
	return c, readSaved(path, &c)
}

func readSaved(path string, c config) error {
	text, err := boundedtoml.Read(path)
	if err != nil {
		return err
	}
	meta, err := boundedtoml.Decode(string(text), c)
	if err != nil {
		return syntaxError(path, err)
	}
	for _, key := range meta.Undecoded() {
		if len(owners(key.String())) == 0 {
			return unknownKey(path, key.String(), c.task())
		}
	}
	if err := c.Validate(); err != nil {
		return prefixed(path, err)
	}
	return nil
}

// Changes compares c with the config.toml at path with which the run was started. Of the keys that determine what is
// learned, it lists those that differ, with both values.
func (c Pretraining) Changes(path string) ([]string, error) { return changes(&c, path) }

// Changes is Pretraining.Changes for this config.
func (c Relation) Changes(path string) ([]string, error) { return changes(&c, path) }

// Changes is Pretraining.Changes for this config.
func (c Probing) Changes(path string) ([]string, error) { return changes(&c, path) }

func changes(c config, path string) ([]string, error) {
	before := defaultOf(c.task())
	if err := readSaved(path, before); err != nil {
		return nil, err
	}
	now, err := learned(c)
	if err != nil {
		return nil, err
	}
	then, err := learned(before)
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if was, is := fmt.Sprint(then[key]), fmt.Sprint(now[key]); was != is {
			changed = append(changed, fmt.Sprintf("%s = %s (now %s)", key, was, is))
		}
	}
	return changed, nil
}

// learned flattens the tables that determine what is learned. The size of microbatches is left out, as it only affects
// rounding.
func learned(c config) (map[string]any, error) {
	text, err := text(c)
	if err != nil {
		return nil, err
	}
	var tables map[string]any
	if _, err := boundedtoml.Decode(string(text), &tables); err != nil {
		return nil, err
	}
	flat := map[string]any{}
	if run, ok := tables["run"].(map[string]any); ok {
		flat["run.seed"] = run["seed"]
	}
	for _, table := range []string{"model", "data", "task", "optimizer", "schedule"} {
		values, _ := tables[table].(map[string]any)
		for key, value := range values {
			flat[table+"."+key] = value
		}
	}
	delete(flat, "task.micro_batch")
	return flat, nil
}
