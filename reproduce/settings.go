package reproduce

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// merged merges tables: a later table overrides the keys of an earlier one.
func merged(tables ...map[string]any) map[string]any {
	out := map[string]any{}
	for _, t := range tables {
		for k, v := range t {
			above, isTable := v.(map[string]any)
			below, wasTable := out[k].(map[string]any)
			switch {
			case isTable && wasTable:
				out[k] = merged(below, above)
			case isTable:
				out[k] = merged(above)
			default:
				out[k] = v
			}
		}
	}
	return out
}

// nested returns {a: {b: value}} for the key "a.b".
func nested(key string, value any) map[string]any {
	first, rest, deeper := strings.Cut(key, ".")
	if deeper {
		value = nested(rest, value)
	}
	return map[string]any{first: value}
}

// encoded returns a table as TOML.
func encoded(table map[string]any) (string, error) {
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.Indent = ""
	if err := e.Encode(table); err != nil {
		return "", err
	}
	return b.String(), nil
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// variant returns a suffix for the names of a row's runs, from its settings: "+pooling-attention". It is empty if there
// are none.
func variant(table map[string]any) string {
	out := ""
	for _, k := range slices.Sorted(maps.Keys(table)) {
		if inner, ok := table[k].(map[string]any); ok {
			out += variant(inner)
			continue
		}
		out += "+" + notInNames.ReplaceAllString(fmt.Sprintf("%s-%v", k, table[k]), "_")
	}
	return out
}
