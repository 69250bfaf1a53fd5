package relations

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Count is the number of pairs in a split of a corpus, in all and by label.
type Count struct {
	Split  string         `json:"split"` // empty for the whole corpus
	Pairs  int            `json:"pairs"`
	Labels map[string]int `json:"labels"`
}

// CountPairs counts examples by split, in order of first appearance.
func CountPairs(files ...[]Example) []Count {
	var out []Count
	for _, examples := range files {
		for _, e := range examples {
			i := slices.IndexFunc(out, func(c Count) bool { return c.Split == e.Split })
			if i < 0 {
				i = len(out)
				out = append(out, Count{Split: e.Split, Labels: map[string]int{}})
			}
			out[i].Pairs++
			out[i].Labels[e.Label]++
		}
	}
	return out
}

// published returns the counts in the literature: DDI 2013 from the description of the task (Segura-Bedmar et al. 2013),
// the PPI corpora from Airola et al. 2008, ChemProt's totals from Su & Vijay-Shanker 2022, table 1.
func published(corpus string) []Count {
	ppi := func(positive, negative int) []Count {
		return []Count{{"", positive + negative, map[string]int{"1": positive, "0": negative}}}
	}
	switch corpus {
	case "DDI 2013":
		return []Count{
			{"train", 27792, map[string]int{"false": 23772, "effect": 1687, "mechanism": 1319, "advise": 826, "int": 188}},
			{"test", 5716, map[string]int{"false": 4737, "effect": 360, "mechanism": 302, "advise": 221, "int": 96}},
		}
	case "ChemProt":
		return []Count{{"train", 18035, nil}, {"dev", 11268, nil}, {"test", 15745, nil}}
	case "AIMed":
		return ppi(1000, 4834)
	case "BioInfer":
		return ppi(2534, 7132)
	case "HPRD50":
		return ppi(163, 270)
	case "IEPA":
		return ppi(335, 482)
	case "LLL":
		return ppi(164, 166)
	}
	return nil
}

// corpusOf returns the name of the corpus of examples in format, or "" if it has no published counts.
func corpusOf(format string, examples []Example) string {
	switch {
	case len(examples) == 0:
		return ""
	case format == "ddi2013":
		return "DDI 2013"
	case format == "chemprot":
		return "ChemProt"
	case format == "aimed" || format == "ppi-xml":
		name, _, _ := strings.Cut(examples[0].Document, ".")
		return name
	}
	return ""
}

// Differences compares examples in format with the published counts and returns a line for each difference. It also
// reports documents in several folds, and mentions with a text that differs from their name in the corpus.
func Differences(format string, examples []Example) []string {
	corpus := corpusOf(format, examples)
	return slices.Concat(countDifferences(corpus, published(corpus), examples), sharedDocuments(examples), otherNames(examples))
}

// countDifferences returns a line for each split that differs from the published counts.
func countDifferences(corpus string, published []Count, examples []Example) (out []string) {
	got := CountPairs(examples)
	for _, want := range published {
		if want.Split == "" { // the whole corpus, independent of file names
			got = []Count{total(examples)}
		}
		i := slices.IndexFunc(got, func(c Count) bool { return c.Split == want.Split })
		if i < 0 {
			out = append(out, fmt.Sprintf("%s: no %s pairs, published %d", corpus, want.Split, want.Pairs))
			continue
		}
		out = append(out, differences(strings.TrimSpace(corpus+" "+want.Split), got[i], want)...)
	}
	return out
}

// Agreement returns a line that confirms the published counts of examples in format, in all and by label. It returns ""
// if the counts differ or none are published.
func Agreement(format string, examples []Example) string {
	corpus := corpusOf(format, examples)
	want := published(corpus)
	if len(want) == 0 || len(countDifferences(corpus, want, examples)) > 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d pairs, equal to the published count", corpus, len(examples))
}

// total counts examples as one split.
func total(examples []Example) Count {
	all := Count{Pairs: len(examples), Labels: map[string]int{}}
	for _, e := range examples {
		all.Labels[e.Label]++
	}
	return all
}

// sharedDocuments returns a line with the number of documents that are in several folds of the corpus, if any.
func sharedDocuments(examples []Example) []string {
	foldOf, shared := map[string]int{}, map[string]bool{}
	for _, e := range examples {
		if fold, ok := foldOf[e.Document]; ok && fold != e.Fold {
			shared[e.Document] = true
		}
		foldOf[e.Document] = e.Fold
	}
	if len(shared) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of %d documents are in several folds; folds by pair give higher scores than folds by document", len(shared), len(foldOf))}
}

// differences returns one line with the number of pairs and the labels that differ, or nil if nothing differs.
func differences(where string, got, want Count) []string {
	line := fmt.Sprintf("%s: %d pairs, published %d", where, got.Pairs, want.Pairs)
	differ := got.Pairs != want.Pairs
	for _, l := range slices.Sorted(maps.Keys(want.Labels)) {
		if got.Labels[l] != want.Labels[l] {
			line += fmt.Sprintf("; label %s %d, published %d", l, got.Labels[l], want.Labels[l])
			differ = true
		}
	}
	if !differ {
		return nil
	}
	return []string{line}
}

// otherNames returns a line with the number of mentions with a text that differs from their name, ignoring white space,
// and the first of them.
func otherNames(examples []Example) []string {
	seen := map[[4]string]bool{}
	var first string
	for _, e := range examples {
		for _, m := range []Mention{e.A, e.B} {
			under := m.Under(e.Text)
			if !m.Found() || m.Surface == "" || squeeze(under) == squeeze(m.Surface) {
				continue
			}
			if first == "" {
				first = fmt.Sprintf("pair %s: text %q, name %q", e.ID, under, m.Surface)
			}
			seen[[4]string{e.Document, m.ID, fmt.Sprint(m.Spans), e.Text}] = true
		}
	}
	if first == "" {
		return nil
	}
	return []string{fmt.Sprintf("mentions whose text differs from their name in the corpus: %d; the first: %s", len(seen), first)}
}

// squeeze returns s without white space: corpora join the parts of a discontinuous name with or without a space.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }
