package main

import (
	"os"
	"path/filepath"
	"strings"
)

// outputFlag is the flag of verbs that write files.
type outputFlag struct {
	Force bool `help:"Replace what is there."`
}

// output returns where a verb that is told to write to name writes. What is there is refused with exit code 2, unless --force or
// a sweep that tries a run again replaces it; of a directory the files that match pattern count. Pipes and devices are written to as they are.
// The name "-" is standard output; what the verb prints goes to standard error then.
func (f outputFlag) output(c *console, name, pattern string) (string, error) {
	if name == "-" {
		c.out = c.err
		return "/dev/stdout", nil
	}
	info, err := os.Stat(name)
	if f.Force || c.again || err != nil {
		return name, nil
	}
	if info.IsDir() {
		inside, _ := filepath.Glob(filepath.Join(name, pattern)) // the pattern is well formed
		if pattern == "" || len(inside) == 0 {
			return name, nil
		}
		name = inside[0]
	} else if !info.Mode().IsRegular() {
		return name, nil
	}
	return "", misusef("%s is there already; --force replaces it", name)
}

// formOf returns the form that is asked for, or for auto the one that the ending of name says: jsonl, pubtator, else tsv.
func formOf(asked, name string) string {
	if asked != "auto" {
		return asked
	}
	switch ending := strings.TrimPrefix(filepath.Ext(name), "."); ending {
	case "jsonl", "pubtator":
		return ending
	}
	return "tsv"
}
