package query

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/subbert/subbert/data/corpus/mesh"
)

const descriptors = `<?xml version="1.0"?><DescriptorRecordSet LanguageCode="eng">
<DescriptorRecord DescriptorClass="1"><DescriptorUI>D1</DescriptorUI><DescriptorName><String>Proteins</String></DescriptorName><TreeNumberList><TreeNumber>D12</TreeNumber></TreeNumberList><ConceptList><Concept><TermList><Term><String>Proteins</String></Term></TermList></Concept></ConceptList></DescriptorRecord>
<DescriptorRecord DescriptorClass="1"><DescriptorUI>D2</DescriptorUI><DescriptorName><String>Actins</String></DescriptorName><TreeNumberList><TreeNumber>D12.5</TreeNumber></TreeNumberList><ConceptList><Concept><TermList><Term><String>Actins</String></Term></TermList></Concept></ConceptList></DescriptorRecord>
<DescriptorRecord DescriptorClass="2"><DescriptorUI>D3</DescriptorUI><DescriptorName><String>Clinical Trial</String></DescriptorName><TreeNumberList><TreeNumber>V03</TreeNumber></TreeNumberList><ConceptList><Concept><TermList><Term><String>Clinical Trial</String></Term></TermList></Concept></ConceptList></DescriptorRecord>
<DescriptorRecord DescriptorClass="2"><DescriptorUI>D4</DescriptorUI><DescriptorName><String>Randomized Controlled Trial</String></DescriptorName><TreeNumberList><TreeNumber>V03.1</TreeNumber></TreeNumberList><ConceptList><Concept><TermList><Term><String>Randomized Controlled Trial</String></Term></TermList></Concept></ConceptList></DescriptorRecord>
</DescriptorRecordSet>`

// trial is a record about Actins, mainly, of 2010.
type trial struct{}

func (trial) Heading(wanted map[string]bool, major bool) bool {
	return wanted["D2"] || wanted["D9"] && !major
}
func (trial) PublicationType(yes func(ui, name string) bool) bool {
	return yes("D4", "Randomized Controlled Trial")
}
func (trial) Language(code string) bool    { return code == "ger" }
func (trial) Published(from, to Date) bool { return Date{Year: 2010, Month: 5}.Within(from, to) }

func TestMatchRecord(t *testing.T) {
	v, err := mesh.Read(strings.NewReader(descriptors), "desc2026.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		query string
		want  bool
	}{
		{"proteins[mesh]", true},
		{"protein[majr]", true},
		{"proteins[mesh:noexp]", false},
		{"actins[mesh:noexp]", true},
		{"proteins", true}, // by its heading: the word is not in the text
		{"proteins[all]", true},
		{"proteins[tiab]", false},
		{"clinical trial[pt]", true}, // a randomized trial is one
		{`"randomized controlled trial"[pt]`, true},
		{"randomized*[pt]", true},
		{"review[pt]", false},
		{"german[la] NOT review[pt]", true},
		{"ger[la]", true},
		{"english[la]", false},
		{"2010[dp]", true},
		{"2010/06:2011[dp]", false},
		{"2009:2010/05[dp]", true},
		{`"2001/01/01"[dp] : "2010"[dp]`, true},
		{"2011:3000[dp]", false},
		{"protein gene 2010[dp]", true},
	} {
		t.Run(c.query, func(t *testing.T) {
			q, err := Parse(c.query)
			if err != nil {
				t.Fatal(err)
			}
			if q, err = q.Expand(v, true); err != nil {
				t.Fatal(err)
			}
			if got := q.Match(&mouse, trial{}); got != c.want {
				t.Errorf("%s matches: %v, want %v", q.Expanded(), got, c.want)
			}
		})
	}
	q, _ := Parse("protein OR review[pt]")
	if got := q.NeedsRecords(); !slices.Equal(got, []string{"pt"}) || q.NeedsMeSH() {
		t.Errorf("needs %v", got)
	}
	if q, err = q.Expand(v, true); err != nil || q.Expanded() != `((protein[all] OR "Proteins"[mesh]) OR review[pt])` || q.Headings()["Proteins"] != 2 {
		t.Errorf("%s, headings %v, %v", q.Expanded(), q.Headings(), err)
	}
	q, _ = Parse("a OR nothing[mesh]")
	var syntax *SyntaxError
	if _, err := q.Expand(v, false); !errors.As(err, &syntax) || syntax.Offset != 5 {
		t.Errorf("an unknown heading: %v", err)
	}
}
