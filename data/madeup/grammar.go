package madeup

import (
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

// grammar expands templates to text. A template is a sentence, or part of one, with {slots}.
type grammar struct {
	rng *rand.Rand
}

// fill replaces each {slot} of template by its entry in bound, or else by a random phrase of the slot,
// filled in turn. It panics on an unknown slot: the templates are constants of this package.
func (g grammar) fill(template string, bound map[string]string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		slot, after, _ := strings.Cut(rest, "}")
		out.WriteString(g.slot(slot, bound))
		template = after
	}
}

func (g grammar) slot(slot string, bound map[string]string) string {
	if s, ok := bound[slot]; ok {
		return s
	}
	if slot == "n" {
		return number(g.rng)
	}
	list, ok := phrases[slot]
	if !ok {
		panic("madeup: no phrases for {" + slot + "}")
	}
	return g.fill(pick(g.rng, list), bound)
}

// sentence fills template and makes it a sentence, with a capital at the start and a full stop at the end.
func (g grammar) sentence(template string, bound map[string]string) string {
	return finish(g.fill(template, bound))
}

// finish makes a clause a sentence.
func finish(s string) string { return capital(s) + "." }

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// number is a number of participants in a study: 12 to 480, in steps of 12.
func number(rng *rand.Rand) string {
	n := 12 * (1 + rng.IntN(40))
	var digits []byte
	for ; n > 0; n /= 10 {
		digits = append([]byte{byte('0' + n%10)}, digits...)
	}
	return string(digits)
}

// phrases lists the phrases of each slot. Past tense and modal verbs avoid agreement in number.
var phrases = map[string][]string{
	"changed":   {"increased", "raised", "reduced", "lowered", "enhanced", "diminished"},
	"change":    {"increase", "raise", "reduce", "lower", "enhance", "diminish"},
	"altered":   {"increased", "raised", "reduced", "lowered", "enhanced", "diminished"},
	"adjusted":  {"increased", "raised", "reduced", "lowered", "halved"},
	"level":     {"plasma concentration", "serum level", "{clearance}", "absorption", "exposure", "bioavailability"},
	"clearance": {"clearance", "renal clearance", "half-life", "metabolism"},
	"effect":    {"sedative effect", "bleeding tendency", "hypotensive effect", "hypoglycaemic effect", "anticonvulsant effect", "analgesic effect", "toxicity", "response"},
	"harm":      {"drowsiness", "bleeding", "dizziness", "headache", "nausea", "a slow pulse"},
	"more":      {"more", "less", "increased", "reduced"},
	"often":     {"more often", "less often", "twice as often"},
	"seen":      {"seen", "observed", "reported", "described", "noted"},
	"given":     {"given", "administered", "prescribed", "used"},
	"together":  {"together", "at the same time", "concomitantly", "in combination"},
	"blocked":   {"inhibited", "induced", "blocked", "activated"},
	"enzyme":    {"the enzyme", "the main enzyme", "the liver enzyme", "the transporter"},
	"patients":  {"patients", "elderly patients", "healthy volunteers", "adults", "children", "women", "men"},
	"people":    {"patients", "elderly patients", "adults"},
	"condition": {"anxiety", "thrombosis", "hypertension", "diabetes", "epilepsy", "chronic pain", "renal failure", "liver disease"},
	"period":    {"two weeks", "four weeks", "six months", "one year", "ten days"},
	"food":      {"food", "water", "a light meal", "milk"},
	"marker":    {"the body weight", "the heart rate", "the blood count", "the body temperature"},
	"study":     {"study", "trial", "crossover study", "open trial", "cohort"},
	"watched":   {"monitored", "observed", "followed", "watched"},
	"avoided":   {"avoided", "stopped", "delayed"},
	"showed":    {"showed", "suggested", "confirmed", "indicated"},
	"rose":      {"rose", "fell", "doubled", "did not change", "returned to normal"},
	"cells":     {"liver cells", "kidney cells", "nerve cells", "muscle cells", "cultured cells"},
	"assay":     {"a binding assay", "a reporter assay", "western blotting", "mass spectrometry", "gene silencing"},
	"bound":     {"bound", "activated", "inhibited", "phosphorylated", "stabilised", "recruited"},
	"process":   {"cell growth", "cell death", "cell division", "cell migration", "the stress response", "inflammation"},
	"tissue":    {"the liver", "the kidney", "the brain", "muscle", "the skin"},
	"solvent":   {"water", "buffer", "warm buffer", "salt solution"},
	"place":     {"a rural school", "a city hospital", "a nursing home", "a training centre", "a day clinic"},
	"habit":     {"walking", "sleep", "reading", "hand washing", "posture", "swimming"},
	"method":    {"a questionnaire", "interviews", "a diary", "direct observation", "a short test"},
	"helped":    {"improved", "worsened", "stayed the same", "improved at first"},
	"aim":       {"we studied", "we examined", "we asked about", "this {study} examined", "our aim was to describe"},
	"clearly":   {"clearly", "slightly", "markedly", "significantly", "moderately"},
}
