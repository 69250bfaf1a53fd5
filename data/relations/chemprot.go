package relations

import (
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

// chemprotFiles holds the files of one split.
type chemprotFiles struct{ abstracts, entities, relations string }

// readChemProt reads the files of the shared task in folder name: for each split abstracts (pmid, title, abstract),
// entities (pmid, id, type, start, end, text) and relations (pmid, group, evaluated, type, Arg1:id, Arg2:id; or the gold
// standard's pmid, group, Arg1:id, Arg2:id). Offsets count characters of title, one separator, abstract. A pair is
// a chemical and a gene in one sentence and has the id pmid.Tchemical.Tgene; groups that the task does not evaluate are
// negative.
func readChemProt(name string, o Options) iter.Seq2[Example, error] {
	o.Types, o.Negative = [2]string{"CHEMICAL", "GENE"}, ChemProt.Negative
	return func(yield func(Example, error) bool) {
		src, err := openSource(name, forms.TSV, o, ".tsv")
		if err != nil {
			yield(Example{}, err)
			return
		}
		defer src.close() // only read from
		sets := chemprotSets(src, o)
		if len(sets) == 0 {
			yield(Example{}, fmt.Errorf("%s: no *_abstracts.tsv with a matching *_entities.tsv", name))
			return
		}
		for _, set := range sets {
			if !readChemProtSplit(src, set, o, yield) {
				return
			}
		}
	}
}

// chemprotSets groups the files of src by split. It skips a split without abstracts or entities with a warning.
func chemprotSets(src *source, o Options) []chemprotFiles {
	sets := map[string]*chemprotFiles{}
	var order []string
	for _, f := range src.files {
		base := strings.TrimSuffix(strings.TrimSuffix(unpackedName(path.Base(f)), ".tsv"), "_gs")
		for kind, keep := range chemprotKinds() {
			key, ok := strings.CutSuffix(base, "_"+kind)
			if !ok {
				continue
			}
			key = path.Join(path.Dir(f), key)
			if sets[key] == nil {
				sets[key] = &chemprotFiles{}
				order = append(order, key)
			}
			keep(sets[key], f)
		}
	}
	var out []chemprotFiles
	for _, key := range order {
		if s := sets[key]; s.abstracts != "" && s.entities != "" {
			out = append(out, *s)
		} else {
			o.warn("%s: abstracts or entities are missing; left out", src.where(key))
		}
	}
	return out
}

func chemprotKinds() map[string]func(*chemprotFiles, string) {
	return map[string]func(*chemprotFiles, string){
		"abstracts":     func(s *chemprotFiles, f string) { s.abstracts = f },
		"entities":      func(s *chemprotFiles, f string) { s.entities = f },
		"relations":     func(s *chemprotFiles, f string) { s.relations = f },
		"gold_standard": func(s *chemprotFiles, f string) { s.relations = f },
	}
}

func readChemProtSplit(src *source, files chemprotFiles, o Options, yield func(Example, error) bool) bool {
	fail := func(err error) bool { yield(Example{}, err); return false }
	abstracts, err := chemprotAbstracts(src, files)
	if err != nil {
		return fail(err)
	}
	faults := faults{options: o, file: src.where(files.entities)}
	if err := chemprotEntities(src, files.entities, abstracts, &faults); err != nil {
		return fail(err)
	}
	if err := faults.end(); err != nil {
		return fail(err)
	}
	rel, err := chemprotRelations(src, files.relations)
	if err != nil {
		return fail(err)
	}
	for _, a := range abstracts.order {
		a.relate = func(x, y annotation) []string { return rel.take(a.id, x.name, y.name) }
		examples, err := a.pairs(o)
		if err != nil {
			return fail(err)
		}
		for _, e := range examples {
			if !yield(e, nil) {
				return false
			}
		}
	}
	if rel.swapped > 0 {
		o.warn("%s: relations with swapped arguments, corrected: %d; the first: %s", src.where(files.relations), rel.swapped, rel.firstSwapped)
	}
	if rest := len(rel.groups); rest > 0 {
		o.warn("%s: %d pairs with an evaluated relation are not %s, or their entities are missing; left out", src.where(files.relations), rest, o.near())
	}
	return true
}

type abstractsByID struct {
	order []*abstract
	byID  map[string]*abstract
}

// chemprotAbstracts reads the abstracts in file order.
func chemprotAbstracts(src *source, files chemprotFiles) (*abstractsByID, error) {
	out := &abstractsByID{byID: map[string]*abstract{}}
	for l, err := range src.lines(files.abstracts) {
		if err != nil {
			return nil, err
		}
		f := strings.SplitN(l.text, "\t", 3)
		if len(f) != 3 {
			return nil, l.errorf("%d columns, want pmid, title, abstract", len(f))
		}
		if out.byID[f[0]] != nil {
			return nil, l.errorf("abstract %s appears twice in the file", f[0])
		}
		a := &abstract{id: f[0], split: src.split(files.abstracts), text: f[1] + "\t" + f[2], oneSpan: true}
		a.sections = []text.Span{{Start: 0, End: len(f[1])}, {Start: len(f[1]) + 1, End: len(a.text)}}
		out.byID[a.id] = a
		out.order = append(out.order, a)
	}
	return out, nil
}

// chemprotEntities adds the mentions to their abstracts. A mention without a valid place is a fault.
func chemprotEntities(src *source, file string, abstracts *abstractsByID, faults *faults) error {
	at := map[*abstract]*text.Offsets{}
	for l, err := range src.lines(file) {
		if err != nil {
			return err
		}
		f := strings.Split(l.text, "\t")
		if len(f) != 6 {
			return l.errorf("%d columns, want pmid, id, type, start, end, text", len(f))
		}
		a := abstracts.byID[f[0]]
		if a == nil {
			return l.errorf("entity %s: abstract %s is not in the abstracts file", f[1], f[0])
		}
		if at[a] == nil {
			at[a] = text.NewOffsets(a.text)
		}
		start, err1 := strconv.Atoi(f[3])
		end, err2 := strconv.Atoi(f[4])
		err := firstError(err1, err2)
		var s text.Span
		if err == nil {
			s, err = at[a].Span(text.Characters, start, end)
		}
		if err != nil {
			faults.add(true, l.errorf("document %s: entity %s: %w", f[0], f[1], err))
			continue
		}
		kind, _, _ := strings.Cut(f[2], "-") // GENE-Y and GENE-N: genes with and without an entry in a database
		m := Mention{Spans: []text.Span{s}, Type: kind, Subtype: f[2], ID: f[1], Surface: f[5]}
		a.mentions = append(a.mentions, annotation{m, f[1], ""})
	}
	return nil
}

// chemprotGroups holds the evaluated groups of the pairs that take has not returned yet.
type chemprotGroups struct {
	groups       map[[3]string][]string
	swapped      int // relations that name the gene first
	firstSwapped string
}

// take removes the groups of a pair and returns them. It also accepts a relation that names the gene first.
func (g *chemprotGroups) take(id, chemical, gene string) []string {
	out := g.groups[[3]string{id, chemical, gene}]
	delete(g.groups, [3]string{id, chemical, gene})
	other := [3]string{id, gene, chemical}
	if swapped, ok := g.groups[other]; ok && gene != chemical {
		delete(g.groups, other)
		if g.swapped++; g.swapped == 1 {
			g.firstSwapped = fmt.Sprintf("document %s: Arg1:%s Arg2:%s", id, gene, chemical)
		}
		out = slices.Concat(out, swapped)
		slices.Sort(out)
		out = slices.Compact(out)
	}
	return out
}

func chemprotRelations(src *source, file string) (*chemprotGroups, error) {
	out := &chemprotGroups{groups: map[[3]string][]string{}}
	if file == "" { // a test set without published relations
		return out, nil
	}
	for l, err := range src.lines(file) {
		if err != nil {
			return nil, err
		}
		f := strings.Split(l.text, "\t")
		if len(f) != 4 && len(f) != 6 {
			return nil, l.errorf("%d columns, want pmid, group, evaluated, type, Arg1:id, Arg2:id", len(f))
		}
		arg1, ok1 := strings.CutPrefix(strings.TrimSpace(f[len(f)-2]), "Arg1:")
		arg2, ok2 := strings.CutPrefix(strings.TrimSpace(f[len(f)-1]), "Arg2:")
		if !ok1 || !ok2 || !strings.HasPrefix(f[1], "CPR:") {
			return nil, l.errorf("relation %q, want a group CPR:N and the arguments Arg1:id and Arg2:id", l.text)
		}
		k := [3]string{f[0], arg1, arg2}
		if slices.Contains(ChemProt.Labels, f[1]) && !slices.Contains(out.groups[k], f[1]) {
			out.groups[k] = append(out.groups[k], f[1])
		}
	}
	for _, g := range slices.Collect(maps.Values(out.groups)) {
		slices.Sort(g)
	}
	return out, nil
}
