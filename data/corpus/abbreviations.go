package corpus

import "strings"

// abbreviation says what a full stop after a word means.
type abbreviation int

const (
	no            abbreviation = iota // it ends the sentence
	always                            // it never ends one: something must follow, as after "Fig." and "e.g."
	beforeNumbers                     // it abbreviates only before a number: "no. 5", "vol. 2"
	sometimes                         // it ends one if the next word is one that begins sentences: "Inc.", "sp."
	seldom                            // it ends one if the next word is capitalised: "etc.", "i.p."
	initial                           // a single capital: "E. coli", "J. Smith", but also "vitamin C."
	etAl                              // seldom after "et", else none
	capitalised                       // sometimes when written with a capital, else none: "Co.", "St."
)

// The words of each kind, in lower case and without their last full stop.
const (
	alwaysWords = `fig figs figure.s eq eqs eqn eqns ref refs tab tabs sect suppl supp ext e.g eg i.e ie cf viz vs v dr
		drs prof mr mrs ms mt ft ca approx resp incl esp excl c.f s.t a.k.a mme rev hon col gen capt sgt lt`
	numberWords = `no nos vol vols pp pg ch chap cat art ver grp gr ed eds jan feb mar apr jun jul aug sep
		sept oct nov dec exp expt pat ser nr`
	sometimesWords = `sp ssp subsp var cv str strs pv bv serovar inc ltd corp llc gmbh univ dept dep inst natl acad sci
		biol chem med mol biochem physiol pharmacol proc lett appl environ microbiol genet immunol neurosci clin exptl
		conc temp diam dil equiv intl int assoc assn jr sr bros ave blvd bldg rd calif mass
		conn penn fla ill mich minn tex wis wash u.s u.k u.s.a e.u a.d b.c ph.d m.d m.sc b.sc d.sc d.v.m r.n st`
	seldomWords = `etc spp i.p i.v i.m s.c p.o i.c.v i.t i.d i.n b.i.d t.i.d q.i.d q.d b.i.w a.m p.m w/v v/v w/w n.s s.d
		s.e s.e.m c.i r.p.m o.d r.t m.w h.p.f d.p.c p.c p.i d.p.i h.p.i nov`
	capitalisedWords = `co corp no is am`
)

// openers are words that begin sentences of scientific English, and that Punkt's statistics, trained on newspapers,
// do not know or take for names.
const openers = `a an the this that these those there it its they their we our he she his her i in on at by for from to of with
	without within into during after before since until while when where whereas whether which what who why how if
	although though because as however therefore thus hence moreover furthermore additionally also finally interestingly
	importantly notably surprisingly consistent similarly conversely likewise instead indeed nevertheless nonetheless
	overall taken together consequently subsequently previously recently currently first second third next then here
	both each all some many most several few no not none neither either such other another one two three four five six
	seven eight nine ten and but or nor so yet only even despite unlike like using based given compared according
	following upon among between under over above below through across per via except data results samples cells mice
	rats animals patients subjects participants women men children studies study analysis analyses expression
	mutations mutation mutants sequences sequence proteins protein genes gene primers antibodies images tissues tissue
	sections slides embryos plasmids blood serum plasma tumor tumors total treatment inhibition activation loss
	deletion overexpression quantification statistical experiments experimental methods conclusions conclusion background
	objective aim purpose values error bars scale arrows arrowheads asterisks note see shown`

// lettered are words to which a following single capital letter belongs: "Vitamin C", "panel B". They count in upper
// and lower case. Other words in lower case are treated alike, "kappa B", unless they are letterless or participles.
const lettered = `vitamin hepatitis group groups type types class protein proteins factor panel panels influenza
	immunoglobulin cyclosporin cyclosporine phase arm level site figure figures fig fig. figs figs. table tables appendix
	box cohort stage grade cytochrome coenzyme strain subtype subunit chain region domain exon clade genotype haplotype
	allele case patient sample lane column row part section condition treatment method model experiment line clone plate
	set series category serotype serogroup lipid toxin neurotoxin kinase rnase dnase cathepsin lamin tenascin cyclin cyclins
	protease interferon apolipoprotein gene versus vs vs. = kappa lambda receptor hemoglobin haemoglobin complex ring wing`

// letterless are words in lower case to which a following single capital letter does not belong, because it begins a
// name. They are function words, and titles of people.
const letterless = `a an the this that these those there it its they their them we our us he she his her him i you your who whom whose
	which what why how in on at by for from to of with without within into onto upon during after before since until till while
	when where whereas whether if although though because as than and but or nor so yet only even also both each all some any many
	most several few no not none neither either such other another not per via et al cf e.g i.e despite unlike like using based
	given between among above below over under through across against toward towards about around near is are was were be been
	being am has have had having do does did can could may might must shall should will would de del della der den di da du la le
	van von dos das el bin ibn saint late author authors coauthor coauthors co-author co-authors editor editors colleague colleagues
	collaborator collaborators doctor doctors physician surgeon surgeons nurse professor professors student students
	investigator investigators scientist scientists researcher technician technicians statistician pathologist president director
	founder anatomist chemist biologist physiologist botanist zoologist thank thanks acknowledge acknowledges gratitude grateful
	indebted see says said wrote writes notes credit credits dear named called bacterium bacteria pathogen pathogens organism
	serovar serovars salmonella recipient recipients member members fellow fellows assistant assistants trainee trainees intern
	interns reviewer reviewers coordinator manager curator friend friends wife husband son daughter brother sister mother father
	mentor supervisor chairman secretary officer engineer midwife volunteer volunteers`

// serovars are kinds of Salmonella, which are written with a capital.
const serovars = `typhimurium typhi paratyphi enteritidis choleraesuis dublin newport infantis heidelberg gallinarum pullorum`

// headings are the headings of sections of abstracts.
const headings = `background objective objectives aim aims purpose introduction hypothesis rationale context design setting settings
	patients participants subjects population material materials method methods intervention interventions measurements outcome
	outcomes result results finding findings discussion conclusion conclusions interpretation significance implications limitations
	abbreviations abbreviation note notes funding registration`

// numbered are words after whose full stop a number may follow without a space: "Fig.2", "No.5".
const numbered = ` fig figs no nos eq ref refs vol pp p ver v cat tab suppl exp lot `

func abbreviations() map[string]abbreviation {
	all := make(map[string]abbreviation)
	for _, list := range []struct {
		words string
		kind  abbreviation
	}{
		{sometimesWords, sometimes}, {seldomWords, seldom}, {capitalisedWords, capitalised}, {numberWords, beforeNumbers},
		{alwaysWords, always}, {"al", etAl},
	} {
		for _, w := range strings.Fields(list.words) {
			all[w] = list.kind
		}
	}
	return all
}
