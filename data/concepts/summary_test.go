package concepts

import (
	"bytes"
	"errors"
	"iter"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/extracted"
)

func row(pmid, a, b, label string, p float32) extracted.Row {
	return extracted.Row{PMID: pmid, A: "name of " + a, AID: a, AType: "Chemical", B: "name of " + b, BID: b, BType: "Disease", Label: label, Probability: p}
}

func all(rows []extracted.Row) iter.Seq2[extracted.Row, error] {
	return func(yield func(extracted.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// counted is what the tests look at in a group.
type counted struct {
	Label, A, B    string
	Articles, Rows int
	Best           float32
	Together       float64 // rounded to six digits
}

func TestSummarize(t *testing.T) {
	tests := []struct {
		name    string
		rows    []extracted.Row
		options SummaryOptions
		want    []counted
	}{
		{"nothing", nil, SummaryOptions{}, nil},
		{"one row", []extracted.Row{row("1", "C1", "D1", "x", .75)}, SummaryOptions{}, []counted{{"x", "C1", "D1", 1, 1, .75, .75}}},
		{"the best row of an article counts, whichever is first",
			[]extracted.Row{row("1", "C1", "D1", "x", .25), row("1", "C1", "D1", "x", .75), row("1", "C1", "D1", "x", .5)}, SummaryOptions{},
			[]counted{{"x", "C1", "D1", 1, 3, .75, .75}}},
		{"articles are combined as if they erred independently",
			[]extracted.Row{row("1", "C1", "D1", "x", .5), row("2", "C1", "D1", "x", .25), row("2", "C1", "D1", "x", .75), row("3", "C1", "D1", "x", .5)}, SummaryOptions{},
			[]counted{{"x", "C1", "D1", 3, 4, .75, 1 - .5*.25*.5}}},
		{"a certain article makes the relation certain", []extracted.Row{row("1", "C1", "D1", "x", 1), row("2", "C1", "D1", "x", .5)}, SummaryOptions{},
			[]counted{{"x", "C1", "D1", 2, 2, 1, 1}}},
		{"either order of the mentions", []extracted.Row{row("1", "D1", "C1", "x", .5), row("2", "C1", "D1", "x", .5)}, SummaryOptions{},
			[]counted{{"x", "D1", "C1", 2, 2, .5, .75}}},
		{"labels apart", []extracted.Row{row("1", "C1", "D1", "x", .5), row("1", "C1", "D1", "y", .75)}, SummaryOptions{},
			[]counted{{"y", "C1", "D1", 1, 1, .75, .75}, {"x", "C1", "D1", 1, 1, .5, .5}}},
		{"with and without MESH:, in the form of the first row", []extracted.Row{row("1", "MESH:C1", "D1", "x", .5), row("2", "mesh:D1", "C1", "x", .5), row("3", "OMIM:1", "D1", "x", .5)}, SummaryOptions{},
			[]counted{{"x", "MESH:C1", "D1", 2, 2, .5, .75}, {"x", "OMIM:1", "D1", 1, 1, .5, .5}}},
		{"identifiers of several parts", []extracted.Row{row("1", "C1|C2", "D1;D2", "x", .5)}, SummaryOptions{},
			[]counted{{"x", "C1", "D1", 1, 1, .5, .5}, {"x", "C1", "D2", 1, 1, .5, .5}, {"x", "C2", "D1", 1, 1, .5, .5}, {"x", "C2", "D2", 1, 1, .5, .5}}},
		{"a row counts once for two concepts", []extracted.Row{row("1", "C1|MESH:C1", "D1,D1", "x", .5), row("1", "C1|C2", "C2|C1", "y", .5)}, SummaryOptions{},
			[]counted{{"y", "C1", "C2", 1, 1, .5, .5}, {"x", "C1", "D1", 1, 1, .5, .5}}},
		{"a concept has no relation to itself", []extracted.Row{row("1", "C1", "MESH:C1", "x", .5)}, SummaryOptions{}, nil},
		{"unknown concepts", []extracted.Row{row("1", "", "D1", "x", .5), row("1", "-", "D1", "x", .5), row("1", "C1", "-1", "x", .5), row("1", "C1|-1", "-,D1", "x", .5)}, SummaryOptions{},
			[]counted{{"x", "C1", "D1", 1, 1, .5, .5}}},
		{"no relation, and improbable rows", []extracted.Row{row("1", "C1", "D1", "no", 1), row("1", "C1", "D1", "x", .25), row("2", "C1", "D1", "x", .5)}, SummaryOptions{Negative: "no", MinProbability: .5},
			[]counted{{"x", "C1", "D1", 1, 1, .5, .5}}},
		{"order: articles, combined probability, identifiers",
			[]extracted.Row{row("1", "C3", "D1", "x", .5), row("1", "C2", "D1", "x", .5), row("1", "C4", "D1", "x", .75), row("1", "C5", "D1", "x", .25), row("2", "C5", "D1", "x", .25)}, SummaryOptions{},
			[]counted{{"x", "C5", "D1", 2, 2, .25, .4375}, {"x", "C4", "D1", 1, 1, .75, .75}, {"x", "C2", "D1", 1, 1, .5, .5}, {"x", "C3", "D1", 1, 1, .5, .5}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			groups, err := Summarize(all(tt.rows), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			var got []counted
			for _, g := range groups {
				got = append(got, counted{g.Label, g.A.ID, g.B.ID, g.Articles, g.Rows, g.Best, math.Round(g.Together*1e6) / 1e6})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestSentences: a group keeps its most probable sentences, the earlier of equal ones first, and the name of
// each concept, whichever mention comes first.
func TestSentences(t *testing.T) {
	said := func(sentence, a, aID, b, bID string, p float32) extracted.Row {
		return extracted.Row{PMID: sentence, Sentence: sentence, A: a, AID: aID, AType: "Chemical", B: b, BID: bID, BType: "Disease", Label: "x", Probability: p}
	}
	groups, err := Summarize(all([]extracted.Row{
		said("1", "Zin", "C1", "ague", "D1", .5), said("2", "ague", "D1", "zin", "C1", .75), said("3", "zin", "C1", "palsy", "D1", .75), said("4", "zinum", "C1", "ague\tor so", "D1", .25),
	}), SummaryOptions{Sentences: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) != 1 {
		t.Fatalf("%d groups, want 1", len(groups))
	}
	g := groups[0]
	if diff := cmp.Diff([]Concept{{"C1", "Chemical", "zin"}, {"D1", "Disease", "ague"}}, []Concept{g.A, g.B}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(g.Sentences) != 2 || g.Sentences[0].Sentence != "2" || g.Sentences[1].Sentence != "3" {
		t.Errorf("sentences %+v, want 2 and 3", g.Sentences)
	}
	var table bytes.Buffer
	if err := WriteTable(&table, groups); err != nil {
		t.Fatal(err)
	}
	want := "a\ta_id\ta_type\tlabel\tb\tb_id\tb_type\tarticles\trows\tbest\tcombined\tpmid\tsentence\n" +
		"zin\tC1\tChemical\tx\tague\tD1\tDisease\t4\t4\t0.7500\t0.9766\t2\t2\n"
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestNames: a concept has one name in all relations, the one in most articles, however often others repeat in one article.
func TestNames(t *testing.T) {
	named := func(article, a, label string) extracted.Row {
		return extracted.Row{PMID: article, A: a, AID: "C1", B: "ague", BID: "D1", Label: label, Probability: 1}
	}
	for _, tt := range []struct {
		want  string
		first []string // names in article 1, of relation x
		then  []string // in article 2, of relation y
	}{
		{"zin", []string{"zin"}, []string{"zin", "Z"}},
		{"zinum", []string{"ZN", "ZN", "ZN", "zinum"}, []string{"zinum"}},
		{"zinum", []string{"ZN", "ZN", "zinum"}, []string{"ZN", "zinum"}}, // equals: the longest
		{"Zinum", []string{"zinum"}, []string{"Zinum"}},                   // the alphabetically first
	} {
		var rows []extracted.Row
		for _, a := range tt.first {
			rows = append(rows, named("1", a, "x"))
		}
		for _, a := range tt.then {
			rows = append(rows, named("2", a, "y"))
		}
		groups, err := Summarize(all(rows), SummaryOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			if g.A.Name != tt.want {
				t.Errorf("%v, %v: relation %s has the name %q, want %q", tt.first, tt.then, g.Label, g.A.Name, tt.want)
			}
		}
	}
}

func TestSummarizeFails(t *testing.T) {
	broken := errors.New("broken")
	_, err := Summarize(func(yield func(extracted.Row, error) bool) {
		if yield(row("1", "C1", "D1", "x", .5), nil) {
			yield(extracted.Row{}, broken)
		}
	}, SummaryOptions{})
	if !errors.Is(err, broken) {
		t.Errorf("%v, want the reader's error", err)
	}
}
