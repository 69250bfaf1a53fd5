// Package boundedtoml decodes TOML whose size and nesting are bounded, so that a small file cannot take much memory or time.
package boundedtoml

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
)

// The bounds: of a text, of the brackets within brackets, and of the parts of a dotted key.
const (
	MaxBytes = 1 << 20
	MaxDepth = 32
)

// Read reads the text of the file at path, which may be a pipe, of at most MaxBytes.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	text, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err == nil && len(text) > MaxBytes {
		err = fmt.Errorf("%s: more than %d bytes of TOML", path, MaxBytes)
	}
	return text, err
}

// Decode decodes text into to, as toml.Decode does. It fails on a text that is larger or nested deeper than the bounds.
func Decode(text string, to any) (toml.MetaData, error) {
	if err := check(text); err != nil {
		return toml.MetaData{}, err
	}
	return toml.Decode(text, to)
}

// check says where text goes beyond the bounds.
func check(text string) error {
	if len(text) > MaxBytes {
		return fmt.Errorf("%d bytes of TOML, want at most %d", len(text), MaxBytes)
	}
	depth, dots := 0, 0
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case '"', '\'':
			i += quoted(text[i:])
			continue
		case '#':
			i += endOfLine(text[i:])
			continue
		case '[', '{':
			depth, dots = depth+1, 0
		case ']', '}':
			depth, dots = max(0, depth-1), 0
		case '.':
			dots++
		case '=', ',', '\n':
			dots = 0
		}
		if depth > MaxDepth || dots >= MaxDepth {
			return fmt.Errorf("line %d: nested more than %d deep", 1+strings.Count(text[:i], "\n"), MaxDepth)
		}
		i++
	}
	return nil
}

// quoted is the length of the string that s begins with, up to what ends it or, where nothing does, to the end of s or of the
// line: the decoder refuses that.
func quoted(s string) int {
	quote, escapes := s[:1], s[0] == '"'
	three := strings.Repeat(quote, 3)
	long := strings.HasPrefix(s, three)
	i := 1
	if long {
		i = 3
	}
	for i < len(s) {
		switch {
		case escapes && s[i] == '\\':
			i += 2
		case long && strings.HasPrefix(s[i:], three):
			run := len(s[i:]) - len(strings.TrimLeft(s[i:], quote))
			return i + min(run, 5) // two more may end the string
		case !long && s[i:i+1] == quote:
			return i + 1
		case !long && s[i] == '\n':
			return i
		default:
			i++
		}
	}
	return len(s)
}

func endOfLine(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// Unknown returns an error for each key that was not decoded, in the words of say, and at most 20: more are counted.
func Unknown(meta toml.MetaData, say func(key toml.Key) error) error {
	const most = 20
	var errs []error
	more := 0
	for _, key := range meta.Undecoded() {
		if len(errs) >= most {
			more++
			continue
		}
		if err := say(key); err != nil {
			errs = append(errs, err)
		}
	}
	if more > 0 {
		errs = append(errs, fmt.Errorf("and %d more unknown keys", more))
	}
	return errors.Join(errs...)
}
