package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the pages that are generated")

// TestVerbReference checks docs/verbs.md against the program; -update writes it again.
func TestVerbReference(t *testing.T) {
	const page = "../../docs/verbs.md"
	got := verbReference()
	if *update {
		if err := os.WriteFile(page, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not what the program says; go test ./cmd/subbert -run VerbReference -update (-page +program):\n%s", page, diff)
	}
}

// verbReference returns the page of all verbs: what each does, its arguments and its flags.
func verbReference() []byte {
	var c cli
	root := newParser(&c).Model
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Verbs\n\nThis page is generated from the program; `subbert VERB --help` prints the same. %s\n\n## Flags of every verb\n\n", strings.ReplaceAll(description, "\n\n", " "))
	writeFlags(&b, root.Node)
	for _, leaf := range root.Leaves(true) {
		writeVerb(&b, leaf)
	}
	return b.Bytes()
}

// writeVerb writes the section of a verb.
func writeVerb(b *bytes.Buffer, verb *kong.Node) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n```\n%s\n```\n", verb.Path(), verb.Help, verb.Summary())
	if verb.Detail != "" {
		fmt.Fprintf(b, "\n%s\n", verb.Detail)
	}
	if len(verb.Positional)+len(verb.Flags) == 0 {
		return
	}
	fmt.Fprintln(b)
	for _, p := range verb.Positional {
		fmt.Fprintf(b, "- `%s`: %s\n", p.Summary(), p.Help)
	}
	writeFlags(b, verb)
}

// writeFlags writes the flags of a node, without those that every verb has.
func writeFlags(b *bytes.Buffer, node *kong.Node) {
	for _, f := range node.Flags {
		if f.Name == "help" || f.Hidden {
			continue
		}
		help := f.Help
		if f.HasDefault && f.Default != "" {
			help += fmt.Sprintf(" Default: `%s`.", f.Default)
		}
		fmt.Fprintf(b, "- `%s`: %s\n", f, help)
	}
}
