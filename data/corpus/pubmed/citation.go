package pubmed

import (
	"fmt"
	"strconv"

	"github.com/subbert/subbert/data/corpus"
)

// ID identifies a version of a citation. Most PMIDs have only version 1.
type ID struct {
	PMID    uint32
	Version uint16
}

func (id ID) String() string {
	if id.Version == 1 {
		return strconv.FormatUint(uint64(id.PMID), 10)
	}
	return fmt.Sprintf("%d.%d", id.PMID, id.Version)
}

// Citation is a record of PubMed: an article or a book (chapter), or the deletion of one. Fields that the record lacks
// are empty. Citations share no memory with each other or the reader.
type Citation struct {
	ID
	Deleted bool // the citation is withdrawn; only its ID is known

	Status           string // MEDLINE, PubMed-not-MEDLINE, In-Process, Publisher ...
	Title            string
	VernacularTitle  string // as printed, if Title is a translation
	Abstract         []Section
	OtherAbstracts   []OtherAbstract
	Journal          Journal
	Published        Date // on paper, or as the journal states it
	Electronic       Date // online
	Languages        []string
	PublicationTypes []Named
	MeSH             []Heading
	Supplementary    []Named // diseases, protocols and organisms that are not MeSH headings
	Chemicals        []Chemical
	Keywords         []Keyword
	GeneSymbols      []string
	DOI, PMC         string
}

// Section is a part of an abstract.
type Section struct {
	Label    string // such as METHODS, in an abstract with parts
	Category string // NLM's category of the label
	Text     string
}

// OtherAbstract is another abstract of the same article, in another language or for other readers.
type OtherAbstract struct {
	Type     string // such as Publisher, plain-language-summary
	Language string // three letters
	Sections []Section
}

// Journal is the journal of an article; for a book, Title is the book's.
type Journal struct {
	Title        string
	Abbreviation string // ISO, or NLM's own
	ISSN         string
	NLM          string // NLM's unique identifier
}

// Named is a term of a controlled vocabulary. UI is its unique identifier, such as D016428.
type Named struct{ UI, Name string }

// Heading is a descriptor of MeSH with its qualifiers, as assigned by an indexer.
type Heading struct {
	Named
	Major      bool // a main topic of the article, by itself
	Qualifiers []Qualifier
}

// Qualifier is a subheading: an aspect of the descriptor.
type Qualifier struct {
	Named
	Major bool
}

// MajorTopic reports whether the heading is a main topic of the article, by itself or with a qualifier; this is
// PubMed's [majr].
func (h *Heading) MajorTopic() bool {
	for _, q := range h.Qualifiers {
		if q.Major {
			return true
		}
	}
	return h.Major
}

// Chemical is a substance the article deals with.
type Chemical struct {
	Named
	RegistryNumber string // CAS, EC or UNII; "0" if there is none
}

// Keyword is a term that the authors chose.
type Keyword struct {
	Text  string
	Major bool
}

// Date is a date, as exactly as it is known: Month and Day may be 0, and Year if Text has none.
type Date struct {
	Year, Month, Day int
	Text             string // other text than a calendar date, such as "1998 Dec-1999 Jan" or "Spring"
}

// Document returns title and abstract as a corpus.Document, which has no sections if there is no abstract.
func (c *Citation) Document() corpus.Document {
	d := corpus.Document{ID: strconv.FormatUint(uint64(c.PMID), 10), Title: c.Title}
	for _, s := range c.Abstract {
		d.Sections = append(d.Sections, corpus.Section{Part: corpus.Abstract, Label: s.Label, Text: s.Text})
	}
	return d
}
