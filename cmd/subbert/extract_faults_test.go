package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/subbert/subbert/data/madeup"
)

// TestExtractFaults: extract reports broken input in one line with the file and the record, goes on with the rest and
// counts it in its summary; with --strict it fails with the same line.
func TestExtractFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: extracts many times")
	}
	dir, _ := annotatedTexts(t, 3)
	put := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	good := []byte("2|t|Zalor spoils brim.\n2|a|\n2\t0\t5\tZalor\tChemical\tD1\n2\t13\t17\tbrim\tChemical\tD3\n\n")
	archive := func(broken int) []byte { return packed(t, archived(t, broken)) }
	put("first.tar.gz", archive(0))
	put("middle.tar.gz", archive(1))
	put("last.tar.gz", archive(2))
	put("cut.tar.gz", archive(-1)[:len(archive(-1))*2/3])
	put("cut.xml.gz", packed(t, bioCXML(t, 0, 20))[:500])
	put("empty.pubtator", append([]byte("1|t|\n1|a|\n\n"), good...))
	put("outside.pubtator", append([]byte("1|t|Zalor.\n1|a|\n1\t50\t55\tZalor\tChemical\tD1\n\n"), good...))
	put("passage.xml", []byte(`<collection><source>x</source><document><id>1</id><passage><offset>0</offset><text>Zalor spoils brim.</text>`+
		`<annotation id="1"><infon key="identifier">D1</infon><infon key="type">Chemical</infon><location offset="15" length="9"/><text>Zalor</text></annotation></passage></document></collection>`))
	put("crowded.pubtator", append(manyMentions(100_000), good...))
	for _, test := range []struct{ file, warned, counted string }{
		{"first.tar.gz", `first.tar.gz: 0.xml: `, `^4 documents.*skipped: 1 broken files or members, 0 documents, 0 annotations`},
		{"middle.tar.gz", `middle.tar.gz: 1.xml: `, `^4 documents.*skipped: 1 broken files or members, 0 documents, 0 annotations`},
		{"last.tar.gz", `last.tar.gz: 2.xml: `, `^4 documents.*skipped: 1 broken files or members, 0 documents, 0 annotations`},
		{"cut.tar.gz", `cut.tar.gz: .*(unexpected EOF|truncated)`, `skipped: 1 broken files or members, 0 documents, 0 annotations`},
		{"cut.xml.gz", `cut.xml.gz: .*truncated`, `skipped: 1 broken files or members, 0 documents, 0 annotations`},
		{"empty.pubtator", `empty.pubtator: document 1: no text`, `^1 documents of 1 files, 1 pairs.*skipped: 0 broken files or members, 1 documents, 0 annotations`},
		{"outside.pubtator", `outside.pubtator: line 3: `, `^2 documents of 1 files, 1 pairs.*skipped: 0 broken files or members, 0 documents, 1 annotations`},
		{"passage.xml", `passage.xml: document 1 at line 1 .*: annotation 1: `, `^1 documents of 1 files, 0 pairs.*skipped: 0 broken files or members, 0 documents, 1 annotations`},
		{"crowded.pubtator", `crowded.pubtator: document 1: a sentence with 100000 mentions has more than `, `^2 documents of 1 files.*bounded: 1 sentences have more pairs than are taken`},
	} {
		t.Run(test.file, func(t *testing.T) {
			args := []string{"extract", "run/model", test.file, "--negatives", "--out", test.file + ".tsv"}
			run := child(dir, args...)
			finish(t, run, 0)
			warnings := regexp.MustCompile(`(?m)^.*level=WARN.*$`).FindAllString(fmt.Sprint(run.Stderr), -1)
			told := 0
			for _, line := range warnings {
				if regexp.MustCompile(test.warned).MatchString(line) {
					told++
				}
			}
			if told != 1 {
				t.Errorf("%d lines match %q, want 1: %q", told, test.warned, warnings)
			}
			if out := strings.ReplaceAll(fmt.Sprint(run.Stdout), "\n", " "); !regexp.MustCompile(strings.Replace(test.counted, "^", `(^|\D)`, 1)).MatchString(out) {
				t.Errorf("summary %q, want %q", out, test.counted)
			}
			strict := child(dir, append(args, "--strict", "--force")...)
			finish(t, strict, 1)
			if said := fmt.Sprint(strict.Stderr); !regexp.MustCompile(`(?m)^error: .*` + test.warned).MatchString(said) {
				t.Errorf("--strict says %q, want %q", said, test.warned)
			}
		})
	}
}

func bioCXML(t *testing.T, first, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := madeup.WriteBioC(&b, madeup.Annotated(1, first, n)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// archived returns an archive of three members of two documents each, one of which is cut off before its first document.
func archived(t *testing.T, broken int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range 3 {
		content := bioCXML(t, 2*i, 2)
		if i == broken {
			content = content[:200]
		}
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprint(i, ".xml"), Size: int64(len(content)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
