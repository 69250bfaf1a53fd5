package bioc

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/text"
)

const head = "<?xml version='1.0' encoding='UTF-8'?>\n<!DOCTYPE collection SYSTEM 'BioC.dtd'>\n<collection><source>Made up</source>" +
	"<date>20260101</date><key>made-up.key</key><infon key=\"licence\">none</infon>\n"

const sample = `<document><id>12</id><infon key="year">2020</infon>
<passage><infon key="type">title</infon><offset>0</offset><text>The αB  gene.</text>
 <annotation id="T1"><infon key="type">Gene</infon><infon key="identifier">7</infon><location offset="4" length="2"/><text>αB</text></annotation></passage>
<passage><infon key="type">abstract</infon><offset>14</offset>
 <sentence><offset>14</offset><text>Left &amp; right lung.</text>
  <annotation id="T2"><infon key="type">Organ</infon><location offset="14" length="4"/><location offset="27" length="4"/><text>Left lung</text></annotation></sentence>
 <sentence><offset>33</offset><text>Second.</text></sentence></passage>
<relation id="R1"><infon key="type">in</infon><node refid="T1" role="what"/><node refid="T2" role="where"/></relation>
</document>
`

func read(t *testing.T, xml string, o Options) (list []*Document, faults []string, err error) {
	t.Helper()
	o.Fault = func(f Fault) { faults = append(faults, f.Error()) }
	for d, err := range NewReader(strings.NewReader(xml), "f.xml", o).Documents() {
		if err != nil {
			return list, faults, err
		}
		list = append(list, d)
	}
	return list, faults, nil
}

func TestDocument(t *testing.T) {
	r := NewReader(strings.NewReader(head+sample+"</collection>"), "f.xml", Options{Strict: true})
	var got []*Document
	for d, err := range r.Documents() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d)
	}
	want := []*Document{{
		ID: "12", Infons: Infons{"year": "2020"},
		Passages: []Passage{
			{Infons: Infons{"type": "title"}, Text: "The αB  gene.", Annotations: []Annotation{
				{ID: "T1", Infons: Infons{"type": "Gene", "identifier": "7"}, Text: "αB", Spans: []text.Span{{Start: 4, End: 7}}},
			}},
			{Infons: Infons{"type": "abstract"}, Offset: 14, Text: "Left & right lung. Second.", Sentences: []text.Span{{End: 18}, {Start: 19, End: 26}}, Offsets: []int{14, 33},
				Annotations: []Annotation{
					{ID: "T2", Infons: Infons{"type": "Organ"}, Text: "Left lung", Spans: []text.Span{{End: 4}, {Start: 13, End: 17}}},
				}},
		},
		Relations: []Relation{{ID: "R1", Infons: Infons{"type": "in"}, Nodes: []Node{{"T1", "what"}, {"T2", "where"}}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	collection := Collection{Source: "Made up", Date: "20260101", Key: "made-up.key", Infons: Infons{"licence": "none"}}
	if diff := cmp.Diff(collection, r.Collection()); diff != "" {
		t.Errorf("collection: -want +got:\n%s", diff)
	}
	document := corpus.Document{ID: "12", Title: "The αB  gene.", Sections: []corpus.Section{{Part: corpus.Abstract, Text: "Left & right lung. Second."}}}
	if diff := cmp.Diff(document, got[0].Document()); diff != "" {
		t.Errorf("document: -want +got:\n%s", diff)
	}
}

// TestSentences has sentences with annotations of their own, and annotations of the passage that lie in them.
func TestSentences(t *testing.T) {
	list, faults, err := read(t, head+`<document><id>1</id><passage><offset>10</offset>
<annotation id="P1"><infon key="type">Gene</infon><location offset="16" length="3"/><text>Bor</text></annotation>
<annotation id="P2"><infon key="type">Gene</infon><location offset="11" length="3"/><text>Alb</text></annotation>
<sentence><offset>10</offset><text>αAlb.</text></sentence>
<sentence><offset>16</offset><text>Bor β Cex.</text><annotation id="S1"><infon key="type">Gene</infon><location offset="22" length="3"/><text>Cex</text></annotation></sentence>
</passage></document></collection>`, Options{})
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	p := list[0].Passages[0]
	var got []string
	for _, a := range p.Annotations {
		got = append(got, a.ID+" "+a.Spans[0].Of(p.Text))
	}
	if diff := cmp.Diff([]string{"P2 Alb", "S1 Cex", "P1 Bor"}, got); diff != "" || p.Text != "αAlb. Bor β Cex." {
		t.Errorf("%q (-want +got):\n%s", p.Text, diff)
	}
}

// TestBrokenAnnotation has annotations that cost themselves: the document and its other annotations stay.
func TestBrokenAnnotation(t *testing.T) {
	for _, test := range []struct{ name, bad, want string }{
		{"no location", `<annotation id="T3"><infon key="type">citation</infon><text/></annotation>`, "annotation T3: no position"},
		{"empty", `<annotation id="T3"><location offset="1" length="0"/><text/></annotation>`, `annotation T3: "" at 1-1: the range is empty`},
		{"outside", `<annotation id="T3"><location offset="4" length="1"/><text>x</text></annotation>`, `annotation T3: "x" at 4-5`},
		{"other words", `<annotation id="T3"><location offset="0" length="1"/><text>x</text></annotation>`, `annotation T3: "x" at 0-1, but the text there is "A"`},
		{"no number", `<annotation id="T3"><location offset="-1" length="2"/></annotation>`, `annotation T3: location with offset "-1" and length "2"`},
		{"overflow", `<annotation id="T3"><location offset="1" length="99999999999999999999"/></annotation>`, "annotation T3: location with offset"},
		{"no id", `<annotation><text>x</text></annotation>`, "annotation number 2: no position"},
	} {
		t.Run(test.name, func(t *testing.T) {
			good := `<annotation id="T1"><infon key="type">Gene</infon><location offset="0" length="1"/><text>A</text></annotation>`
			xml := head + "<document><id>5</id><passage><offset>0</offset><text>A b.</text>" + good + test.bad + "</passage></document></collection>"
			list, faults, err := read(t, xml, Options{})
			if err != nil || len(list) != 1 || len(list[0].Passages[0].Annotations) != 1 || len(faults) != 1 ||
				!strings.HasPrefix(faults[0], "f.xml: document 5 at line 4 (byte ") || !strings.Contains(faults[0], "): "+test.want) {
				t.Errorf("got %d documents, faults %q, error %v", len(list), faults, err)
			}
			if _, _, err := read(t, xml, Options{Strict: true}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("strict: got error %v", err)
			}
		})
	}
}

// TestUnits reads files whose positions count bytes or UTF-16, and tells so once.
func TestUnits(t *testing.T) {
	document := func(content string, places ...string) string {
		d := "<document><id>5</id><passage><offset>0</offset><text>" + content + "</text>"
		for _, p := range places {
			f := strings.Fields(p)
			d += `<annotation id="a"><infon key="type">Gene</infon><location offset="` + f[0] + `" length="1"/><text>` + f[1] + "</text></annotation>"
		}
		return d + "</passage></document>"
	}
	for _, test := range []struct {
		name, documents string
		want            []string // the words before each annotation
		note            string
	}{
		{"characters", document("β A, α b.", "2 A", "7 b"), []string{"β ", "β A, α "}, ""},
		{"bytes", document("β A, α b.", "3 A", "9 b"), []string{"β ", "β A, α "}, "f.xml: positions count bytes, not characters; they were converted"},
		{"UTF-16", document("𝛽 A, 𝛼 b.", "3 A", "9 b"), []string{"𝛽 ", "𝛽 A, 𝛼 "}, "f.xml: positions count UTF-16 units, not characters; they were converted"},
		{"bytes, seen later", document("βaaa.", "3 a") + document("β A, α b.", "9 b"), []string{"βa", "β A, α "}, "f.xml: positions count bytes, not characters; they were converted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var notes, got []string
			list, faults, err := read(t, head+test.documents+"</collection>", Options{Note: func(s string) { notes = append(notes, s) }})
			if err != nil || len(faults) > 0 {
				t.Fatal(err, faults)
			}
			for _, d := range list {
				for _, a := range d.Passages[0].Annotations {
					got = append(got, d.Passages[0].Text[:a.Spans[0].Start])
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" || strings.Join(notes, "|") != test.note {
				t.Errorf("notes %q, want %q; (-want +got):\n%s", notes, test.note, diff)
			}
		})
	}
}

func TestParts(t *testing.T) {
	passages := ""
	for _, p := range [][3]string{
		{"TITLE", "front", "The title"}, {"ABSTRACT", "abstract_title_1", "Aim"}, {"ABSTRACT", "abstract", "To see."},
		{"INTRO", "paragraph", "It is."}, {"REF", "ref", "A reference"}, {"METHODS", "paragraph", " "},
	} {
		passages += `<passage><infon key="section_type">` + p[0] + `</infon><infon key="type">` + p[1] + `</infon><text>` + p[2] + `</text></passage>`
	}
	list, _, err := read(t, head+"<document><id>PMC1</id>"+passages+"<passage><text>untyped</text></passage></document></collection>", Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	want := corpus.Document{ID: "PMC1", Title: "The title", Sections: []corpus.Section{
		{Part: corpus.Abstract, Text: "Aim"}, {Part: corpus.Abstract, Text: "To see."}, {Part: corpus.Body, Text: "It is."}, {Part: corpus.Text, Text: "untyped"},
	}}
	if diff := cmp.Diff(want, list[0].Document()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBroken(t *testing.T) {
	for _, test := range []struct{ name, bad, want string }{
		{"tags", "<document><id>5</id><passage></document>", "document 5 at line 6 (byte "},
		{"offset", "<document><id>5</id><passage><offset>x</offset></passage></document>", `): offset "x", want a number`},
		{"offset too great", "<document><id>5</id><passage><offset>9223372036854775807</offset></passage></document>", `): offset "9223372036854775807", want a number below 2^31`},
		{"cut off", "<document><id>5</id>", "the record before it has no end"},
		{"entity", "<document>&nbsp;</document>", "unknown entity &nbsp;"},
	} {
		t.Run(test.name, func(t *testing.T) {
			good := "<document><id>1</id></document>\n"
			xml := head + "\n" + good + test.bad + good + "</collection>"
			list, faults, err := read(t, xml, Options{})
			if err != nil || len(list) != 2 || len(faults) != 1 || !strings.Contains(faults[0], test.want) {
				t.Errorf("got %d documents, faults %q, error %v", len(list), faults, err)
			}
			if _, _, err := read(t, xml, Options{Strict: true}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("strict: got error %v", err)
			}
		})
	}
}

func TestFatal(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"another root", "<PubmedArticleSet/>", "want <collection>; this is not a BioC file"},
		{"cut off", head + sample[:100], "the file is truncated"},
		{"two collections", head + sample + "</collection><collection></collection>", "<collection> after the end of the root element"},
		{"two files", head + sample + "</collection>" + head + "</collection>", "<collection> after the end of the root element"},
		{"text after the root", head + sample + "</collection>x", "text outside the root element"},
		{"bomb", "<!DOCTYPE collection [<!ENTITY a 'b'>]><collection/>", "its own definitions"},
	} {
		if _, _, err := read(t, test.in, Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", test.name, err, test.want)
		}
	}
	path := filepath.Join(t.TempDir(), "a.xml")
	if err := os.WriteFile(path, []byte(head+sample+"</collection>"), 0o600); err != nil {
		t.Fatal(err)
	}
	for d, err := range Open(path, Options{}) {
		if err != nil || d.ID != "12" {
			t.Errorf("opened: got %v, error %v", d, err)
		}
	}
}

func FuzzDocuments(f *testing.F) {
	f.Add([]byte(head + sample + "</collection>"))
	f.Add([]byte("<collection><document><document></collection>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for d, err := range NewReader(bytes.NewReader(data), "fuzz", Options{}).Documents() {
			if err != nil {
				return
			}
			for _, p := range d.Passages {
				for _, s := range p.Sentences {
					_ = s.Of(p.Text) // must not panic
				}
				for _, a := range p.Annotations {
					for _, s := range a.Spans {
						if s.Start >= s.End || s.Of(p.Text) == "" {
							t.Errorf("span %v of %q", s, p.Text)
						}
					}
				}
			}
			d.Document()
		}
	})
}

const asJSON = `{"source": "made up", "date": "x", "key": "k", "infons": {}, "documents": [
 {"id": 12, "infons": {"year": 2020, "none": null}, "passages": [
  {"offset": 0, "infons": {"type": "title"}, "text": "The αB gene.", "sentences": [], "relations": [], "annotations": [
   {"id": "1", "infons": {"identifier": "7", "type": "Gene"}, "text": "αB", "locations": [{"offset": 4, "length": 2}]},
   {"id": "2", "infons": {"type": "Gene"}, "text": "Zalor", "locations": [{"offset": 99, "length": 5}]}]},
  {"offset": 13, "infons": {"section_type": "ABSTRACT"}, "sentences": [{"offset": 13, "text": "One."}, {"offset": 18, "text": "Two."}]}],
  "relations": [{"id": "R1", "infons": {"type": "Association", "role1": {"identifier": "7"}}, "nodes": [{"refid": "1", "role": "a"}]}]},
 {"id": "13", "passages": 7},
 {"id": "14", "passages": []}]}`

func TestJSON(t *testing.T) {
	want := []*Document{{
		ID: "12", Infons: Infons{"year": "2020", "none": ""},
		Passages: []Passage{
			{Infons: Infons{"type": "title"}, Text: "The αB gene.", Annotations: []Annotation{{ID: "1", Infons: Infons{"identifier": "7", "type": "Gene"}, Text: "αB", Spans: []text.Span{{Start: 4, End: 7}}}}},
			{Infons: Infons{"section_type": "ABSTRACT"}, Offset: 13, Text: "One. Two.", Sentences: []text.Span{{End: 4}, {Start: 5, End: 9}}, Offsets: []int{13, 18}},
		},
		Relations: []Relation{{ID: "R1", Infons: Infons{"type": "Association", "role1": `{"identifier":"7"}`}, Nodes: []Node{{"1", "a"}}}},
	}, {ID: "14"}}
	one := strings.Index(asJSON, ` {"id": 12`)
	list := asJSON[one:strings.LastIndex(asJSON, "]")]
	for _, test := range []struct{ name, json string }{
		{"a collection", asJSON},
		{"PubTator 3's name", strings.Replace(asJSON, "documents", "PubTator3", 1)},
		{"an array of collections", "\ufeff[" + asJSON + "]"},
		{"an array", "[" + strings.Replace(list, ` {"id": "13", "passages": 7},`, "", 1) + "]"},
		{"one after the other", strings.Replace(list, "]},\n {\"id\": \"13\", \"passages\": 7},", "]}", 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []*Document
			var faults []string
			for d, err := range NewReader(strings.NewReader(test.json), "x.json", Options{Fault: func(f Fault) { faults = append(faults, f.Error()) }}).Documents() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, d)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if all := strings.Join(faults, "\n"); !strings.Contains(all, "annotation 2") || strings.Contains(test.json, `"passages": 7`) != strings.Contains(all, "document 13 at byte") {
				t.Errorf("faults %q", faults)
			}
		})
	}
}

func TestBrokenJSON(t *testing.T) {
	for _, test := range []struct {
		name, json string
		strict     bool
		want       string
	}{
		{"cut off", asJSON[:200], false, "x.json: byte "},
		{"no BioC", `{"a": 1}`, false, "an object without documents or passages; this is not BioC"},
		{"words", `[1]`, false, `want an object`},
		{"no array", `{"documents": 1}`, false, "documents are not an array"},
		{"strict", asJSON, true, "x.json: document 12 at byte 77: annotation 2"},
		{"too long", `{"documents": [{"id": "` + strings.Repeat("x", 3<<20) + `"}]}`, false, "a document has more than 1 MiB of JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var last error
			for _, err := range NewReader(strings.NewReader(test.json), "x.json", Options{Strict: test.strict, MaxDocument: 1 << 20}).Documents() {
				last = err
			}
			if last == nil || !strings.Contains(last.Error(), test.want) {
				t.Errorf("got %v, want %q", last, test.want)
			}
		})
	}
}
