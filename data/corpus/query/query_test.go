package query

import (
	"errors"
	"strings"
	"testing"

	"github.com/subbert/subbert/data/corpus"
)

var mouse = corpus.Document{
	Title: "Signalling of the IL-2 receptor in mice",
	Sections: []corpus.Section{
		{Part: corpus.Abstract, Text: "Kinases drive signal transduction. A Protein binds the gene's promoter (p53)."},
		{Part: corpus.Body, Text: "Größe and β-Actin were measured."},
	},
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		query string
		want  bool
	}{
		{"protein", true},
		{"PROTEIN", true},
		{"proteins", false},
		{"protein*", true},
		{"kinase", false},
		{"kinase*", true},
		{"drug OR gene", true},
		{"drug AND gene", false},
		{"protein gene", true},
		{"protein drug", false},
		{"protein NOT mice", false},
		{"protein AND NOT rats", true},
		{"protein NOT (rats OR drug)", true},
		{"drug OR protein AND rats", false}, // from left to right
		{"drug OR (protein AND rats)", false},
		{"protein OR (drug AND rats)", true},
		{"protein OR drug AND rats", false}, // PubMed applies the AND last
		{`"signal transduction"`, true},
		{`"transduction signal"`, false},
		{`"signal trans*"`, true},
		{`"the gene s promoter"`, true},
		{"IL-2", true},
		{"IL-3", false},
		{"p53[ab]", true},
		{"p53[ti]", false},
		{"mice[ti]", true},
		{"mice[ab]", false},
		{"mice[tiab]", true},
		{"actin[tiab]", false},
		{"actin[all]", true},
		{"actin", true},
		{"GRÖSSE", false},
		{"größe", true},
		{"mice [Title]", true},
		{"receptor in mice", true},
		{`"mice kinases"`, false}, // a phrase does not reach over fields
	} {
		t.Run(c.query, func(t *testing.T) {
			q, err := Parse(c.query)
			if err != nil {
				t.Fatal(err)
			}
			if got := q.Match(&mouse, nil); got != c.want {
				t.Errorf("%s matches: %v, want %v", q.Expanded(), got, c.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		query string
		at    int
		what  string
	}{
		{"", 0, "ends"},
		{"protein AND", 11, "ends"},
		{"AND protein", 0, "AND has nothing before it"},
		{"(protein OR gene", 0, "never closed"},
		{"protein) OR gene", 7, "closing bracket"},
		{"a ()", 3, "closing bracket"},
		{`protein "gene`, 8, "a quote that is never closed"},
		{"protein[ti", 7, "field"},
		{"protein[msh]", 7, "unknown field [msh], want one of [ti] [ab] [tiab] [all] [mesh]"},
		{"protein*[mesh]", 7, "* in a MeSH heading"},
		{"a AND 20x0[dp]", 6, "is not a date"},
		{"2012:2010[dp]", 0, "the range of dates ends before it begins: 2012 to 2010"},
		{"2010[dp] : (", 11, "want a date"},
		{"2010/13[dp]", 0, "is not a date"},
		{"[ti] protein", 0, "without a word"},
		{"pro*tein", 3, "* inside a word"},
		{"a AND ---", 6, "no letter"},
		{"*", 0, "no letter"},
	} {
		t.Run(c.query, func(t *testing.T) {
			_, err := Parse(c.query)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("error %v, want a *SyntaxError", err)
			}
			if syntax.Offset != c.at || !strings.Contains(syntax.What, c.what) {
				t.Errorf("at %d: %s; want at %d: %s", syntax.Offset, syntax.What, c.at, c.what)
			}
		})
	}
}

func TestExpanded(t *testing.T) {
	q, err := Parse(`Protein* OR "IL-2 receptor"[ti] AND mice NOT rats[tiab]`)
	if err != nil {
		t.Fatal(err)
	}
	want := `(((protein*[all] OR "il 2 receptor"[ti]) AND mice[all]) NOT rats[tiab])`
	if got := q.Expanded(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`(a OR "b c*"[ti]) NOT d AND NOT [`)
	f.Fuzz(func(t *testing.T, s string) {
		q, err := Parse(s)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("error without words")
			}
			return
		}
		again, err := Parse(q.Expanded())
		if err != nil {
			t.Fatalf("%q was understood as %s, which is refused: %v", s, q.Expanded(), err)
		}
		if again.Expanded() != q.Expanded() {
			t.Fatalf("%s is understood as %s", q.Expanded(), again.Expanded())
		}
		q.Match(&mouse, nil)
	})
}
