package relations

import (
	"encoding/json"
	"fmt"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
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

// readAIMed reads the JSON lines of name: a folder with test_0.json ... test_9.json, whose numbers are the folds,
// or one file. The training part of a fold is the union of the other folds.
func readAIMed(name string, o Options) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		src, err := openSource(name, o, ".json", ".jsonl")
		if err != nil {
			yield(Example{}, err)
			return
		}
		defer src.close() // read only: what matters is Read's error
		files, err := foldFiles(src, name)
		if err != nil {
			yield(Example{}, err)
			return
		}
		for _, f := range files {
			examples, err := readFold(src, f)
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
}

func readFold(src *source, f foldFile) ([]Example, error) {
	var out []Example
	for l, err := range src.lines(f.path) {
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(l.text) == "" {
			continue
		}
		e, err := parseAIMed(l, f.fold)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	shareMentions(out)
	return out, nil
}

// shareMentions gives every example the mentions of all pairs of its sentence: a line names only its own two.
func shareMentions(examples []Example) {
	type sentence struct{ document, text string }
	all := map[sentence][]Mention{}
	for _, e := range examples {
		k := sentence{e.Document, e.Text}
		for _, m := range []Mention{e.A, e.B} {
			same := func(n Mention) bool { return slices.Equal(n.Spans, m.Spans) }
			if !slices.ContainsFunc(all[k], same) {
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

// foldFiles are the files test_N.json of src in the order of N. A file that was named alone is taken as it is.
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
		return nil, fmt.Errorf("%s: no test_0.json, test_1.json, ... in it", name)
	}
	slices.SortFunc(out, func(a, b foldFile) int { return a.fold - b.fold })
	return out, nil
}

func foldNumber(file string) (int, bool) {
	base, isJSON := strings.CutSuffix(path.Base(file), ".json")
	digits, isTest := strings.CutPrefix(base, "test_")
	n, err := strconv.Atoi(digits)
	return n, isJSON && isTest && err == nil && n >= 0
}

func parseAIMed(l line, fold int) (Example, error) {
	var a aimedLine
	if err := json.Unmarshal([]byte(l.text), &a); err != nil {
		return Example{}, l.errorf("not a JSON object of the corpus: %w", err)
	}
	if len(a.Relation) != 1 {
		return Example{}, l.errorf("%d relations, want 1", len(a.Relation))
	}
	r, off := a.Relation[0], newOffsets(a.Text)
	label, ok := map[string]string{"positive": "1", "negative": "0"}[r.Type]
	if !ok {
		return Example{}, l.errorf("relation type %q, want positive or negative", r.Type)
	}
	e := Example{ID: a.ID, Document: documentOfPair(a.ID), Fold: fold, Text: a.Text, Label: label}
	var err1, err2 error
	e.A, err1 = aimedMention(off, r.Name1, r.Type1, r.At1)
	e.B, err2 = aimedMention(off, r.Name2, r.Type2, r.At2)
	if err1 != nil || err2 != nil {
		return Example{}, l.errorf("pair %s: %w", a.ID, firstError(err1, err2))
	}
	return e, nil
}

func aimedMention(off offsets, name, kind string, at [][2]int) (Mention, error) {
	// Names of overlapping mentions still carry the marks of the tagged copy of the sentence.
	surface := strings.NewReplacer("[E1]", "", "[/E1]", "", "[E2]", "", "[/E2]", "").Replace(name)
	m := Mention{Type: "PROTEIN", Subtype: kind, Surface: surface}
	for _, r := range at {
		s, err := off.span(r[0], r[1])
		if err != nil {
			return m, fmt.Errorf("mention %q: %w", surface, err)
		}
		m.Spans = append(m.Spans, s)
	}
	if !m.Found() {
		return m, fmt.Errorf("mention %q has no position", surface)
	}
	sortSpans(m.Spans)
	return m, nil
}

// documentOfPair is the document of a pair id such as AIMed.d193.s1641_AIMed.d193.s1641.p0.
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
