package pubmed

import (
	"fmt"
	"strings"

	"github.com/subbert/subbert/data/corpus/pmid"
	"github.com/subbert/subbert/data/corpus/xmlpull"
)

// parser reads one record after the other. Each method is called after the start tag of its element and returns after
// its end tag; if x has an error, it returns at once.
type parser struct {
	x    *xmlpull.Reader
	c    *Citation
	id   ID     // of the current record as soon as it is known
	buf  []byte // the text being assembled
	last face   // of buf, the last one
	err  error  // the fault of a record that is well-formed XML
}

// citation reads a <PubmedArticle> or <PubmedBookArticle>.
func (p *parser) citation() (*Citation, error) {
	p.c, p.err = &Citation{}, nil
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "MedlineCitation":
			p.c.Status = p.attr("Status")
			p.medline()
		case "BookDocument":
			p.book()
		case "PubmedData", "PubmedBookData":
			p.pubmedData()
		default:
			p.x.Skip()
		}
	}
	switch {
	case p.x.Err() != nil:
		return nil, p.x.Err()
	case p.err != nil:
		return nil, p.err
	case p.id.PMID == 0:
		return nil, fmt.Errorf("the record has no PMID")
	}
	p.c.ID = p.id
	return p.c, nil
}

// deletions reads a <DeleteCitation>.
func (p *parser) deletions() ([]*Citation, error) {
	var deleted []*Citation
	p.err = nil
	for p.x.Child() {
		p.id = ID{}
		if string(p.x.Name()) != "PMID" {
			p.x.Skip()
			continue
		}
		p.pmid()
		deleted = append(deleted, &Citation{ID: p.id, Deleted: true})
	}
	if err := p.x.Err(); err != nil {
		return nil, err
	}
	return deleted, p.err
}

func (p *parser) medline() {
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "PMID":
			p.pmid()
		case "Article":
			p.article()
		case "MedlineJournalInfo":
			p.medlineJournal()
		case "ChemicalList":
			p.each("Chemical", p.chemical)
		case "SupplMeshList":
			p.each("SupplMeshName", func() { p.c.Supplementary = append(p.c.Supplementary, p.named()) })
		case "GeneSymbolList":
			p.each("GeneSymbol", func() { p.c.GeneSymbols = append(p.c.GeneSymbols, p.text()) })
		case "MeshHeadingList":
			p.each("MeshHeading", p.heading)
		case "OtherAbstract":
			p.otherAbstract()
		case "KeywordList":
			p.each("Keyword", p.keyword)
		default:
			p.x.Skip()
		}
	}
}

func (p *parser) article() {
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "Journal":
			p.journal()
		case "ArticleTitle":
			p.c.Title = p.title()
		case "VernacularTitle":
			p.c.VernacularTitle = p.text()
		case "Abstract":
			p.c.Abstract = p.sections(p.c.Abstract)
		case "Language":
			p.c.Languages = append(p.c.Languages, p.text())
		case "PublicationTypeList":
			p.each("PublicationType", p.publicationType)
		case "ArticleDate":
			p.c.Electronic = p.date()
		case "ELocationID":
			p.identifier("EIdType")
		default:
			p.x.Skip()
		}
	}
}

// book reads a <BookDocument>, which holds in one element the data that an article has in several.
func (p *parser) book() {
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "PMID":
			p.pmid()
		case "ArticleIdList":
			p.each("ArticleId", func() { p.identifier("IdType") })
		case "Book":
			p.bookData()
		case "ArticleTitle":
			p.c.Title = p.title()
		case "VernacularTitle":
			p.c.VernacularTitle = p.text()
		case "Abstract":
			p.c.Abstract = p.sections(p.c.Abstract)
		case "Language":
			p.c.Languages = append(p.c.Languages, p.text())
		case "PublicationType":
			p.publicationType()
		case "KeywordList":
			p.each("Keyword", p.keyword)
		default:
			p.x.Skip()
		}
	}
}

func (p *parser) bookData() {
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "BookTitle":
			p.c.Journal.Title = p.text()
			if p.c.Title == "" {
				p.c.Title = p.c.Journal.Title // a chapter's own title comes later
			}
		case "PubDate":
			p.c.Published = p.date()
		default:
			p.x.Skip()
		}
	}
}

func (p *parser) pubmedData() {
	for p.x.Child() {
		if string(p.x.Name()) == "ArticleIdList" {
			p.each("ArticleId", func() { p.identifier("IdType") })
		} else {
			p.x.Skip()
		}
	}
}

// each calls read for the children of the current element that are called name.
func (p *parser) each(name string, read func()) {
	for p.x.Child() {
		if string(p.x.Name()) == name {
			read()
		} else {
			p.x.Skip()
		}
	}
}

// pmid reads a <PMID> into p.id.
func (p *parser) pmid() {
	version, good := 1, true
	if v := p.attr("Version"); v != "" {
		version, good = number(v, 1<<16-1)
	}
	id, err := pmid.Parse(p.text())
	switch {
	case err != nil:
		p.fail(err)
		return
	case !good || version == 0:
		p.fail(fmt.Errorf("PMID %d: version is not a number from 1 to %d", id, 1<<16-1))
		return
	case p.id.PMID != 0:
		p.fail(fmt.Errorf("the record has two PMIDs: %v and %d", p.id, id))
		return
	}
	p.id = ID{PMID: id, Version: uint16(version)}
}

// fail records the first fault of the record.
func (p *parser) fail(err error) {
	if p.err == nil && p.x.Err() == nil {
		p.err = err
	}
}

// number parses digits alone.
func number(s string, most int) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > most {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != "" && n <= most
}

func (p *parser) attr(name string) string {
	p.buf = p.x.Attr(p.buf[:0], name)
	return strings.TrimSpace(string(p.buf))
}
