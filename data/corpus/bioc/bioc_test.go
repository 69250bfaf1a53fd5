package bioc

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/offsets"
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
			{Infons: Infons{"type": "title"}, Text: "The αB  gene.", Annotations: Annotations{Annotations: []Annotation{
				{ID: "T1", Infons: Infons{"type": "Gene", "identifier": "7"}, Locations: []Location{{4, 2}}, Text: "αB"},
			}}},
			{Infons: Infons{"type": "abstract"}, Offset: 14, Sentences: []Sentence{
				{Offset: 14, Text: "Left & right lung.", Annotations: Annotations{Annotations: []Annotation{
					{ID: "T2", Infons: Infons{"type": "Organ"}, Locations: []Location{{14, 4}, {27, 4}}, Text: "Left lung"},
				}}},
				{Offset: 33, Text: "Second."},
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

func TestSpans(t *testing.T) {
	list, _, err := read(t, head+sample+"</collection>", Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	title, sentence := list[0].Passages[0], list[0].Passages[1].Sentences[0]
	got, err := title.Annotations.Annotations[0].Spans(title.Text, title.Offset)
	if diff := cmp.Diff([]offsets.Span{{Start: 4, End: 7}}, got); diff != "" || err != nil {
		t.Errorf("one location: error %v, -want +got:\n%s", err, diff)
	}
	organ := sentence.Annotations.Annotations[0]
	got, err = organ.Spans(sentence.Text, sentence.Offset)
	if diff := cmp.Diff([]offsets.Span{{Start: 0, End: 4}, {Start: 13, End: 17}}, got); diff != "" || err != nil {
		t.Errorf("two locations: error %v, -want +got:\n%s", err, diff)
	}
	organ.Locations[1].Offset = 21
	if _, err := organ.Spans(sentence.Text, sentence.Offset); err == nil || !strings.Contains(err.Error(), `annotation T2: "righ" is no part of "Left lung"`) {
		t.Errorf("other words: got error %v", err)
	}
	if _, err := organ.Spans(sentence.Text, 100); err == nil {
		t.Error("an offset before the text is accepted")
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
		{"tags", "<document><id>5</id><passage></document>", "5: line 6 (byte "},
		{"offset", "<document><id>5</id><passage><offset>x</offset></passage></document>", `5: offset "x", want a number`},
		{"location", `<document><id>5</id><passage><annotation id="a"><location offset="-1" length="2"/></annotation></passage></document>`, `offset "-1"`},
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
		{"another root", "<PubmedArticleSet/>", "want <collection>; this is no BioC file"},
		{"cut off", head + sample[:100], "the file is truncated"},
		{"bomb", "<!DOCTYPE collection [<!ENTITY a 'b'>]><collection/>", "definitions of its own"},
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
				for _, a := range p.Annotations.Annotations {
					spans, err := a.Spans(p.Text, p.Offset)
					for _, s := range spans {
						if err != nil || s.Start > s.End || s.End > len(p.Text) {
							t.Errorf("span %v of %d bytes, error %v", s, len(p.Text), err)
						}
					}
				}
			}
			d.Document()
		}
	})
}
