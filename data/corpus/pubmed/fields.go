package pubmed

import "strings"

func (p *parser) journal() {
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "ISSN":
			p.c.Journal.ISSN = p.text()
		case "JournalIssue":
			p.each("PubDate", func() { p.c.Published = p.date() })
		case "Title":
			p.c.Journal.Title = p.text()
		case "ISOAbbreviation":
			p.c.Journal.Abbreviation = p.text()
		default:
			p.x.Skip()
		}
	}
}

func (p *parser) medlineJournal() {
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "MedlineTA":
			if name := p.text(); p.c.Journal.Abbreviation == "" {
				p.c.Journal.Abbreviation = name
			}
		case "NlmUniqueID":
			p.c.Journal.NLM = p.text()
		default:
			p.x.Skip()
		}
	}
}

// sections reads the <AbstractText> children of the current element. Empty ones are left out.
func (p *parser) sections(list []Section) []Section {
	p.each("AbstractText", func() {
		s := Section{Label: p.attr("Label"), Category: p.attr("NlmCategory")}
		if s.Text = p.text(); s.Text != "" {
			list = append(list, s)
		}
	})
	return list
}

func (p *parser) otherAbstract() {
	a := OtherAbstract{Type: p.attr("Type"), Language: p.attr("Language")}
	a.Sections = p.sections(nil)
	p.c.OtherAbstracts = append(p.c.OtherAbstracts, a)
}

func (p *parser) heading() {
	var h Heading
	for p.x.Child() {
		major := p.x.Has("MajorTopicYN", "Y")
		switch string(p.x.Name()) {
		case "DescriptorName":
			h.Major, h.Named = major, p.named()
		case "QualifierName":
			h.Qualifiers = append(h.Qualifiers, Qualifier{Named: p.named(), Major: major})
		default:
			p.x.Skip()
		}
	}
	p.c.MeSH = append(p.c.MeSH, h)
}

func (p *parser) chemical() {
	var c Chemical
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "RegistryNumber":
			c.RegistryNumber = p.text()
		case "NameOfSubstance":
			c.Named = p.named()
		default:
			p.x.Skip()
		}
	}
	p.c.Chemicals = append(p.c.Chemicals, c)
}

func (p *parser) keyword() {
	major := p.x.Has("MajorTopicYN", "Y")
	p.c.Keywords = append(p.c.Keywords, Keyword{Text: p.text(), Major: major})
}

func (p *parser) publicationType() {
	p.c.PublicationTypes = append(p.c.PublicationTypes, p.named())
}

// named reads an element with an identifier in its attribute UI.
func (p *parser) named() Named {
	ui := p.attr("UI")
	return Named{UI: ui, Name: p.text()}
}

// identifier reads an identifier of the article; the attribute kind names its kind.
func (p *parser) identifier(kind string) {
	switch {
	case p.x.Has(kind, "doi") && p.c.DOI == "" && !p.x.Has("ValidYN", "N"):
		p.c.DOI = p.text()
	case p.x.Has(kind, "pmc"):
		p.c.PMC = p.text()
	default:
		p.x.Skip()
	}
}

// date reads a date in parts, or a <MedlineDate>, which begins with a year and may go on with a month.
func (p *parser) date() Date {
	var d Date
	for p.x.Child() {
		switch string(p.x.Name()) {
		case "Year":
			d.Year, _ = number(p.text(), 9999)
		case "Month":
			d.Month = month(p.text())
		case "Day":
			d.Day, _ = number(p.text(), 31)
		case "Season":
			d.Text = p.text()
		case "MedlineDate":
			d = medlineDate(p.text())
		default:
			p.x.Skip()
		}
	}
	return d
}

func medlineDate(s string) Date {
	d := Date{Text: s}
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '-' || r == '/' }) {
		if year, ok := number(word, 9999); ok && d.Year == 0 && len(word) == 4 {
			d.Year = year
		} else if d.Year != 0 {
			d.Month = month(word)
			break
		}
	}
	return d
}

// month reads the number or the English name of a month; 0 if it is neither.
func month(s string) int {
	if n, ok := number(s, 12); ok {
		return n
	}
	if len(s) < 3 {
		return 0
	}
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	i := strings.Index(names, strings.ToLower(s[:3]))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}
