package sweep

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/internal/boundedtoml"
)

// Kinds of placeholders.
const (
	kindOut    = "out"
	kindConfig = "config"
	kindIn     = "in"
	kindFile   = "file"
)

// placeholder is {kind} or {kind:what}.
type placeholder struct{ kind, what string }

func (p placeholder) String() string {
	if p.what == "" {
		return "{" + p.kind + "}"
	}
	return "{" + p.kind + ":" + p.what + "}"
}

// braces matches placeholders, known or not, and the escaped brace {{. It does not match braces of inline tables, {a
// = 1}, and of repetitions, x{2}.
var braces = regexp.MustCompile(`\{\{|\{([a-z]+)(?::([^{}]*))?\}`)

// FilePlaceholder is {file:path}. Braces of the path, and a quote that it begins with, stand in a quoted string of Go.
func FilePlaceholder(path string) string {
	if strings.ContainsAny(path, "{}") || strings.HasPrefix(path, `"`) {
		path = strings.NewReplacer("{", `\x7b`, "}", `\x7d`).Replace(strconv.Quote(path))
	}
	return "{" + kindFile + ":" + path + "}"
}

// expandText replaces the placeholders of s by the results of mean.
func expandText(s string, mean func(placeholder) (string, error)) (string, error) {
	var errs []error
	expanded := braces.ReplaceAllStringFunc(s, func(found string) string {
		if found == "{{" {
			return "{"
		}
		m := braces.FindStringSubmatch(found)
		p := placeholder{m[1], m[2]}
		if path, err := strconv.Unquote(p.what); err == nil && strings.HasPrefix(p.what, `"`) {
			p.what = path
		}
		if !slices.Contains([]string{kindOut, kindConfig, kindIn, kindFile}, p.kind) || (p.kind == kindOut || p.kind == kindConfig) && strings.Contains(found, ":") {
			errs = append(errs, fmt.Errorf("unknown placeholder %s, want {out}, {config}, {in:RUN} or {file:PATH}; {{ is a literal brace", found))
			return found
		}
		meaning, err := mean(p)
		errs = append(errs, err)
		return meaning
	})
	return expanded, errors.Join(errs...)
}

// expanded is a run with the placeholders replaced.
type expanded struct {
	args   []string // verb included
	config map[string]any
}

// expand replaces all placeholders of r by the results of mean. It reports every fault.
func (r Run) expand(mean func(placeholder) (string, error)) (expanded, error) {
	e := expanded{args: strings.Fields(r.Verb)}
	var errs []error
	text := func(s string) string {
		t, err := expandText(s, mean)
		errs = append(errs, err)
		return t
	}
	for _, a := range r.arguments() {
		e.args = append(e.args, text(a))
	}
	if r.Config != "" {
		if _, err := boundedtoml.Decode(r.Config, &e.config); err != nil {
			errs = append(errs, fmt.Errorf("config: %w", err))
		}
		eachString(e.config, text)
	}
	return e, errors.Join(errs...)
}

// arguments are Args, with {config} before them if the run has a config that they do not mention.
func (r Run) arguments() []string {
	if r.Config == "" || slices.ContainsFunc(r.Args, func(a string) bool { return strings.Contains(a, "{config}") }) {
		return r.Args
	}
	return append([]string{"{config}"}, r.Args...)
}

// eachString replaces every string value in v, a decoded TOML table or list, in place.
func eachString(v any, replace func(string) string) {
	one := func(v any) any {
		if s, ok := v.(string); ok {
			return replace(s)
		}
		eachString(v, replace)
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = one(v[k])
		}
	case []any:
		for i := range v {
			v[i] = one(v[i])
		}
	case []map[string]any:
		for i := range v {
			eachString(v[i], replace)
		}
	}
}

// encode writes a table as TOML, its keys sorted.
func encode(table map[string]any) ([]byte, error) {
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.Indent = ""
	err := e.Encode(table)
	return b.Bytes(), err
}
