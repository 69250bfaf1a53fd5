package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/regularfile"
)

// maxBytes is the size of the largest result that is read. One of 10,000 runs has less than 20 MB.
const maxBytes = 64 << 20

// Result is the result.json of any task. At most one of the pointers is set: the one that Task names, or, without Task,
// the one that the keys indicate.
type Result struct {
	Header
	Pretraining *Pretraining
	Relation    *Relation
	Probing     *Probing
	Attention   *Attention
	Unknown     []string // keys that the task's type does not have, in order
}

// Header holds the keys that results of every task have. Every key may be missing.
type Header struct {
	Task    string  `json:"task"`
	Seed    uint32  `json:"seed"`
	Steps   int     `json:"steps"`
	Seconds float64 `json:"seconds"`
	Backend string  `json:"backend"`
	Model   string  `json:"model"`
	Provenance
}

// Read reads result.json of the run directory dir. The error wraps fs.ErrNotExist if there is none. Errors name file
// and line.
func Read(dir string) (*Result, error) {
	path := filepath.Join(dir, File)
	text, err := regularfile.Read(path, maxBytes)
	if err != nil {
		return nil, err
	}
	r, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Parse parses the text of a result.json. Errors name the line.
func Parse(text []byte) (*Result, error) {
	r := &Result{}
	if err := decode(text, &r.Header); err != nil {
		return nil, err
	}
	task := r.Task
	if task == "" {
		task = taskOf(text)
	}
	var of any = &r.Header
	switch task {
	case TaskPretraining:
		r.Pretraining = &Pretraining{}
		of = r.Pretraining
	case TaskRelation:
		r.Relation = &Relation{}
		of = r.Relation
	case TaskProbing:
		r.Probing = &Probing{}
		of = r.Probing
	case TaskAttention:
		r.Attention = &Attention{}
		of = r.Attention
	}
	if err := decode(text, of); err != nil {
		return nil, err
	}
	var err error
	if r.Unknown, err = unknownKeys(text, reflect.TypeOf(of).Elem()); err != nil {
		return nil, err
	}
	return r, r.check()
}

// taskOf returns the task of a result.json without "task", by its keys; empty if they do not tell.
func taskOf(text []byte) string {
	var keys map[string]json.RawMessage
	if json.Unmarshal(text, &keys) != nil {
		return ""
	}
	for _, known := range []struct{ key, task string }{
		{"probe", TaskProbing}, {"attention", TaskAttention}, {"confusion", TaskRelation}, {"micro", TaskRelation}, {"seeds", TaskRelation},
		{"baseline", TaskRelation}, {"heldout", TaskPretraining}, {"final", TaskPretraining},
	} {
		if keys[known.key] != nil {
			return known.task
		}
	}
	return ""
}

// check checks that the parts of r fit each other.
func (r *Result) check() error {
	switch {
	case r.Relation != nil:
		return r.Relation.check()
	case r.Probing != nil:
		return r.Probing.Probe.check()
	}
	return nil
}

// check checks that the confusion matrix fits the labels. It adds the negative label to labels that lack it.
func (r *Relation) check() error {
	if len(r.Confusion) == 0 {
		return nil
	}
	if len(r.Confusion) == len(r.Labels)+1 && r.Negative != "" && !slices.Contains(r.Labels, r.Negative) {
		r.Labels = append(slices.Clone(r.Labels), r.Negative)
	}
	if len(r.Confusion) != len(r.Labels) {
		return fmt.Errorf("confusion has %d rows for %d labels", len(r.Confusion), len(r.Labels))
	}
	for i, row := range r.Confusion {
		if len(row) != len(r.Labels) {
			return fmt.Errorf("confusion: row %d has %d columns, want %d", i+1, len(row), len(r.Labels))
		}
	}
	return nil
}

// Decode reads the JSON file at path into v. Errors name file and line.
func Decode(path string, v any) error {
	text, err := regularfile.Read(path, maxBytes)
	if err != nil {
		return err
	}
	if err := decode(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func decode(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("line %d: %w", errorLine(text, err), PlainJSON(err))
	}
	return nil
}

// PlainJSON rewords an error of encoding/json without Go's types.
func PlainJSON(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		field := kind.Field
		if field == "" {
			field = "the value"
		}
		return fmt.Errorf("%s has the wrong type: %s", field, kind.Value)
	}
	return fmt.Errorf("not JSON: %w", err)
}

// unknownKeys lists the keys of text that the struct type t does not have.
func unknownKeys(text []byte, t reflect.Type) ([]string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, PlainJSON(err)
	}
	known := keysOf(t)
	var unknown []string
	for key := range raw {
		if !slices.Contains(known, key) {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	return unknown, nil
}

// keysOf lists the JSON keys of the struct type t, including those of embedded structs.
func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name != "" && name != "-":
			keys = append(keys, name)
		case f.Anonymous:
			keys = append(keys, keysOf(f.Type)...)
		}
	}
	return keys
}

// errorLine returns the line of text that err refers to.
func errorLine(text []byte, err error) int {
	offset := int64(len(text))
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	} else if errors.As(err, &kind) {
		offset = kind.Offset
	}
	return 1 + bytes.Count(text[:min(offset, int64(len(text)))], []byte("\n"))
}
