package relations

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/subbert/subbert/data/text"
)

// TestHostileBioC checks that a file is an error, with the place of the fault, if a part of it would be lost or misread.
func TestHostileBioC(t *testing.T) {
	const one = `<collection><document><id>1</id><passage><offset>0</offset><text>Aspirin inhibits warfarin.</text>` +
		`<annotation id="T1"><infon key="type">Chemical</infon><location offset="0" length="7"/><text>Aspirin</text></annotation>` +
		`<annotation id="T2"><infon key="type">Chemical</infon><location offset="17" length="8"/><text>warfarin</text></annotation></passage></document></collection>`
	for _, test := range []struct{ name, text, want string }{
		{"one collection", one, ""},
		{"two collections", one + one, "<collection> after the end of the root element"},
		{"text after the root", one + "more", "text outside the root element"},
		{"an offset of 2^32", strings.Replace(one, "<offset>0<", "<offset>4294967296<", 1), "want a number below 2^31"},
		{"an offset that wraps around", strings.Replace(one, "<offset>0<", "<offset>18446744073709551615<", 1), "want a number below 2^31"},
		{"a length that wraps around", strings.Replace(one, `length="8"`, `length="9223372036854775807"`, 1), "want numbers"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := Options{Sentences: func(s string) []text.Span { return []text.Span{{Start: 0, End: len(s)}} }}
			var told []string
			o.Warn = func(line string) { told = append(told, line) }
			var got []string
			for _, err := range Read("bioc", filepath.Join(folder(t, map[string]string{"a.xml": test.text}), "a.xml"), o) {
				if err != nil {
					got = append(got, err.Error())
				}
			}
			all := strings.Join(append(got, told...), "\n")
			if test.want == "" && len(got) > 0 || !strings.Contains(all, test.want) {
				t.Errorf("%q, told %q; want %q", got, told, test.want)
			}
		})
	}
}

// TestZipBomb checks that a zip of about ten kilobytes with a member larger than any corpus is an error.
func TestZipBomb(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ddi.zip")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(f)
	member, err := archive.Create("DDICorpus/Train/DrugBank/a.xml")
	if err != nil {
		t.Fatal(err)
	}
	blanks := bytes.Repeat([]byte(" "), 1<<20)
	for range maxXML>>20 + 1 {
		if _, err := member.Write(blanks); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, err := range Read("ddi2013", name, Options{}) {
		if err == nil || !strings.Contains(err.Error(), "a.xml: more than 32 MiB of XML") {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Error("nothing was said")
}
