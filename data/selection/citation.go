package selection

import (
	"fmt"
	"strings"

	"github.com/subbert/subbert/data/corpus/pubmed"
	"github.com/subbert/subbert/data/corpus/query"
)

// citation is a PubMed record as a query.Record.
type citation struct{ *pubmed.Citation }

func (c citation) Heading(wanted map[string]bool, major bool) bool {
	for i := range c.MeSH {
		if h := &c.MeSH[i]; wanted[h.UI] && (!major || h.MajorTopic()) {
			return true
		}
	}
	return false
}

func (c citation) PublicationType(yes func(ui, name string) bool) bool {
	for _, t := range c.PublicationTypes {
		if yes(t.UI, t.Name) {
			return true
		}
	}
	return false
}

func (c citation) Language(code string) bool {
	for _, l := range c.Languages {
		if strings.EqualFold(l, code) {
			return true
		}
	}
	return false
}

func (c citation) Published(from, to query.Date) bool {
	for _, d := range []pubmed.Date{c.Citation.Published, c.Electronic} {
		if d.Year == 0 && len(d.Text) >= 4 { // 1998 Dec-1999 Jan
			_, _ = fmt.Sscanf(d.Text[:4], "%d", &d.Year) // without a year it stays 0
		}
		if (query.Date{Year: d.Year, Month: d.Month, Day: d.Day}).Within(from, to) {
			return true
		}
	}
	return false
}
