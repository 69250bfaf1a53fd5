package mesh

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// record writes a descriptor: UI, name, tree numbers, entry terms.
func record(ui, name string, trees string, terms ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<DescriptorRecord DescriptorClass=\"1\"><DescriptorUI>%s</DescriptorUI><DescriptorName><String>%s</String></DescriptorName>\n"+
		"<SeeRelatedList><SeeRelatedDescriptor><DescriptorReferredTo><DescriptorUI>D999999</DescriptorUI><DescriptorName><String>Other</String>"+
		"</DescriptorName></DescriptorReferredTo></SeeRelatedDescriptor></SeeRelatedList><TreeNumberList>", ui, name)
	for _, tree := range strings.Fields(trees) {
		fmt.Fprintf(&b, "<TreeNumber>%s</TreeNumber>", tree)
	}
	fmt.Fprintf(&b, "</TreeNumberList><ConceptList><Concept PreferredConceptYN=\"Y\"><ConceptName><String>%s</String></ConceptName><TermList>", name)
	for _, term := range append([]string{name}, terms...) {
		fmt.Fprintf(&b, "<Term IsPermutedTermYN=\"N\"><TermUI>T1</TermUI><String>%s</String></Term>", term)
	}
	b.WriteString("</TermList></Concept></ConceptList></DescriptorRecord>\n")
	return b.String()
}

func file(records string) string {
	return "<?xml version=\"1.0\"?>\n<!DOCTYPE DescriptorRecordSet SYSTEM \"https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset_20250101.dtd\">\n" +
		"<DescriptorRecordSet LanguageCode=\"eng\">\n" + records + "</DescriptorRecordSet>\n"
}

var sample = file(record("D000001", "Foo Proteins", "D12.776", "Proteins, Foo", "Foo-Protein", "Bar") +
	record("D000002", "Kinase", "D12.776.100 X01.5") + record("D000003", "Bar", "D12.776.100.7") +
	record("D000004", "Next to it", "D12.7761") + record("D000005", "Therapies &amp; Boxes", "X01 D12") + record("D000006", "Nowhere", ""))

func read(t *testing.T) *Vocabulary {
	t.Helper()
	v, err := Read(strings.NewReader(sample), "desc2026.xml")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRead(t *testing.T) {
	v := read(t)
	got, ok := v.Descriptor("D000001")
	want := &Descriptor{UI: "D000001", Class: "1", Name: "Foo Proteins", Terms: []string{"Foo Proteins", "Proteins, Foo", "Foo-Protein", "Bar"}, TreeNumbers: []string{"D12.776"}}
	if diff := cmp.Diff(want, got); diff != "" || !ok || v.Len() != 6 {
		t.Errorf("%d descriptors; -want +got:\n%s", v.Len(), diff)
	}
	if _, ok := v.Descriptor("D999999"); ok {
		t.Error("a related descriptor is taken for one of the file")
	}
}

func TestFind(t *testing.T) {
	v := read(t)
	for _, test := range []struct{ words, want string }{
		{"foo proteins", "D000001"}, {"FOO   Protein", "D000001"}, {"foo-proteins", "D000001"}, {"proteins foo", "D000001"},
		{"kinase", "D000002"}, {"kinases", "D000002"}, {"bar", "D000003 D000001"}, {"therapy & box", ""}, {"therapies & box", "D000005"},
		{"unknown", ""}, {"", ""}, {"foo", ""},
	} {
		var got []string
		for _, d := range v.Find(test.words) {
			got = append(got, d.UI)
		}
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%q: -want +got:\n%s", test.words, diff)
		}
	}
}

func TestExplode(t *testing.T) {
	v := read(t)
	for _, test := range []struct{ ui, want string }{
		{"D000001", "D000001 D000002 D000003"}, {"D000002", "D000002 D000003"}, {"D000003", "D000003"}, {"D000004", "D000004"},
		{"D000005", "D000001 D000002 D000003 D000004 D000005"}, {"D000006", "D000006"}, {"D000007", ""},
	} {
		if diff := cmp.Diff(test.want, strings.Join(v.Explode(test.ui), " ")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", test.ui, diff)
		}
	}
}

func TestYear(t *testing.T) {
	for _, test := range []struct {
		name, file string
		want       int
		warns      string
	}{
		{"the same", "desc2026.xml", 2026, ""},
		{"not asked", "desc2026.xml", 0, ""},
		{"another", "desc2024.xml", 2026, "years of the MeSH file and the citations differ"},
		{"of the document type", "headings.xml", 2025, ""},
		{"of the document type, another", "headings.xml", 2026, "year=2025"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.file)
			if err := os.WriteFile(path, []byte(sample), 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			if _, err := Open(t.Context(), path, test.want, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(log.String(), test.warns) || test.warns == "" && log.Len() > 0 {
				t.Errorf("got log %q, want %q", &log, test.warns)
			}
		})
	}
	v, err := Read(strings.NewReader("<DescriptorRecordSet>"+record("D1", "A", "")+"</DescriptorRecordSet>"), "x")
	if err != nil || v.Year() != 0 {
		t.Errorf("year %d, error %v", v.Year(), err)
	}
}

func TestFaults(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"another root", "<QualifierRecordSet/>", "d.xml: the root element is <QualifierRecordSet>, want <DescriptorRecordSet>"},
		{"empty", file(""), "no descriptors"},
		{"cut off", sample[:len(sample)-40], "the file is truncated"},
		{"broken", file(strings.Replace(record("D1", "A", "D1"), "</TreeNumberList>", "", 1)), "want </TreeNumberList>"},
		{"twice", file(record("D1", "A", "") + record("D1", "B", "")), "descriptor D1 occurs twice: A and B"},
		{"no name", file("<DescriptorRecord><DescriptorUI>D1</DescriptorUI></DescriptorRecord>"), `line 4: descriptor "D1" ("") has no UI or no name`},
		{"another record", file("<SupplementalRecord/>"), "<SupplementalRecord>, want <DescriptorRecord>"},
		{"bomb", `<!DOCTYPE x [<!ENTITY a "b">]><DescriptorRecordSet/>`, "its own definitions"},
	} {
		if _, err := Read(strings.NewReader(test.in), "d.xml"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", test.name, err, test.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(file(record("D1", "A", "D1"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Read(bytes.NewReader(data), "fuzz")
		if err != nil {
			return
		}
		for i := range v.list {
			if d := &v.list[i]; len(v.Explode(d.UI)) == 0 || len(v.Find(d.Name)) == 0 {
				t.Errorf("%s (%q) is not found", d.UI, d.Name)
			}
		}
	})
}
