package pubmed

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus"
)

// file wraps records in a PubMed file.
func file(records string) string {
	return `<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet SYSTEM "http://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">
<PubmedArticleSet>
` + records + "\n</PubmedArticleSet>\n"
}

// article is a record with a PMID and the content of its Article element.
func article(pmid, content string) string {
	return `<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">` + pmid +
		"</PMID><Article>" + content + "</Article></MedlineCitation></PubmedArticle>\n"
}

// read reads all records; fault describes the records passed over.
func read(t *testing.T, xml string, o Options) (list []*Citation, faults []string, err error) {
	t.Helper()
	o.Fault = func(f Fault) { faults = append(faults, f.Error()) }
	for c, err := range NewReader(strings.NewReader(xml), "f.xml", o).Records() {
		if err != nil {
			return list, faults, err
		}
		list = append(list, c)
	}
	return list, faults, nil
}

const full = `<PubmedArticle>
<MedlineCitation Status="MEDLINE" IndexingMethod="Manual" Owner="NLM">
<PMID Version="2">12345678</PMID>
<DateRevised><Year>2024</Year><Month>01</Month><Day>02</Day></DateRevised>
<Article PubModel="Print">
 <Journal><ISSN IssnType="Print">1111-2222</ISSN>
  <JournalIssue CitedMedium="Print"><Volume>1</Volume><PubDate><Year>2023</Year><Month>Sep</Month><Day>07</Day></PubDate></JournalIssue>
  <Title>Journal of Made-up Things</Title><ISOAbbreviation>J Made Up</ISOAbbreviation></Journal>
 <ArticleTitle>[On the <i>foo</i> gene
   of  <b>E.&#160;bar</b>].</ArticleTitle>
 <ELocationID EIdType="pii" ValidYN="Y">S1</ELocationID>
 <ELocationID EIdType="doi" ValidYN="N">10.1/wrong</ELocationID>
 <ELocationID EIdType="doi" ValidYN="Y">10.1/right</ELocationID>
 <Abstract>
  <AbstractText Label="AIM" NlmCategory="OBJECTIVE">To see if p &lt; 0.05 &amp; 10<sup>5</sup> H<sub>2</sub>O <u>count</u>.</AbstractText>
  <AbstractText Label="EMPTY"/>
  <AbstractText>No label.</AbstractText>
  <CopyrightInformation>Copyright of nobody.</CopyrightInformation>
 </Abstract>
 <AuthorList><Author><LastName>Doe</LastName><Identifier Source="ORCID">0</Identifier></Author></AuthorList>
 <Language>ger</Language><Language>eng</Language>
 <PublicationTypeList><PublicationType UI="D016428">Journal Article</PublicationType>
  <PublicationType UI="D016454">Review</PublicationType></PublicationTypeList>
 <VernacularTitle>Über das Gen foo.</VernacularTitle>
 <ArticleDate DateType="Electronic"><Year>2023</Year><Month>08</Month><Day>30</Day></ArticleDate>
</Article>
<MedlineJournalInfo><MedlineTA>Other name</MedlineTA><NlmUniqueID>7654321</NlmUniqueID></MedlineJournalInfo>
<ChemicalList><Chemical><RegistryNumber>0</RegistryNumber><NameOfSubstance UI="D011506">Proteins</NameOfSubstance></Chemical></ChemicalList>
<SupplMeshList><SupplMeshName Type="Disease" UI="C000001">Foo disease</SupplMeshName></SupplMeshList>
<CommentsCorrectionsList><CommentsCorrections RefType="Cites"><PMID Version="1">999</PMID></CommentsCorrections></CommentsCorrectionsList>
<GeneSymbolList><GeneSymbol>fooA</GeneSymbol></GeneSymbolList>
<MeshHeadingList>
 <MeshHeading><DescriptorName UI="D000818" MajorTopicYN="N">Animals</DescriptorName></MeshHeading>
 <MeshHeading><DescriptorName MajorTopicYN="N" UI="D005796">Genes</DescriptorName>
  <QualifierName UI="Q000235" MajorTopicYN="Y">genetics</QualifierName>
  <QualifierName UI="Q000008" MajorTopicYN="N">administration &amp; dosage</QualifierName></MeshHeading>
</MeshHeadingList>
<OtherAbstract Type="plain-language-summary" Language="eng"><AbstractText>In plain words.</AbstractText></OtherAbstract>
<KeywordList Owner="NOTNLM"><Keyword MajorTopicYN="Y"><i>foo</i> gene</Keyword></KeywordList>
</MedlineCitation>
<PubmedData>
 <ArticleIdList><ArticleId IdType="pubmed">12345678</ArticleId><ArticleId IdType="pmc">PMC12</ArticleId></ArticleIdList>
 <ReferenceList><Reference><ArticleIdList><ArticleId IdType="pmc">PMC999</ArticleId><ArticleId IdType="doi">10.1/cited</ArticleId></ArticleIdList></Reference></ReferenceList>
</PubmedData>
</PubmedArticle>`

func TestCitation(t *testing.T) {
	got, faults, err := read(t, file(full), Options{})
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	want := []*Citation{{
		ID: ID{PMID: 12345678, Version: 2}, Status: "MEDLINE",
		Title: "[On the foo gene of E. bar].", VernacularTitle: "Über das Gen foo.",
		Abstract: []Section{
			{Label: "AIM", Category: "OBJECTIVE", Text: "To see if p < 0.05 & 105 H2O count."}, {Text: "No label."},
		},
		OtherAbstracts:   []OtherAbstract{{Type: "plain-language-summary", Language: "eng", Sections: []Section{{Text: "In plain words."}}}},
		Journal:          Journal{Title: "Journal of Made-up Things", Abbreviation: "J Made Up", ISSN: "1111-2222", NLM: "7654321"},
		Published:        Date{Year: 2023, Month: 9, Day: 7},
		Electronic:       Date{Year: 2023, Month: 8, Day: 30},
		Languages:        []string{"ger", "eng"},
		PublicationTypes: []Named{{UI: "D016428", Name: "Journal Article"}, {UI: "D016454", Name: "Review"}},
		MeSH: []Heading{
			{Named: Named{UI: "D000818", Name: "Animals"}},
			{Named: Named{UI: "D005796", Name: "Genes"}, Qualifiers: []Qualifier{
				{Named: Named{UI: "Q000235", Name: "genetics"}, Major: true},
				{Named: Named{UI: "Q000008", Name: "administration & dosage"}},
			}},
		},
		Supplementary: []Named{{UI: "C000001", Name: "Foo disease"}},
		Chemicals:     []Chemical{{Named: Named{UI: "D011506", Name: "Proteins"}, RegistryNumber: "0"}},
		Keywords:      []Keyword{{Text: "foo gene", Major: true}},
		GeneSymbols:   []string{"fooA"},
		DOI:           "10.1/right", PMC: "PMC12",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if c := got[0]; c.MeSH[0].MajorTopic() || !c.MeSH[1].MajorTopic() {
		t.Error("major topics: want Genes alone")
	}
	document := corpus.Document{ID: "12345678", Title: "[On the foo gene of E. bar].", Sections: []corpus.Section{
		{Part: corpus.Abstract, Label: "AIM", Text: "To see if p < 0.05 & 105 H2O count."},
		{Part: corpus.Abstract, Text: "No label."},
	}}
	if diff := cmp.Diff(document, got[0].Document()); diff != "" {
		t.Errorf("document: -want +got:\n%s", diff)
	}
}

func TestBook(t *testing.T) {
	got, faults, err := read(t, file(`<PubmedBookArticle><BookDocument><PMID Version="1">7</PMID>
<ArticleIdList><ArticleId IdType="doi">10.1/book</ArticleId></ArticleIdList>
<Book><Publisher><PublisherName>X</PublisherName></Publisher><BookTitle book="b">The Book</BookTitle><PubDate><Year>2011</Year></PubDate></Book>
<ArticleTitle book="b" part="c">A Chapter</ArticleTitle><Language>eng</Language>
<PublicationType UI="D016454">Review</PublicationType>
<Abstract><AbstractText>Text.</AbstractText></Abstract></BookDocument></PubmedBookArticle>`), Options{Strict: true})
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	want := []*Citation{{
		ID: ID{PMID: 7, Version: 1}, Title: "A Chapter", Abstract: []Section{{Text: "Text."}}, Journal: Journal{Title: "The Book"},
		Published: Date{Year: 2011}, Languages: []string{"eng"}, PublicationTypes: []Named{{UI: "D016454", Name: "Review"}}, DOI: "10.1/book",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestText(t *testing.T) {
	const mml = `<mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML">`
	tests := []struct{ name, in, want string }{
		{"plain", "A title.", "A title."},
		{"white space", "\n  a\tb\r\n c  ", "a b c"},
		{"space of Unicode", "a b c　d ", "a b c d"},
		{"space as numbers", "a&#160;b&#x2009;c", "a b c"},
		{"only space", " &#160; ", ""},
		{"zero width stays", "a\u200bb", "a\u200bb"},
		{"inline", "<i>Foo</i>-<sup>32</sup>P <b>a<u>b</u></b><sub>2</sub>", "Foo-32P ab2"},
		{"references", "&lt;i&gt; &amp;amp; &quot;x&quot; &#945;", `<i> &amp; "x" α`},
		{"cdata and comment", "a<!-- no --><![CDATA[<b>]]>", "a<b>"},
		{"nested brackets", "[A [B] C].", "[A [B] C]."},
		{"display", "so<DispFormula>E</DispFormula>holds", "so E holds"},
		{"bold blocks side by side", "<b>Age: 30</b><b>Symptoms: none</b>", "Age: 30 Symptoms: none"},
		{"italic blocks side by side", "<i>Alba</i><i>vulgaris</i> grew.", "Alba vulgaris grew."},
		{"nested blocks", "<b><i>Age</i></b><b><i>none</i></b>", "Age none"},
		{"blocks with a space", "<b>Age: 30</b> <b>Symptoms: none </b><b>Rest</b>", "Age: 30 Symptoms: none Rest"},
		{"parts of a name", "<i>NF</i><i>κB</i>, <b>p</b><b>53</b>, <b>IL</b><b>-2</b>, compound <b>5</b>a, <b>B</b><sub>12</sub>", "NFκB, p53, IL-2, compound 5a, B12"},
		{"different faces", "<b>bi</b><i>phenyl</i>", "biphenyl"},
		{"a heading in bold", "It is unknown.<b>Methods:</b>We saw it.<b>Results:</b> None.", "It is unknown. Methods: We saw it. Results: None."},
		{"a ratio in bold", "at <b>1:</b>2 and <b>A:</b>B", "at 1:2 and A:B"},
		{"paragraphs", "<p>One.</p><p>Two.<br/>Three.</p>", "One. Two. Three."},
		{"no title", "[Not Available].", ""},
		{"no title, otherwise", "[Not available]", ""},
		{"a title on it", "[Not Available in Alba].", "[Not Available in Alba]."},
		{"relation", mml + "<mml:mi>p</mml:mi><mml:mo>&lt;</mml:mo><mml:mn>0.05</mml:mn></mml:math>.", "p < 0.05."},
		{"scripts", mml + "<mml:msup>\n <mml:mi>x</mml:mi>\n <mml:mn>2</mml:mn>\n</mml:msup></mml:math>", "x2"},
		{"minus", "<math><mo>-</mo><mi>a</mi><mo>−</mo><mi>b</mi><mo>=</mo><mo>-</mo><mn>1</mn></math>", "-a − b = -1"},
		{"fraction", "<math><mfrac><mrow><mi>a</mi></mrow><mi>b</mi></mfrac></math>", "a/b"},
		{"call", "<math><mi>f</mi><mo>&#8289;</mo><mo>(</mo><mi>x</mi><mo>,</mo><mi>y</mi><mo>)</mo></math>", "f(x, y)"},
		{"fenced", "<math><mi>f</mi><mfenced><mi>x</mi><mi>y</mi></mfenced><mfenced open='['><mi>z</mi></mfenced></math>", "f(x, y)[z)"},
		{"root and text", "<math><msqrt><mn>2</mn></msqrt><mtext> if </mtext><mi>n</mi></math>", "√2 if n"},
		{"annotation", "<math><semantics><mi>k</mi><annotation>\\kappa</annotation></semantics></math>", "k"},
		{"around", "a <math><mi>k</mi></math> b", "a k b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, _, err := read(t, file(article("1", "<ArticleTitle>"+test.in+"</ArticleTitle>")), Options{Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Title != test.want {
				t.Errorf("got %q, want %q", got[0].Title, test.want)
			}
		})
	}
}

func TestDates(t *testing.T) {
	tests := []struct {
		name, in string
		want     Date
	}{
		{"full", "<Year>2001</Year><Month>Jan</Month><Day>09</Day>", Date{2001, 1, 9, ""}},
		{"month as a number", "<Year>2001</Year><Month>11</Month>", Date{2001, 11, 0, ""}},
		{"season", "<Year>2001</Year><Season>Spring</Season>", Date{2001, 0, 0, "Spring"}},
		{"range", "<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", Date{1998, 12, 0, "1998 Dec-1999 Jan"}},
		{"months", "<MedlineDate>2000 Mar-Apr</MedlineDate>", Date{2000, 3, 0, "2000 Mar-Apr"}},
		{"season before", "<MedlineDate>Summer 1999</MedlineDate>", Date{1999, 0, 0, "Summer 1999"}},
		{"years", "<MedlineDate>1979-1980</MedlineDate>", Date{1979, 0, 0, "1979-1980"}},
		{"nothing known", "<MedlineDate>undated</MedlineDate>", Date{0, 0, 0, "undated"}},
		{"no month", "<Year>2001</Year><Month>anm</Month>", Date{2001, 0, 0, ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			xml := file(article("1", "<Journal><JournalIssue><PubDate>"+test.in+"</PubDate></JournalIssue></Journal>"))
			got, _, err := read(t, xml, Options{Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got[0].Published); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBroken(t *testing.T) {
	good := func(pmid string) string { return article(pmid, "<ArticleTitle>T</ArticleTitle>") }
	tests := []struct{ name, bad, want string }{
		{"tags", article("5", "<ArticleTitle>T</Title>"), "f.xml: record at line 5 (byte "},
		{"says the PMID", article("5", "<ArticleTitle>T</Title>"), "PMID 5: line 5 (byte"},
		{"says the tags", article("5", "<ArticleTitle>T</Title>"), "end tag </Title>, want </ArticleTitle>"},
		{"in what is skipped", article("5", "<AuthorList><Author></AuthorList>"), "end tag </AuthorList>, want </Author>"},
		{"entity in what is skipped", article("5", "<AuthorList>&eacute;</AuthorList>"), "unknown entity &eacute;"},
		{"bytes in what is skipped", article("5", "<AuthorList>\xe9</AuthorList>"), "invalid UTF-8"},
		{"cut off", strings.TrimSuffix(article("5", ""), "</MedlineCitation></PubmedArticle>\n"), "the record before it has no end"},
		{"no PMID", "<PubmedArticle><MedlineCitation/></PubmedArticle>", "the record has no PMID"},
		{"PMID no number", article("5a", ""), `PMID "5a", want a number up to 99999999`},
		{"PMID too great", article("100000000", ""), "want a number up to"},
		{"PMID 0", article("0", ""), "want a number up to"},
		{"version 0", strings.Replace(article("5", ""), `Version="1"`, `Version="0"`, 1), "PMID 5: version is not a number from 1 to 65535"},
		{"two PMIDs", strings.Replace(article("5", ""), "<Article>", "<PMID>6</PMID><Article>", 1), "the record has two PMIDs: 5 and 6"},
		{"no record", "<Oops/>", "<Oops> is not a record"},
		{"text", "oops", `text between records: "oops"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			xml := file(good("1") + test.bad + "\n" + good("2") + good("3"))
			got, faults, err := read(t, xml, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 3 || got[1].PMID != 2 || got[2].PMID != 3 {
				t.Errorf("got %d citations, want 1, 2 and 3", len(got))
			}
			if len(faults) != 1 || !strings.Contains(faults[0], test.want) {
				t.Errorf("got faults %q, want one with %q", faults, test.want)
			}
			got, faults, err = read(t, xml, Options{Strict: true})
			if err == nil || !strings.Contains(err.Error(), test.want) || len(faults) != 0 || len(got) != 1 {
				t.Errorf("strict: got %d citations, faults %q, error %v", len(got), faults, err)
			}
		})
	}
}

func TestFatal(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"another root", "<mods/>", "f.xml: the root element is <mods>, want <PubmedArticleSet>; this is not a PubMed file"},
		{"a page", "Not found", "text outside the root element"},
		{"cut off in a record", file(article("1", "") + article("2", ""))[:420], "the file is truncated"},
		{"cut off between records", strings.TrimSuffix(file(article("1", "")), "</PubmedArticleSet>\n"), "no </PubmedArticleSet>"},
		{"more after the end", file("") + "<PubmedArticleSet/>", "after the end of the root element"},
		{"bomb", strings.Replace(file(article("1", "")), ".dtd\"", ".dtd\" [<!ENTITY a \"b\">]", 1), "its own definitions"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := read(t, test.in, Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

func TestRepeated(t *testing.T) {
	xml := file(article("1", "") + article("2", "") + strings.Replace(article("2", ""), `"1"`, `"2"`, 1) + article("1", ""))
	got, faults, err := read(t, xml, Options{})
	if err != nil || len(got) != 4 || len(faults) != 1 || !strings.Contains(faults[0], "PMID 1: the citation occurs a second time") {
		t.Errorf("got %d citations, faults %q, error %v", len(got), faults, err)
	}
	_, _, err = read(t, xml, Options{Strict: true})
	var repeated *RepeatedError
	if !errors.As(err, &repeated) || repeated.ID.PMID != 1 {
		t.Errorf("strict: got error %v, want a RepeatedError", err)
	}
}

func TestDeletions(t *testing.T) {
	got, faults, err := read(t, file(article("1", "")+
		`<DeleteCitation><PMID Version="1">2</PMID><PMID Version="3">4</PMID></DeleteCitation>`), Options{Strict: true})
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	want := []*Citation{{ID: ID{2, 1}, Deleted: true}, {ID: ID{4, 3}, Deleted: true}}
	if diff := cmp.Diff(want, got[1:]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
