package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Keys returns the key of every run, by its name: 32 hexadecimal digits that identify the computation of
// the run.
//
// It depends on the verb, the arguments and the config, with the keys of other runs and the digests of files in place
// of placeholders; on the digests of Inputs and the keys of Needs; and on version, which stands for everything about
// the program that changes results. It does not depend on the name, on locations of files, on the forecast, or on
// comments and layout of the config. digest hashes the content of a file or directory.
func (g Graph) Keys(digest func(path string) (string, error), version string) (map[string]string, error) {
	order, err := g.Order()
	if err != nil {
		return nil, err
	}
	keys := make(map[string]string)
	var errs []error
	for _, r := range order {
		key, err := g.key(r, keys, digest, version)
		if err != nil {
			errs = append(errs, fmt.Errorf("run %s: %w", r.Name, err))
		}
		keys[r.Name] = key // empty if it failed; dependent keys are computed to report their own faults
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return keys, nil
}

// key is the key of r, keys being those of the runs it needs.
func (g Graph) key(r Run, keys map[string]string, digest func(string) (string, error), version string) (string, error) {
	e, err := r.expand(func(p placeholder) (string, error) {
		// The meaning of a placeholder is enclosed in NULs, which no argument contains, so that it cannot equal plain text.
		switch p.kind {
		case kindIn:
			name, sub := g.resolve(p.what)
			return "\x00in:" + keys[name] + "/" + sub + "\x00", nil
		case kindFile:
			sum, err := digest(p.what)
			return "\x00file:" + sum + "\x00", err
		}
		return "\x00" + p.kind + "\x00", nil
	})
	errs := []error{err}
	var inputs, needs []string
	for _, path := range r.Inputs {
		sum, err := digest(path)
		errs = append(errs, err)
		inputs = append(inputs, sum)
	}
	for _, n := range g.NeedsOf(r) {
		needs = append(needs, keys[n])
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	slices.Sort(inputs)
	slices.Sort(needs)
	return address(version, e.args, e.config, slices.Compact(inputs), slices.Compact(needs))
}

// address is a hash of parts.
func address(parts ...any) (string, error) {
	text, err := json.Marshal(parts) // tables get their keys sorted
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// isKey reports whether s has the form of a key.
func isKey(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
