package configs

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/internal/boundedtoml"
)

// decodeEach decodes text over c and leaves out the values that their keys cannot have: the faults name them. It fails for
// a text that is not TOML.
func decodeEach(name, text string, c config) (meta toml.MetaData, faults []error, err error) {
	if _, err := boundedtoml.Decode(text, &map[string]any{}); err != nil {
		return meta, nil, syntaxError(name, err)
	}
	lines := strings.SplitAfter(text, "\n")
	for {
		meta, err = boundedtoml.Decode(strings.Join(lines, ""), c)
		if err == nil {
			return meta, faults, nil
		}
		line, fault := typeFault(name, err)
		if line < 1 || line > len(lines) || strings.TrimSpace(lines[line-1]) == "" {
			return meta, nil, errors.Join(append(faults, fault)...)
		}
		faults = append(faults, fault)
		lines[line-1] = "\n" // the line numbers of the others stay
		if _, err := boundedtoml.Decode(strings.Join(lines, ""), &map[string]any{}); err != nil {
			return meta, nil, errors.Join(faults...) // the value continues on the next line
		}
	}
}

// mistyped is how the library says that a value is of another type than its key's.
var mistyped = regexp.MustCompile(`^toml: line (\d+) \(last key "(.*)"\): (?:incompatible types: TOML value has type (\S+); destination has type (\S+))?`)

// typeFault is the line of a value that its key cannot have, and the error that says so; line 0 if it is not known.
func typeFault(name string, err error) (line int, fault error) {
	var at toml.ParseError
	if errors.As(err, &at) {
		return at.Position.Line, fmt.Errorf("%s: line %d: %s: %s", name, at.Position.Line, at.LastKey, strings.TrimPrefix(at.Message, "toml: "))
	}
	found := mistyped.FindStringSubmatch(err.Error())
	if found == nil {
		return 0, syntaxError(name, err)
	}
	line, _ = strconv.Atoi(found[1]) // digits
	if found[4] == "" {
		return line, fmt.Errorf("%s: line %d: %s: %s", name, line, found[2], strings.TrimPrefix(err.Error(), found[0]))
	}
	return line, fmt.Errorf("%s: line %d: %s: want %s, got %s", name, line, found[2], kind(found[4]), kind(found[3]))
}

// kind is a type for a person.
func kind(name string) string {
	for _, k := range []struct{ prefix, kind string }{
		{"int", "an integer"}, {"uint", "an integer of at least 0"}, {"float", "a number"}, {"bool", "true or false"}, {"string", "a string"},
		{"[]", "a list"}, {"slice", "a list"}, {"Array", "a list"}, {"map", "a table"}, {"struct", "a table"}, {"Hash", "a table"}, {"table", "a table"},
	} {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(k.prefix)) {
			return k.kind
		}
	}
	return name
}
