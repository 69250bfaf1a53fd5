package mesh

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Descriptor is a subject heading.
type Descriptor struct {
	UI          string   // such as D011506
	Class       string   // "1" topic, "2" publication type, "3" check tag, "4" place
	Name        string   // such as Proteins
	Terms       []string // all names, Name included, in the order of the file
	TreeNumbers []string // places in the tree, such as D12.776; none in some classes
}

// Vocabulary is a year's descriptors. It does not change and is safe for concurrent use.
type Vocabulary struct {
	year  int
	list  []Descriptor
	byUI  map[string]int
	byKey map[string][]int // indexes into list, by the key of a name or entry term
	tree  []place          // sorted by number
}

type place struct {
	number string
	at     int // in list
}

// newVocabulary makes a vocabulary of descriptors. It fails if two have the same UI.
func newVocabulary(list []Descriptor, year int) (*Vocabulary, error) {
	v := &Vocabulary{year: year, list: list, byUI: make(map[string]int, len(list)), byKey: map[string][]int{}}
	for i := range list {
		d := &list[i]
		if j, ok := v.byUI[d.UI]; ok {
			return nil, fmt.Errorf("descriptor %s occurs twice: %s and %s", d.UI, list[j].Name, d.Name)
		}
		v.byUI[d.UI] = i
		for _, term := range d.Terms {
			if k := key(term); len(v.byKey[k]) == 0 || !slices.Contains(v.byKey[k], i) {
				v.byKey[k] = append(v.byKey[k], i)
			}
		}
		for _, number := range d.TreeNumbers {
			v.tree = append(v.tree, place{number, i})
		}
	}
	slices.SortFunc(v.tree, func(a, b place) int { return strings.Compare(a.number, b.number) })
	return v, nil
}

// Len is the number of descriptors. Year is the year of the descriptors, 0 if unknown.
func (v *Vocabulary) Len() int  { return len(v.list) }
func (v *Vocabulary) Year() int { return v.year }

// Descriptor returns the descriptor with a UI.
func (v *Vocabulary) Descriptor(ui string) (*Descriptor, bool) {
	i, ok := v.byUI[ui]
	if !ok {
		return nil, false
	}
	return &v.list[i], true
}

// Find returns the descriptors with a word or phrase as name or entry term; case does not matter. If there are none, it
// looks for the singular or plural, as PubMed does for "gene" and Genes. A descriptor's own name takes precedence over
// entry terms.
func (v *Vocabulary) Find(words string) []*Descriptor {
	k := key(words)
	for _, variant := range append([]string{k}, variants(k)...) {
		at := v.byKey[variant]
		if len(at) == 0 {
			continue
		}
		var found []*Descriptor
		for _, i := range at {
			found = append(found, &v.list[i])
		}
		sort.SliceStable(found, func(i, j int) bool { return key(found[i].Name) == variant && key(found[j].Name) != variant })
		return found
	}
	return nil
}

// key is the form in which names are compared: lower case, letters and digits with single spaces between.
func key(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return r == ' ' || r == '\t' || r == '-' || r == ',' || r == '/' || r == '(' || r == ')'
	}), " ")
}

// variants are the plural and the singular of the last word of a key, guessed from the spelling.
func variants(k string) []string {
	switch {
	case len(k) < 3:
		return nil
	case strings.HasSuffix(k, "ies"):
		return []string{k[:len(k)-3] + "y", k[:len(k)-1]}
	case strings.HasSuffix(k, "ses"), strings.HasSuffix(k, "xes"), strings.HasSuffix(k, "ches"), strings.HasSuffix(k, "shes"):
		return []string{k[:len(k)-2], k[:len(k)-1]}
	case strings.HasSuffix(k, "s"):
		return []string{k[:len(k)-1], k + "es"}
	case strings.HasSuffix(k, "y"):
		return []string{k[:len(k)-1] + "ies", k + "s"}
	}
	return []string{k + "s", k + "es"}
}

// Explode returns a descriptor and all descriptors below any of its places in the tree, sorted by UI; nil if there is
// no such descriptor.
func (v *Vocabulary) Explode(ui string) []string {
	top, ok := v.byUI[ui]
	if !ok {
		return nil
	}
	found := map[int]bool{top: true}
	for _, number := range v.list[top].TreeNumbers {
		below := number + "."
		i, _ := slices.BinarySearchFunc(v.tree, below, func(p place, s string) int { return strings.Compare(p.number, s) })
		for ; i < len(v.tree) && strings.HasPrefix(v.tree[i].number, below); i++ {
			found[v.tree[i].at] = true
		}
	}
	var uis []string
	for i := range found {
		uis = append(uis, v.list[i].UI)
	}
	slices.Sort(uis)
	return uis
}
