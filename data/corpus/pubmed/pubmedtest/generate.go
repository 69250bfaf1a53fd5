// Package pubmedtest generates PubMed files for tests and benchmarks: the elements and attributes of NLM's document
// type in about their usual variety and number, including author lists and references, filled with a made-up language.
// The same seed gives the same bytes.
package pubmedtest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
)

// Config says which records to generate.
type Config struct {
	Seed      uint64
	Citations int
	FirstPMID int // of consecutive ones; 0 stands for 1
	Deleted   []int
}

// Write writes an XML file.
func Write(w io.Writer, c Config) error {
	r := rand.New(rand.NewPCG(c.Seed, 1))
	g := &generator{w: bufio.NewWriterSize(w, 1<<16), r: r, words: words(r)}
	g.put("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!DOCTYPE PubmedArticleSet SYSTEM ",
		"\"http://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd\">\n<PubmedArticleSet>\n")
	for i := range c.Citations {
		g.article(max(c.FirstPMID, 1) + i)
	}
	if len(c.Deleted) > 0 {
		g.put("<DeleteCitation>\n")
		for _, pmid := range c.Deleted {
			g.putf("<PMID Version=\"1\">%d</PMID>\n", pmid)
		}
		g.put("</DeleteCitation>\n")
	}
	g.put("</PubmedArticleSet>\n")
	return g.w.Flush() // a bufio.Writer keeps its first error
}

type generator struct {
	w     *bufio.Writer
	r     *rand.Rand
	words []string
}

func (g *generator) put(s ...string) {
	for _, s := range s {
		_, _ = g.w.WriteString(s) // Write returns the error, from Flush
	}
}

func (g *generator) putf(format string, args ...any) { g.put(fmt.Sprintf(format, args...)) }

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

func (g *generator) date(element string, year int) {
	g.putf("<%s>\n<Year>%d</Year>\n<Month>%02d</Month>\n<Day>%02d</Day>\n</%[1]s>\n", element, year, 1+g.r.IntN(12), 1+g.r.IntN(28))
}

func (g *generator) article(pmid int) {
	year := 1975 + g.r.IntN(50)
	g.putf("<PubmedArticle>\n<MedlineCitation Status=\"%s\" IndexingMethod=\"Manual\" Owner=\"NLM\">\n<PMID Version=\"1\">%d</PMID>\n",
		pick(g.r, "MEDLINE", "MEDLINE", "PubMed-not-MEDLINE", "In-Process"), pmid)
	g.date("DateCompleted", year+1)
	g.date("DateRevised", year+2)
	g.put("<Article PubModel=\"Print-Electronic\">\n")
	g.journal(year)
	g.put("<ArticleTitle>")
	if foreign := g.chance(5); foreign {
		g.put("[")
		g.sentence(11)
		g.put("]")
	} else {
		g.sentence(11)
	}
	g.putf("</ArticleTitle>\n<Pagination>\n<StartPage>%d</StartPage>\n<MedlinePgn>%[1]d-9</MedlinePgn>\n</Pagination>\n", 1+g.r.IntN(2000))
	g.putf("<ELocationID EIdType=\"doi\" ValidYN=\"Y\">10.1000/x.%d.%d</ELocationID>\n", year, pmid)
	g.abstract()
	g.authors()
	g.put("<Language>eng</Language>\n")
	g.grants()
	g.put("<PublicationTypeList>\n<PublicationType UI=\"D016428\">Journal Article</PublicationType>\n</PublicationTypeList>\n")
	if g.chance(5) {
		g.put("<VernacularTitle>", g.name(), " ", g.word(), ".</VernacularTitle>\n")
	}
	if g.chance(50) {
		g.putf("<ArticleDate DateType=\"Electronic\">\n<Year>%d</Year>\n<Month>%02d</Month>\n<Day>07</Day>\n</ArticleDate>\n", year, 1+g.r.IntN(12))
	}
	g.put("</Article>\n")
	g.indexing(year)
	g.put("</MedlineCitation>\n")
	g.pubmedData(pmid, year)
	g.put("</PubmedArticle>\n")
}

func (g *generator) journal(year int) {
	title := g.name() + " of " + g.word() + " " + g.word()
	g.putf("<Journal>\n<ISSN IssnType=\"Electronic\">1234-%04d</ISSN>\n<JournalIssue CitedMedium=\"Internet\">\n<Volume>%d</Volume>\n"+
		"<Issue>%d</Issue>\n<PubDate>\n", g.r.IntN(10000), 1+g.r.IntN(90), 1+g.r.IntN(12))
	switch g.r.IntN(10) {
	case 0:
		g.putf("<MedlineDate>%d Jan-Feb</MedlineDate>\n", year)
	case 1:
		g.putf("<Year>%d</Year>\n<Season>Spring</Season>\n", year)
	case 2:
		g.putf("<Year>%d</Year>\n", year)
	default:
		g.putf("<Year>%d</Year>\n<Month>%s</Month>\n<Day>%02d</Day>\n", year, pick(g.r, "Jan", "Mar", "Jul", "Dec"), 1+g.r.IntN(28))
	}
	g.putf("</PubDate>\n</JournalIssue>\n<Title>%s</Title>\n<ISOAbbreviation>%s</ISOAbbreviation>\n</Journal>\n", title, title[:4])
}

func (g *generator) abstract() {
	if g.chance(25) {
		return
	}
	g.put("<Abstract>\n")
	if g.chance(40) {
		for _, label := range []string{"BACKGROUND", "METHODS", "RESULTS", "CONCLUSIONS"} {
			g.putf("<AbstractText Label=\"%s\" NlmCategory=\"%[1]s\">", label)
			g.paragraph(3)
			g.put("</AbstractText>\n")
		}
	} else {
		g.put("<AbstractText>")
		g.paragraph(9)
		if g.chance(3) {
			g.put(formula)
		}
		g.put("</AbstractText>\n")
	}
	if g.chance(40) {
		g.put("<CopyrightInformation>© ", g.name(), " ", g.name(), ".</CopyrightInformation>\n")
	}
	g.put("</Abstract>\n")
}

const formula = ` where <mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:mrow><mml:msub><mml:mi>R</mml:mi>` +
	`<mml:mn>0</mml:mn></mml:msub><mml:mo>=</mml:mo><mml:mfrac><mml:mi>a</mml:mi><mml:mi>b</mml:mi></mml:mfrac></mml:mrow></mml:math>.`

func (g *generator) paragraph(sentences int) {
	for i := range sentences {
		if i > 0 {
			g.put(" ")
		}
		g.sentence(14 + g.r.IntN(12))
	}
}

func (g *generator) authors() {
	g.put("<AuthorList CompleteYN=\"Y\">\n")
	for range 1 + g.r.IntN(11) {
		first := g.name()
		g.putf("<Author ValidYN=\"Y\">\n<LastName>%s</LastName>\n<ForeName>%s</ForeName>\n<Initials>%s</Initials>\n", g.name(), first, first[:1])
		if g.chance(30) {
			g.putf("<Identifier Source=\"ORCID\">0000-0002-%04d-%04d</Identifier>\n", g.r.IntN(10000), g.r.IntN(10000))
		}
		for range 1 + g.r.IntN(2) {
			g.putf("<AffiliationInfo>\n<Affiliation>Department of %s %s, University of %s, %s %d, %s. %s@%s.org.</Affiliation>\n</AffiliationInfo>\n",
				g.name(), g.name(), g.name(), g.name(), g.r.IntN(99999), g.name(), g.word(), g.word())
		}
		g.put("</Author>\n")
	}
	if g.chance(5) {
		g.put("<Author ValidYN=\"Y\">\n<CollectiveName>", g.name(), " Study Group</CollectiveName>\n</Author>\n")
	}
	g.put("</AuthorList>\n")
}

func (g *generator) grants() {
	if g.chance(70) {
		return
	}
	g.put("<GrantList CompleteYN=\"Y\">\n")
	for range 1 + g.r.IntN(3) {
		g.putf("<Grant>\n<GrantID>R01 %06d</GrantID>\n<Acronym>XX</Acronym>\n<Agency>%s Institute</Agency>\n<Country>%s</Country>\n</Grant>\n",
			g.r.IntN(1000000), g.name(), g.name())
	}
	g.put("</GrantList>\n")
}
