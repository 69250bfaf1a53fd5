package relations

import (
	"encoding/json"
	"fmt"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

type aimedLine struct {
	ID       string `json:"id"`
	Text     string `json:"text"`
	Relation []struct {
		Type  string   `json:"relation_type"`
		Name1 string   `json:"entity_1"`
		Name2 string   `json:"entity_2"`
		Type1 string   `json:"entity_1_type"`
		Type2 string   `json:"entity_2_type"`
		At1   [][2]int `json:"entity_1_idx"`
		At2   [][2]int `json:"entity_2_idx"`
	} `json:"relation"`
}

// readAIMed reads the JSON lines of name: one file, or a folder with test_0.json ... test_9.json, where the number is
// the fold. The training part of a fold is the union of the other folds. If positive and negative are the only relation
// types, as in the PPI corpora, the labels are 1 and 0 and every mention is a PROTEIN. Otherwise labels and types are
// those of the file, except that negative becomes 0.
func readAIMed(name string, o Options) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		examples, err := readFolds(name, o)
		if err != nil {
			yield(Example{}, err)
			return
		}
		for _, e := range examples {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func readFolds(name string, o Options) ([]Example, error) {
	src, err := openSource(name, forms.AIMed, o, ".json", ".jsonl")
	if err != nil {
		return nil, err
	}
	defer src.close() // only read from
	files, err := foldFiles(src, name)
	if err != nil {
		return nil, err
	}
	var out []Example
	for _, f := range files {
		for l, err := range src.lines(f.path) {
			if err != nil {
				return nil, err
			}
			if strings.TrimSpace(l.text) == "" {
				continue
			}
			e, err := parseAIMed(l, f.fold, o)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	classify(out)
	shareMentions(out)
	return out, nil
}

// classify gives the examples of a PPI corpus the labels of PPI, and their mentions its type. In other corpora it only
// replaces the label negative.
func classify(examples []Example) {
	binary := !slices.ContainsFunc(examples, func(e Example) bool { return e.Label != "positive" && e.Label != "negative" })
	for i := range examples {
		e := &examples[i]
		switch {
		case e.Label == "negative":
			e.Label = PPI.Negative
		case binary:
			e.Label = "1"
		}
		if binary {
			e.A.Type, e.B.Type = "PROTEIN", "PROTEIN"
		}
	}
}

// shareMentions gives every example the mentions of all pairs of its sentence, from all folds: a line names only its
// own two.
func shareMentions(examples []Example) {
	type sentence struct{ document, text string }
	type place struct {
		sentence
		spans string
	}
	all, seen := map[sentence][]Mention{}, map[place]bool{}
	for _, e := range examples {
		k := sentence{e.Document, e.Text}
		for _, m := range []Mention{e.A, e.B} {
			at := place{k, fmt.Sprint(m.Spans)}
			if !seen[at] {
				seen[at] = true
				all[k] = append(all[k], m)
			}
		}
	}
	for i := range examples {
		examples[i].Mentions = all[sentence{examples[i].Document, examples[i].Text}]
	}
}

type foldFile struct {
	path string
	fold int
}

// foldFiles returns the files test_N.json of src in the order of N. A single file may have any name.
func foldFiles(src *source, name string) ([]foldFile, error) {
	var out []foldFile
	for _, f := range src.files {
		if fold, ok := foldNumber(f); ok {
			out = append(out, foldFile{f, fold})
		}
	}
	if len(out) == 0 && len(src.files) == 1 && src.where(src.files[0]) == path.Clean(name) {
		return []foldFile{{src.files[0], NoFold}}, nil
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no files named test_0.json to test_9.json", name)
	}
	slices.SortFunc(out, func(a, b foldFile) int { return a.fold - b.fold })
	return out, nil
}

func foldNumber(file string) (int, bool) {
	base, isJSON := strings.CutSuffix(unpackedName(path.Base(file)), ".json")
	digits, isTest := strings.CutPrefix(base, "test_")
	n, err := strconv.Atoi(digits)
	return n, isJSON && isTest && err == nil && n >= 0
}

func parseAIMed(l line, fold int, o Options) (Example, error) {
	var a aimedLine
	if err := json.Unmarshal([]byte(l.text), &a); err != nil {
		return Example{}, l.errorf("not a JSON object of the corpus: %w", err)
	}
	if len(a.Relation) != 1 {
		return Example{}, l.errorf("%d relations, want 1", len(a.Relation))
	}
	r, off := a.Relation[0], text.NewOffsets(a.Text)
	if r.Type == "" {
		return Example{}, l.errorf("no relation type")
	}
	clean, move := text.WithoutNUL(a.Text)
	*o.nuls += len(a.Text) - len(clean)
	e := Example{ID: a.ID, Document: documentOfPair(a.ID), Fold: fold, Text: clean, Label: r.Type}
	var err1, err2 error
	e.A, err1 = aimedMention(off, move, r.Name1, r.Type1, r.At1)
	e.B, err2 = aimedMention(off, move, r.Name2, r.Type2, r.At2)
	if err1 != nil || err2 != nil {
		return Example{}, l.errorf("pair %s: %w", a.ID, firstError(err1, err2))
	}
	return e, nil
}

func aimedMention(off *text.Offsets, move func(text.Span) text.Span, name, kind string, at [][2]int) (Mention, error) {
	// Names of overlapping mentions still carry the marks of the tagged copy of the sentence.
	surface := strings.NewReplacer("[E1]", "", "[/E1]", "", "[E2]", "", "[/E2]", "", "\x00", "").Replace(name)
	m := Mention{Type: tagName(kind), Subtype: kind, Surface: surface}
	for _, r := range at {
		s, err := off.Span(text.Characters, r[0], r[1])
		if err != nil {
			return m, fmt.Errorf("mention %q: %w", surface, err)
		}
		if s = move(s); s.Len() > 0 {
			m.Spans = append(m.Spans, s)
		}
	}
	if !m.Found() {
		return m, fmt.Errorf("mention %q has no position", surface)
	}
	sortSpans(m.Spans)
	return m, nil
}

// documentOfPair returns the document of a pair id such as AIMed.d193.s1641_AIMed.d193.s1641.p0.
func documentOfPair(id string) string {
	sentence, _, _ := strings.Cut(id, "_")
	if i := strings.LastIndex(sentence, ".s"); i >= 0 {
		return sentence[:i]
	}
	return sentence
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
