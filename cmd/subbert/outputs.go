package main

import (
	"os"
	"path/filepath"
	"strings"
)

// outputFlag is the flag of verbs that write files.
type outputFlag struct {
	Force bool `help:"Replace existing files."`
}

// output returns the path to write to for a verb whose output is name. It refuses an existing file with exit code 2,
// unless --force or a sweep that retries a run replaces it; in a directory only the files that match pattern count.
// Pipes and devices are written to directly. The names "-" and /dev/stdout are standard output, even where that is a file
// that the shell made; the verb then prints to standard error.
func (f outputFlag) output(c *console, name, pattern string) (string, error) {
	if name == "-" || name == "/dev/stdout" {
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
	return "", misusef("%s already exists; --force replaces it", name)
}

// formOf returns the format asked for or, for auto, the one that the extension of name indicates: jsonl, pubtator, else
// tsv.
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
