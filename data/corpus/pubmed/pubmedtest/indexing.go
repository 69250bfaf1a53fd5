package pubmedtest

// indexing writes the elements that follow the Article in a MedlineCitation.
func (g *generator) indexing(year int) {
	g.putf("<MedlineJournalInfo>\n<Country>%s</Country>\n<MedlineTA>%s</MedlineTA>\n<NlmUniqueID>%d</NlmUniqueID>\n"+
		"<ISSNLinking>1234-0000</ISSNLinking>\n</MedlineJournalInfo>\n", g.name(), g.name(), 1000000+g.r.IntN(100000))
	if g.chance(50) {
		g.put("<ChemicalList>\n")
		for range 1 + g.r.IntN(6) {
			g.putf("<Chemical>\n<RegistryNumber>%d-00-0</RegistryNumber>\n<NameOfSubstance UI=\"D%06d\">%s</NameOfSubstance>\n</Chemical>\n",
				g.r.IntN(9999), g.r.IntN(20000), g.name())
		}
		g.put("</ChemicalList>\n")
	}
	if g.chance(5) {
		g.putf("<SupplMeshList>\n<SupplMeshName Type=\"Disease\" UI=\"C%06d\">%s syndrome</SupplMeshName>\n</SupplMeshList>\n", g.r.IntN(99999), g.name())
	}
	g.put("<CitationSubset>IM</CitationSubset>\n")
	if g.chance(10) {
		g.put("<CommentsCorrectionsList>\n<CommentsCorrections RefType=\"CommentIn\">\n<RefSource>", g.name(),
			". 2001;1(1):1-2</RefSource>\n<PMID Version=\"1\">999</PMID>\n</CommentsCorrections>\n</CommentsCorrectionsList>\n")
	}
	g.headings()
	if g.chance(3) {
		g.put("<OtherAbstract Type=\"Publisher\" Language=\"fre\">\n<AbstractText>")
		g.paragraph(4)
		g.put("</AbstractText>\n</OtherAbstract>\n")
	}
	if g.chance(40) {
		g.put("<KeywordList Owner=\"NOTNLM\">\n")
		for range 3 + g.r.IntN(4) {
			g.putf("<Keyword MajorTopicYN=\"N\">%s %s</Keyword>\n", g.word(), g.word())
		}
		g.put("</KeywordList>\n")
	}
	if g.chance(20) {
		g.putf("<CoiStatement>The authors declare nothing (%d).</CoiStatement>\n", year)
	}
	if g.chance(2) {
		g.put("<InvestigatorList>\n<Investigator ValidYN=\"Y\">\n<LastName>", g.name(), "</LastName>\n</Investigator>\n</InvestigatorList>\n")
	}
}

func (g *generator) headings() {
	if g.chance(20) {
		return
	}
	g.put("<MeshHeadingList>\n")
	for range 5 + g.r.IntN(12) {
		g.putf("<MeshHeading>\n<DescriptorName UI=\"D%06d\" MajorTopicYN=\"%s\">%s %s</DescriptorName>\n", g.r.IntN(20000), pick(g.r, "N", "Y"), g.name(), g.name())
		for range g.r.IntN(3) {
			g.putf("<QualifierName UI=\"Q%06d\" MajorTopicYN=\"N\">%s &amp; %s</QualifierName>\n", g.r.IntN(900), g.word(), g.word())
		}
		g.put("</MeshHeading>\n")
	}
	g.put("</MeshHeadingList>\n")
}

func (g *generator) pubmedData(pmid, year int) {
	g.put("<PubmedData>\n<History>\n")
	for _, status := range []string{"received", "accepted", "pubmed", "medline", "entrez"} {
		g.putf("<PubMedPubDate PubStatus=\"%s\">\n<Year>%d</Year>\n<Month>%d</Month>\n<Day>%d</Day>\n<Hour>6</Hour>\n<Minute>0</Minute>\n</PubMedPubDate>\n",
			status, year, 1+g.r.IntN(12), 1+g.r.IntN(28))
	}
	g.putf("</History>\n<PublicationStatus>ppublish</PublicationStatus>\n<ArticleIdList>\n<ArticleId IdType=\"pubmed\">%d</ArticleId>\n", pmid)
	if g.chance(30) {
		g.putf("<ArticleId IdType=\"pmc\">PMC%d</ArticleId>\n", pmid+5000)
	}
	g.putf("<ArticleId IdType=\"doi\">10.1000/x.%d.%d</ArticleId>\n</ArticleIdList>\n", year, pmid)
	if g.chance(30) {
		g.put("<ReferenceList>\n")
		for range 5 + g.r.IntN(30) {
			g.putf("<Reference>\n<Citation>%s %s. %s %s %s. %d;%d:%d.</Citation>\n<ArticleIdList>\n<ArticleId IdType=\"pubmed\">%d</ArticleId>\n</ArticleIdList>\n</Reference>\n",
				g.name(), g.name(), g.name(), g.word(), g.word(), year-g.r.IntN(20), g.r.IntN(90), g.r.IntN(900), g.r.IntN(30000000))
		}
		g.put("</ReferenceList>\n")
	}
	g.put("</PubmedData>\n")
}
