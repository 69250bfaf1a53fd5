package evaluate

import (
	"slices"
	"strings"
)

// stopWords are English function words: articles, pronouns, prepositions, conjunctions and auxiliaries. Negations are
// not among them, because they matter to a relation.
var stopWords = strings.Fields(`
a about above after again against al all also although am among an and another any are as at
be because been before being below between both but by
can could did do does doing done down during each either et
for from further had has have having he her here hers him his how however
i if in into is it its itself may might more most much must my
of off on once only onto or other our out over own per
s same shall she should since so some such
t than that the their theirs them then there thereby therefore these they this those through thus to too toward towards
under until up upon us very via was we were what when where whereas whether which while who whom whose why will with within would
yet you your`)

// isStopWord reports whether a lower-case word is one of stopWords.
func isStopWord(word string) bool {
	_, found := slices.BinarySearch(stopWords, word)
	return found
}
